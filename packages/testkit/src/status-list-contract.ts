import assert from "node:assert/strict";
import type { Store } from "@accredit/core/ports";
import { makeAudit, makeProposal } from "./store-fixtures.ts";

type Check = (what: string, body: (store: Store) => Promise<void>) => void;

const A = "spiffe://example.org/ns/prod/agent/a";

/** What every store has to do with clients that depend on status lists. */
export function statusListTests(check: Check): void {
  clientsOnListTests(check);
  turnTests(check);
}

function clientsOnListTests(check: Check): void {
  check(
    "[R04] a registration access token is replaced once, by whoever knows the current one",
    async (store) => {
      const { client } = await store.register(vcProposal("a", []));
      const rotate = (from: string | null, to: string) =>
        store.rotateManagementToken(client.clientId, from, to);
      assert.equal(await rotate("wrong", "h2"), false);
      const won = await Promise.all([rotate(null, "h2"), rotate(null, "h3")]);
      assert.equal(won.filter(Boolean).length, 1);
      const found = await store.findClient(client.clientId);
      const hash = found?.kind === "vc" ? found.managementTokenHash : undefined;
      assert.equal(hash, won[0] ? "h2" : "h3");
    },
  );

  check(
    "[R01] a registration access token is destroyed by its hash alone, with a row of its client, once",
    async (store) => {
      const { client } = await store.register(vcProposal("a", []));
      const { clientId } = client;
      await store.rotateManagementToken(clientId, null, "h1");
      const destroy = (hash: string) =>
        store.destroyManagementToken(hash, makeAudit());
      const before = (await store.readAudit({ limit: 100 })).length;
      assert.equal(await destroy("nobody's"), false);
      assert.equal((await store.readAudit({ limit: 100 })).length, before);
      assert.equal(await destroy("h1"), true);
      assert.equal(await destroy("h1"), false);
      const found = await store.findClient(clientId);
      assert.equal(found?.kind === "vc" && found.managementTokenHash, null);
      const [row, ...others] = await store.readAudit({ limit: 100 });
      assert.equal(others.length, before);
      assert.equal(row?.action, "client.token_destroyed");
      assert.equal(row.clientId, clientId);
    },
  );

  check("knows which clients depend on a status list", async (store) => {
    const one = "https://issuer.example/status/1";
    const two = "https://issuer.example/status/2";
    await store.register(vcProposal("a", [one]));
    await store.register(vcProposal("b", [one, two, one]));
    await store.register(vcProposal("c", []));
    assert.deepEqual(await store.statusLists(), [one, two]);
    const on = async (url: string) =>
      (await store.clientsOnStatusList(url, undefined, 10)).clients.map(
        ({ subject }) => subject,
      );
    assert.deepEqual(await on(one), ["a", "b"]);
    assert.deepEqual(await on(two), ["b"]);
    const first = await store.clientsOnStatusList(one, undefined, 1);
    const second = await store.clientsOnStatusList(
      one,
      first.next ?? undefined,
      1,
    );
    assert.deepEqual(
      [...first.clients, ...second.clients].map(({ subject }) => subject),
      ["a", "b"],
    );
    await store.register(vcProposal("b", [two]));
    assert.deepEqual(await on(one), ["a"], "its new credential names another");
    await store.deleteClient("vc-a", makeAudit());
    assert.deepEqual(await store.statusLists(), [two]);
  });
}

function turnTests(check: Check): void {
  check(
    "[V23] of each status list the newest time is kept, whoever notes which first",
    async (store) => {
      const [one, other] = ["x".repeat(3000), `${"x".repeat(2999)}y`];
      assert.equal(await store.newestStatusList(one), undefined);
      await Promise.all(
        [20, 30, 10].map((time) => store.noteStatusList(one, time)),
      );
      assert.equal(await store.newestStatusList(one), 30);
      assert.equal(await store.newestStatusList(other), undefined);
      await store.noteStatusList(one, 25);
      assert.equal(await store.newestStatusList(one), 30);
    },
  );

  const listUrl = "https://issuer.example/status/1";

  check(
    "of withdrawn credentials is told once, whoever tells it again",
    async (store) => {
      for (const subject of ["a", "b", "c"])
        await store.register(vcProposal(subject, [listUrl]));
      await store.register(makeProposal());
      const tell = (to: "withdrawn" | "restored", ...clientIds: string[]) =>
        store.tellCredentials({ listUrl, to, clientIds }, makeAudit());
      const told = async () => {
        const page = await store.clientsOnStatusList(listUrl, undefined, 10);
        return [...page.withdrawn];
      };
      const last = async () => {
        const [row] = await store.readAudit({ limit: 1 });
        return [row?.action, row?.details];
      };
      assert.deepEqual(await told(), []);
      assert.equal(await tell("restored", "vc-a"), 0);
      const counts = await Promise.all([
        tell("withdrawn", "vc-b", "vc-a"),
        tell("withdrawn", "vc-b", "vc-a"),
      ]);
      assert.deepEqual(counts, [2, 0]);
      assert.deepEqual(await told(), ["vc-a", "vc-b"]);
      assert.deepEqual(await last(), [
        "credentials.withdrawn",
        { list: listUrl, clients: ["vc-b", "vc-a"] },
      ]);
      assert.equal(await tell("withdrawn", "vc-a", "vc-c", A, "nobody"), 1);
      assert.equal(await tell("restored", "vc-a", "vc-b"), 2);
      assert.deepEqual(await last(), [
        "credentials.restored",
        { list: listUrl, clients: ["vc-a", "vc-b"] },
      ]);
      assert.deepEqual(await told(), ["vc-c"]);
      const rows = await store.readAudit({ limit: 20 });
      assert.equal(rows.length, 7);
      await store.register(vcProposal("c", [listUrl]));
      assert.deepEqual(await told(), [], "its new credential is another");
    },
  );
}

/** A client that a Verifiable Credential on these status lists registered. */
function vcProposal(subject: string, lists: readonly string[]) {
  const { client, ...rest } = makeProposal({ clientId: `vc-${subject}` });
  const { kind: _, ...common } = client;
  return {
    ...rest,
    client: {
      ...common,
      kind: "vc" as const,
      trust: "https://issuer.example",
      subject,
      managementTokenHash: null,
      credential: {
        format: "vc+jwt",
        types: ["VerifiableCredential"],
        fingerprint: "n4bQgYhMfWWaL-qgxVrQFaO_TxsrC4Is0V1sFbDwCgg",
        expiresAt: 1_760_000_000,
        status: lists.map((listUrl, index) => ({
          kind: "token_status_list" as const,
          listUrl,
          index,
        })),
      },
    },
  };
}
