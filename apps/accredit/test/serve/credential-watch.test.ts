import assert from "node:assert/strict";
import { after, test, type TestContext } from "node:test";
import { makeProposal, PostgresServer } from "@accredit/testkit";
import { openPostgresStore, type AccreditStore } from "@accredit/store";
import { watchCredentials } from "../../src/serve/credential-watch.ts";

const server = await PostgresServer.start();
after(() => server.close());

const listUrl = "https://issuer.example/status/1";
const issuer = "https://issuer.example";
const clock = { now: () => Math.floor(Date.now() / 1000) };
const log = { info: () => {}, warn: () => {} };

const open = async (t: TestContext, url: string): Promise<AccreditStore> => {
  const { password } = server;
  const store = await openPostgresStore({ url, password, clock });
  t.after(() => store.close());
  return store;
};

/** A client whose credential has this place on the list. */
function proposalAt(index: number) {
  const { client, ...rest } = makeProposal({ clientId: `vc-${index}` });
  const { kind: _, ...common } = client;
  return {
    ...rest,
    client: {
      ...common,
      kind: "vc" as const,
      trust: issuer,
      subject: `did:example:${index}`,
      managementTokenHash: null,
      credential: {
        format: "vc+jwt",
        types: ["VerifiableCredential"],
        fingerprint: "n4bQgYhMfWWaL-qgxVrQFaO_TxsrC4Is0V1sFbDwCgg",
        expiresAt: clock.now() + 3600,
        status: [{ kind: "token_status_list" as const, listUrl, index }],
      },
    },
  };
}

/** A status list that all watches see, and what the audit trail tells of it. */
async function makeScene(t: TestContext, nodes: number) {
  const url = await server.createDatabase();
  const stores = await Promise.all(
    Array.from({ length: nodes }, () => open(t, url)),
  );
  const [store] = stores;
  assert.ok(store);
  for (let index = 0; index < 5; index++)
    await store.register(proposalAt(index));
  const revoked = new Set<number>();
  const list = { isThere: true };
  const watchOf = (each: AccreditStore) =>
    watchCredentials({
      store: each,
      clock,
      log,
      statuses: {
        check: async (_issuer, [reference]) => {
          const index =
            reference !== undefined && "index" in reference
              ? reference.index
              : -1;
          if (!list.isThere) return { verdict: "unavailable", reason: "gone" };
          return revoked.has(index)
            ? { verdict: "revoked", reason: "the list says so" }
            : { verdict: "valid" };
        },
      },
    });
  /** Every node hears of the list at the same time, and has done what it does. */
  const hear = async (change: "first" | "changed") => {
    const watches = stores.map(watchOf);
    for (const watch of watches)
      watch.listChanged({
        issuer,
        listUrl,
        kind: "token_status_list",
        change,
      });
    await Promise.all(watches.map((watch) => watch.settled()));
    await Promise.all(watches.map((watch) => watch.close()));
  };
  const told = async () => {
    const rows = await store.readAudit({ limit: 50 });
    return rows
      .filter(({ action }) => action.startsWith("credentials."))
      .map(({ action, details }) => [action, details?.["clients"]]);
  };
  return { revoked, list, hear, told };
}

test("of a revocation that several nodes see, the audit trail tells once", async (t) => {
  const { revoked, hear, told } = await makeScene(t, 3);
  await hear("first");
  assert.deepEqual(await told(), []);
  for (const index of [1, 3]) revoked.add(index);
  await hear("changed");
  await hear("changed");
  assert.deepEqual(await told(), [["credentials.withdrawn", ["vc-1", "vc-3"]]]);
  revoked.delete(3);
  await hear("changed");
  assert.deepEqual((await told())[0], ["credentials.restored", ["vc-3"]]);
});

test("of a revocation from while no node ran it tells at the next start, and once", async (t) => {
  const { revoked, hear, told } = await makeScene(t, 2);
  revoked.add(2);
  await hear("first");
  await hear("first");
  assert.deepEqual(await told(), [["credentials.withdrawn", ["vc-2"]]]);
});

test("a list that cannot tell at present restores nobody", async (t) => {
  const { revoked, list, hear, told } = await makeScene(t, 1);
  revoked.add(2);
  await hear("changed");
  list.isThere = false;
  await hear("changed");
  assert.equal((await told()).length, 1);
});
