import assert from "node:assert/strict";
import type { Store } from "@accredit/core/ports";
import { makeProposal } from "./store-fixtures.ts";

type Check = (what: string, body: (store: Store) => Promise<void>) => void;

const A = "spiffe://example.org/ns/prod/agent/a";
const B = "spiffe://example.org/ns/prod/agent/b";

/** What every store has to refuse in the transaction in which it would write. */
export function conditionTests(check: Check): void {
  const quotaExceeded = { name: "DcrError", code: "quota_exceeded" };
  const subjects = Array.from({ length: 100 }, (_, i) => `${A}/${i}`);

  check(
    "[I08] of 100 newcomers at once a rule with room for 10 takes 10, and goes on renewing them",
    async (store) => {
      const conditions = { maxClientsOfRule: 10 };
      const register = (subject: string) =>
        store.register(makeProposal({ subject, conditions }));
      const outcomes = await Promise.allSettled(subjects.map(register));
      const taken = subjects.filter(
        (_, i) => outcomes[i]?.status === "fulfilled",
      );
      assert.equal(taken.length, 10);
      assert.equal(await store.countClients(), 10);
      for (const outcome of outcomes) {
        if (outcome.status === "rejected")
          assert.equal(outcome.reason.code, "quota_exceeded");
      }
      const again = await Promise.all(taken.map(register));
      assert.ok(again.every(({ created }) => !created));
      assert.equal((await store.readAudit({ limit: 1000 })).length, 20);
      await store.register(makeProposal({ subject: B, rule: "other" }));
    },
  );

  check(
    "a trust domain has as many clients as it may, over all rules",
    async (store) => {
      const conditions = { maxClientsOfTrust: 3 };
      const register = (i: number) =>
        store.register(
          makeProposal({
            subject: subjects[i] ?? "",
            rule: `rule-${i}`,
            conditions,
          }),
        );
      for (const i of [0, 1, 2]) await register(i);
      await assert.rejects(register(3), quotaExceeded);
      assert.equal((await register(1)).created, false);
      await store.register(
        makeProposal({ subject: "spiffe://other.example/a", conditions }),
      );
    },
  );

  check("a subject has as many clients as it may", async (store) => {
    const conditions = { maxClientsPerSubject: 3 };
    const register = (softwareId: string) =>
      store.register(
        makeProposal({
          softwareId,
          clientId: `id-${softwareId}`,
          conditions,
        }),
      );
    for (const name of ["a", "b", "c"]) await register(name);
    await assert.rejects(register("d"), quotaExceeded);
    assert.equal((await register("b")).created, false);
    assert.equal(await store.findClient("id-d"), undefined);
  });

  check(
    "[MGMT-09] keys that are not proven are those that are there",
    async (store) => {
      const register = (keyThumbprints: string | null, keysProven: boolean) =>
        store.register(
          makeProposal({ conditions: { keyThumbprints, keysProven } }),
        );
      await register("k1", false);
      await register("k1", false);
      for (const other of ["k2", "", null]) {
        await assert.rejects(register(other, false), {
          name: "DcrError",
          code: "client_keys_fixed",
        });
      }
      await register("k2", true);
      await assert.rejects(register("k1", false), {
        code: "client_keys_fixed",
      });
      assert.equal((await store.readAudit({ limit: 10 })).length, 3);
    },
  );

  check(
    "[CAUTH-12] [T14] of 50 uses of one proof at once one is the first",
    async (store) => {
      const expiresAt = 4_000_000_000;
      const uses = await Promise.all(
        Array.from({ length: 50 }, () => store.claimOnce("proof", expiresAt)),
      );
      assert.equal(uses.filter(Boolean).length, 1);
      assert.equal(await store.claimOnce("proof", expiresAt), false);
      assert.equal(await store.claimOnce("Proof", expiresAt), true);
    },
  );

  check(
    "a client of a Verifiable Credential keeps what it depends on",
    async (store) => {
      const { client, ...rest } = makeProposal({ clientId: "vc-1" });
      const { spiffe_id: _, ...metadata } = client.metadata;
      const proposal = {
        ...rest,
        client: {
          ...client,
          kind: "vc",
          managementTokenHash: null,
          trust: "https://issuer.example",
          subject: "did:example:holder",
          metadata: {
            ...metadata,
            token_endpoint_auth_method: "private_key_jwt",
          },
          credential: {
            format: "vc+jwt",
            types: ["VerifiableCredential", "ClientCredential"],
            fingerprint: "n4bQgYhMfWWaL-qgxVrQFaO_TxsrC4Is0V1sFbDwCgg",
            expiresAt: 1_760_000_000,
            status: [
              {
                kind: "bitstring",
                listUrl: "https://issuer.example/status/1",
                index: 131_071,
                purpose: "revocation",
                size: 1,
              },
            ],
          },
        },
      } as const;
      const registered = await store.register(proposal);
      assert.deepEqual(await store.findClient("vc-1"), registered.client);
      assert.deepEqual(registered.client, {
        ...proposal.client,
        issuedAt: proposal.now,
        registrationId: proposal.audit.id,
      });
      assert.deepEqual(
        await store.findSpiffeClients("did:example:holder"),
        [],
        "no SPIFFE client",
      );
      const again = { ...proposal, audit: makeProposal().audit };
      assert.equal((await store.register(again)).created, false);
    },
  );
}
