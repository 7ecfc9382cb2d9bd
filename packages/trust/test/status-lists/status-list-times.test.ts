import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { FakeClientStore, FakeClock } from "@accredit/testkit";
import { createStatusListKeeper } from "@accredit/trust";
import { collectLog, until } from "../support/harness.ts";
import { makeStatusIssuer } from "../support/status-issuer.ts";

const LIST = "https://issuer.example/status/1";
const issuer = makeStatusIssuer("https://issuer.example");

/** A new process, on what the earlier ones remembered. */
function keep(t: TestContext, times: FakeClientStore) {
  const clock = new FakeClock();
  const { log, lines } = collectLog();
  let page = "";
  const keeper = createStatusListKeeper({
    issuerKeys: (name) => (name === issuer.issuer ? issuer.keys : undefined),
    clock,
    log,
    times,
    fetch: async () => Buffer.from(page),
  });
  t.after(() => keeper.close());
  return {
    keeper,
    lines,
    /** The list is now one that says so, issued at that time. */
    put: (revoked: readonly number[], iat: number, listUrl = LIST): void => {
      page = issuer.token(listUrl, [...revoked], { iat });
    },
    verdict: async (index: number, listUrl = LIST) => {
      const reference = { kind: "token_status_list", listUrl, index } as const;
      const now = clock.now();
      return (await keeper.check(issuer.issuer, [reference], now)).verdict;
    },
  };
}

test("[V23] a restart takes no older list than the one before it, nor does another node", async (t) => {
  const times = new FakeClientStore();
  const before = keep(t, times);
  before.put([7], 1_749_999_500);
  assert.equal(await before.verdict(7), "revoked");
  await before.keeper.close();

  const { put, verdict, keeper } = keep(t, times);
  put([], 1_749_999_499);
  assert.equal(await verdict(7), "invalid");
  assert.match(
    keeper.status()[0]?.lastError ?? "",
    /issued at 1749999500 or later, got one of 1749999499/,
  );
  put([7], 1_749_999_500);
  await keeper.refresh(LIST);
  assert.equal(await verdict(7), "revoked");
  // Another list has times of its own.
  const elsewhere = "https://issuer.example/status/2";
  put([], 1_749_999_000, elsewhere);
  assert.equal(await verdict(7, elsewhere), "valid");
});

test("a list whose time cannot be kept is used all the same", async (t) => {
  const times = new FakeClientStore();
  times.noteStatusList = () => Promise.reject(new Error("full"));
  const { put, verdict, lines } = keep(t, times);
  put([8], 1_749_999_501);
  assert.equal(await verdict(8), "revoked");
  await until(() => lines.some(({ message }) => message.includes("full")));
});
