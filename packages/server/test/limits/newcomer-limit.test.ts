import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { DcrError } from "@accredit/core/errors";
import type { ClientStore } from "@accredit/core/ports";
import { limitNewcomers } from "../../src/limits/newcomer-limit.ts";
import { createTokenBuckets } from "../../src/limits/token-buckets.ts";

type Proposal = Parameters<ClientStore["register"]>[0];
type Outcome = Awaited<ReturnType<ClientStore["register"]>>;

/** A limit of so many newcomers in front of a store that answers when it is told to. */
function setUp({ burst, known }: { burst: number; known: readonly string[] }) {
  const clients = new Set(known);
  const waiting: (() => void)[] = [];
  let limited = 0;
  const register = limitNewcomers({
    async register({ client, conditions }) {
      const created = !clients.has(client.subject);
      if (conditions.mustExist === true) {
        if (created) throw new DcrError("client_unknown", "no such client");
      } else {
        await new Promise<void>((resolve) => waiting.push(resolve));
        clients.add(client.subject);
      }
      return { created } as Outcome;
    },
    // Nothing comes back by itself.
    newcomers: createTokenBuckets({
      perSecond: 0.001,
      burst,
      maxBuckets: 10,
      now: () => 0,
    }),
    count: () => limited++,
  });
  return {
    register: (name: string) =>
      register({
        client: {
          trust: "example.org",
          subject: `spiffe://example.org/${name}`,
        },
        conditions: {},
      } as Proposal),
    limited: () => limited,
    /** The store answers all that it was asked. */
    answer: async () => {
      await turn();
      for (const resolve of waiting.splice(0)) resolve();
      await turn();
    },
  };
}

const id = (name: string): string => `spiffe://example.org/${name}`;

test("[D07] a newcomer waits for the renewals that hold the last tokens, and gets one", async () => {
  const known = Array.from({ length: 10 }, (_, n) => `known-${n}`);
  const { register, answer, limited } = setUp({
    burst: 3,
    known: known.map(id),
  });
  const renewals = known.map((name) => register(name));
  const newcomers = ["a", "b", "c"].map((name) => register(name));
  await answer();
  assert.ok((await Promise.all(renewals)).every(({ created }) => !created));
  await answer();
  assert.ok((await Promise.all(newcomers)).every(({ created }) => created));
  assert.equal(limited(), 0);
});

test("[D07] newcomers that hold the last tokens keep them: who waited for them is refused", async () => {
  const { register, answer, limited } = setUp({ burst: 2, known: [] });
  const first = ["a", "b"].map((name) => register(name));
  const third = register("c");
  await Promise.all([
    answer(),
    assert.rejects(third, { code: "rate_limited" }),
  ]);
  assert.ok((await Promise.all(first)).every(({ created }) => created));
  assert.equal(limited(), 1);
  await assert.rejects(register("d"), { code: "rate_limited" });
});
