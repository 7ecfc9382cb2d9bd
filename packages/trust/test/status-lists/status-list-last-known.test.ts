import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeClock } from "@accredit/testkit";
import { createStatusListKeeper } from "@accredit/trust";
import { collectLog } from "../support/harness.ts";
import { makeStatusIssuer } from "../support/status-issuer.ts";

const LIST = "https://issuer.example/status/1";
const issuer = makeStatusIssuer("https://issuer.example");

test("who only looks is told what the lists said last, and has nothing fetched", async (t) => {
  const clock = new FakeClock();
  let fetches = 0;
  const keeper = createStatusListKeeper({
    issuerKeys: (name) => (name === issuer.issuer ? issuer.keys : undefined),
    clock,
    log: collectLog().log,
    maxStaleSeconds: 1000,
    fetch: async () => {
      fetches++;
      return Buffer.from(issuer.token(LIST, [7]));
    },
  });
  t.after(() => keeper.close());
  const entries = (...indexes: readonly number[]) =>
    indexes.map(
      (index) => ({ kind: "token_status_list", listUrl: LIST, index }) as const,
    );
  const known = (...indexes: readonly number[]) =>
    keeper.lastKnown(issuer.issuer, entries(...indexes), clock.now()).verdict;

  assert.equal(known(7), "unavailable");
  assert.equal(fetches, 0);
  await keeper.check(issuer.issuer, entries(7), clock.now());
  assert.equal(fetches, 1);
  assert.equal(known(7), "revoked");
  assert.equal(known(1), "valid");
  assert.equal(known(1, 7), "revoked", "the gravest decides");
  assert.equal(known(), "valid");
  const stranger = keeper.lastKnown("https://other.example", entries(7), 0);
  assert.equal(stranger.verdict, "unavailable", "another issuer's list");
  clock.advance(1_000_000);
  assert.equal(known(7), "unavailable", "too old to go by");
  assert.equal(fetches, 1);
});
