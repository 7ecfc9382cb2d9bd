import assert from "node:assert/strict";
import { test } from "node:test";
import type {
  AuditEntry,
  AuditRecord,
  SigningKey,
  Store,
} from "@accredit/core/ports";
import { conditionTests } from "./condition-contract.ts";
import { lifecycleTests } from "./lifecycle-contract.ts";
import { makeAudit, makeProposal, makeRefusal } from "./store-fixtures.ts";

const UNAVAILABLE = { name: "DcrError", code: "store_unavailable" };
const A = "spiffe://example.org/ns/prod/agent/a";
const B = "spiffe://example.org/ns/prod/agent/b";

/** Texts that a careless store would fold, cut, split or interpret. */
const UNUSUAL = [
  "plain",
  "Plain",
  "plain ",
  "plain\0tail",
  'it\'s "quoted" `so` \\ too',
  "'; DROP TABLE clients; --",
  "100%",
  "_____",
  "caf\u00e9",
  "cafe\u0301",
  "\u{1f511}\u{1f916}",
  "\ufffd",
  "line\nbreak\ttab",
  "x".repeat(2048),
  `${"x".repeat(2047)}y`,
] as const;

const makeKey = (kid: string, createdAt = 1_750_000_000): SigningKey => ({
  kid,
  algorithm: "ES256",
  privateJwk: { kty: "EC", crv: "P-256", x: "x", y: "y", d: kid },
  createdAt,
});

/**
 * Registers the tests that every store has to pass. `open` gives a new, empty store each time; the
 * tests close it.
 */
export function storeContract(name: string, open: () => Promise<Store>): void {
  const check = (what: string, body: (store: Store) => Promise<void>): void => {
    void test(`${name}: ${what}`, async () => {
      const store = await open();
      try {
        await body(store);
      } finally {
        await store.close();
      }
    });
  };
  clientTests(check);
  conditionTests(check);
  lookupTests(check);
  auditTests(check);
  secretTests(check);
  lifecycleTests(check);
  void test(`${name}: is unavailable once closed`, async () => {
    const store = await open();
    await store.ping();
    await store.register(makeProposal());
    await store.close();
    await store.close();
    await assert.rejects(store.ping(), UNAVAILABLE);
    await assert.rejects(store.register(makeProposal()), UNAVAILABLE);
    await assert.rejects(store.findClient(A), UNAVAILABLE);
    await assert.rejects(store.isTokenRevoked("t"), UNAVAILABLE);
  });
}

type Check = (what: string, body: (store: Store) => Promise<void>) => void;

function clientTests(check: Check): void {
  check("registers a client and finds it as it was given", async (store) => {
    const proposal = makeProposal({ now: 1000 });
    const { client, created } = await store.register(proposal);
    assert.equal(created, true);
    assert.deepEqual(client, {
      ...proposal.client,
      issuedAt: 1000,
      registrationId: proposal.audit.id,
    });
    assert.deepEqual(await store.findClient(A), client);
    assert.equal(await store.countClients(), 1);
  });

  check(
    "[MGMT-09] registering again keeps client_id and client_id_issued_at and replaces the rest",
    async (store) => {
      const first = makeProposal({ now: 1000, clientId: "opaque-1" });
      await store.register(first);
      const again = makeProposal({
        now: 2000,
        clientId: "opaque-2",
        rule: "other",
        scope: "write",
        clientName: "Renamed",
      });
      const { client, created } = await store.register(again);
      assert.equal(created, false);
      assert.deepEqual(client, {
        ...again.client,
        clientId: "opaque-1",
        issuedAt: 1000,
        registrationId: first.audit.id,
      });
      assert.deepEqual(await store.findClient("opaque-1"), client);
      assert.equal(await store.findClient("opaque-2"), undefined);
      assert.equal(await store.countClients(), 1);
    },
  );

  check(
    "[AMB-03] a changed client_id strategy leaves existing clients their id",
    async (store) => {
      await store.register(makeProposal({ subject: A, clientId: "opaque-1" }));
      await store.register(makeProposal({ subject: B }));
      const first = await store.register(makeProposal({ subject: A }));
      const second = await store.register(
        makeProposal({ subject: B, clientId: "opaque-2" }),
      );
      assert.equal(first.client.clientId, "opaque-1");
      assert.equal(second.client.clientId, B);
    },
  );

  check(
    "[I01] 200 registrations of one subject at once make one client",
    async (store) => {
      const outcomes = await Promise.all(
        Array.from({ length: 200 }, (_, i) =>
          store.register(makeProposal({ clientId: `opaque-${i}` })),
        ),
      );
      const ids = new Set(outcomes.map(({ client }) => client.clientId));
      assert.equal(ids.size, 1);
      assert.equal(outcomes.filter(({ created }) => created).length, 1);
      assert.equal(await store.countClients(), 1);
      const actions = (await store.readAudit({ limit: 1000 })).map(
        (row) => row.action,
      );
      assert.equal(actions.length, 200);
      assert.equal(actions.at(-1), "client.registered");
      assert.equal(
        actions.filter((action) => action === "client.updated").length,
        199,
      );
    },
  );

  check(
    "[DCR-13] a client_id never serves two subjects, and a refused write leaves nothing",
    async (store) => {
      await store.register(makeProposal({ subject: A, clientId: "taken" }));
      const audit = await store.readAudit({ limit: 10 });
      await assert.rejects(
        store.register(makeProposal({ subject: B, clientId: "taken" })),
        UNAVAILABLE,
      );
      assert.equal(await store.findClient(B), undefined);
      assert.equal(
        (await store.findClient("taken"))?.subject,
        A,
        "the client that was there",
      );
      assert.deepEqual(await store.readAudit({ limit: 10 }), audit);
    },
  );

  check(
    "[R11] a client_id that is another client's SPIFFE ID is refused",
    async (store) => {
      await assert.rejects(
        store.register(makeProposal({ subject: A, clientId: B })),
        UNAVAILABLE,
      );
      assert.equal(await store.findClient(B), undefined);
      assert.equal(await store.countClients(), 0);
    },
  );

  check("a write that fails does not fail its neighbours", async (store) => {
    const spent = makeRefusal();
    await store.appendAudit(spent);
    const subjects = Array.from({ length: 20 }, (_, i) => `${A}/${i}`);
    const outcomes = await Promise.allSettled(
      subjects.map((subject, i) =>
        store.register(
          // Every fifth repeats the id of an audit row: its client must not stay either.
          makeProposal(
            i % 5 === 0 ? { subject, auditId: spent.id } : { subject },
          ),
        ),
      ),
    );
    for (const [i, subject] of subjects.entries()) {
      const fails = i % 5 === 0;
      assert.equal(outcomes[i]?.status, fails ? "rejected" : "fulfilled");
      const found = await store.findClient(subject);
      assert.equal(found === undefined, fails, subject);
    }
    assert.equal(await store.countClients(), 16);
    assert.equal((await store.readAudit({ limit: 100 })).length, 17);
  });
}

function lookupTests(check: Check): void {
  check("finds an opaque client by its SPIFFE ID too", async (store) => {
    const { client } = await store.register(
      makeProposal({ clientId: "opaque-1" }),
    );
    assert.deepEqual(await store.findClient("opaque-1"), client);
    assert.equal(await store.findClient(A), undefined);
    assert.deepEqual(await store.findSpiffeClients(A), [client]);
  });

  check(
    "[A05] one subject may have several clients, told apart by software_id",
    async (store) => {
      const softwareIds = ["", "billing", "Billing", "reports"];
      for (const [i, softwareId] of softwareIds.entries()) {
        await store.register(
          makeProposal({ softwareId, clientId: `opaque-${i}` }),
        );
      }
      const again = await store.register(
        makeProposal({ softwareId: "billing", clientId: "opaque-9" }),
      );
      assert.equal(again.client.clientId, "opaque-1");
      const found = await store.findSpiffeClients(A);
      assert.deepEqual(
        found.map((client) => client.softwareId),
        softwareIds,
      );
      assert.deepEqual(await store.findSpiffeClients(B), []);
    },
  );

  check("finds nothing where there is nothing", async (store) => {
    await store.register(makeProposal());
    for (const absent of [
      "",
      "spiffe://",
      "spiffe://example.org",
      `${A}/`,
      B,
    ]) {
      assert.equal(await store.findClient(absent), undefined);
    }
  });

  check("[S59] SPIFFE IDs differ by letter case", async (store) => {
    const upper = "spiffe://example.org/Path";
    const lower = "spiffe://example.org/path";
    await store.register(makeProposal({ subject: upper, clientId: "one" }));
    assert.deepEqual(await store.findSpiffeClients(lower), []);
    await store.register(makeProposal({ subject: lower, clientId: "two" }));
    const idsOf = async (subject: string) =>
      (await store.findSpiffeClients(subject)).map((each) => each.clientId);
    assert.deepEqual(await idsOf(upper), ["one"]);
    assert.deepEqual(await idsOf(lower), ["two"]);
    assert.equal(await store.findClient("ONE"), undefined);
  });

  check("keeps unusual texts byte for byte", async (store) => {
    for (const [i, text] of UNUSUAL.entries()) {
      const proposal = makeProposal({
        subject: `${A}/${i}`,
        clientId: text,
        clientName: `${text} \ud800`,
        rule: text,
      });
      const { client, created } = await store.register(proposal);
      assert.equal(created, true, JSON.stringify(text));
      assert.deepEqual(await store.findClient(text), client);
    }
    for (const absent of [
      "plain\0",
      "plain\0tail2",
      "\ud800",
      "%",
      "CAF\u00c9",
    ]) {
      assert.equal(await store.findClient(absent), undefined);
    }
  });

  check("takes a SPIFFE ID of 2048 bytes", async (store) => {
    const stem = "spiffe://example.org/";
    const subject = stem + "a".repeat(2048 - stem.length);
    const { client } = await store.register(makeProposal({ subject }));
    assert.deepEqual(await store.findClient(subject), client);
    assert.equal(await store.findClient(subject.slice(0, -1)), undefined);
  });
}

function entryOf({
  sequence: _sequence,
  chain: _chain,
  ...entry
}: AuditRecord): AuditEntry {
  return entry;
}

/** Audit rows as they were given, without their place in the chain. */
async function entriesOf(
  store: Store,
  limit: number,
): Promise<readonly AuditEntry[]> {
  const rows = await store.readAudit({ limit });
  return rows.map(entryOf);
}

function auditTests(check: Check): void {
  check("writes the audit row of a registration with it", async (store) => {
    const first = makeProposal({ clientId: "opaque-1" });
    const second = makeProposal({ clientId: "opaque-2" });
    await store.register(first);
    await store.register(second);
    assert.deepEqual(await entriesOf(store, 10), [
      { ...second.audit, action: "client.updated", clientId: "opaque-1" },
      { ...first.audit, action: "client.registered", clientId: "opaque-1" },
    ]);
  });

  check("reads audit rows newest first, as many as asked", async (store) => {
    const proposal = makeProposal();
    const rows = [
      makeRefusal({ reasons: UNUSUAL }),
      makeRefusal({
        action: "authentication.refused",
        clientId: A,
        rule: null,
        remote: "2001:db8::1",
        credential: proposal.audit.credential && {
          ...proposal.audit.credential,
          issuedAt: undefined,
        },
      }),
      makeRefusal({ code: null, reasons: [] }),
    ];
    for (const row of rows) await store.appendAudit(row);
    assert.deepEqual(await entriesOf(store, 10), rows.toReversed());
    assert.deepEqual(await entriesOf(store, 1), [rows[2]]);
    assert.deepEqual(await entriesOf(store, 0), []);
    assert.equal(await store.countClients(), 0);
  });
}

function secretTests(check: Check): void {
  check("knows a revoked token until it expires", async (store) => {
    const expiresAt = 4_000_000_000;
    assert.equal(await store.isTokenRevoked("t1"), false);
    await Promise.all([
      store.revokeToken("t1", A, expiresAt, makeAudit()),
      store.revokeToken("t2", B, expiresAt, makeAudit()),
      store.revokeToken("t1", A, expiresAt, makeAudit()),
    ]);
    assert.equal(await store.isTokenRevoked("t1"), true);
    assert.equal(await store.isTokenRevoked("t2"), true);
    const rows = await store.readAudit({ limit: 10 });
    assert.deepEqual(
      new Set(rows.map(({ action, clientId }) => `${action} ${clientId}`)),
      new Set([`token.revoked ${A}`, `token.revoked ${B}`]),
    );
    assert.equal(rows.length, 2, "one row for each token");
    assert.equal(await store.isTokenRevoked("T1"), false);
    assert.equal(await store.isTokenRevoked(""), false);
  });

  check("makes signing keys once, however many ask at once", async (store) => {
    const sets = await Promise.all(
      Array.from({ length: 20 }, (_, i) =>
        store.loadOrCreateSigningKeys(async () => makeKey(`key-${i}`)),
      ),
    );
    const [first] = sets;
    assert.equal(first?.length, 1);
    for (const set of sets) assert.deepEqual(set, first);
    const kid = first?.[0]?.kid ?? "";
    assert.deepEqual(first, [makeKey(kid)]);
    const later = await store.loadOrCreateSigningKeys(() =>
      Promise.reject(new Error("not to be called")),
    );
    assert.deepEqual(later, first);
  });

  check("asks for signing keys again after a failure", async (store) => {
    const failure = new Error("no entropy");
    await assert.rejects(
      store.loadOrCreateSigningKeys(() => Promise.reject(failure)),
      failure,
    );
    const keys = await store.loadOrCreateSigningKeys(async () => makeKey("k"));
    assert.deepEqual(keys, [makeKey("k")]);
  });
}
