import assert from "node:assert/strict";
import { test } from "node:test";
import { calculateJwkThumbprint } from "jose";
import type { ClientAttestation } from "@accredit/core/credential";
import type { DcrErrorCode } from "@accredit/core/errors";
import type { JsonObject } from "@accredit/core/json";
import {
  register,
  type Registration,
  type RegistrationPorts,
  type RegistrationSettings,
} from "@accredit/core/registration";
import {
  FakeAuthority,
  FakeWitAuthority,
  staticTrust,
  type FakeWitSvid,
} from "@accredit/testkit";
import {
  AUDIENCE,
  makePorts as makeUsualPorts,
  NOW,
  RULE,
  SETTINGS,
  statementWith,
  SUBJECT,
} from "./fixture.ts";

const ISSUER = "https://as.example";
const wit = await FakeWitAuthority.create({ now: () => NOW });
const domain = await FakeAuthority.create({ trustDomain: "example.org" });
domain.otherKeys.push(wit.bundleKey());
const trust = await staticTrust([domain]);
const makePorts = (change: Partial<RegistrationPorts> = {}) =>
  makeUsualPorts({ trust, ...change });

const WIT_SETTINGS: Partial<RegistrationSettings> = {
  attestationAudiences: [ISSUER],
};

async function present(
  svid: FakeWitSvid,
  jti = "one",
): Promise<ClientAttestation> {
  const proof = await svid.proof(ISSUER, { claims: { jti } });
  return { attestation: svid.token, proof };
}

let requests = 0;

function registerBy(
  attestation: ClientAttestation | undefined,
  ports: RegistrationPorts,
  body: JsonObject = {},
  settings = WIT_SETTINGS,
): Promise<Registration> {
  return register(
    { body, attestation, requestId: `request-${++requests}`, remote: null },
    { ...SETTINGS, ...settings },
    ports,
  );
}

test("[DCR-10] [WIT-02] a WIT-SVID attests its SPIFFE ID and the metadata among its claims", async () => {
  const { store, ports } = makePorts();
  const claims = { scope: "read", jti: "shared", client_id: "chosen" };
  const svid = await wit.witSvid({ claims });
  const registered = await registerBy(await present(svid), ports, {
    client_name: "Alice",
    scope: "write",
  });
  assert.equal(registered.created, true);
  assert.equal(registered.softwareStatement, undefined);
  assert.equal(registered.managementToken, undefined, "[MGMT-08]");
  const { client } = registered;
  assert.deepEqual(
    [client.kind, client.clientId, client.subject, client.trust],
    ["spiffe", SUBJECT, SUBJECT, "example.org"],
  );
  assert.equal(client.metadata.scope, "read");
  assert.equal(client.provenance["scope"], "attested");
  assert.equal(client.provenance["client_name"], "requested");
  for (const name of ["cnf", "jti", "exp", "sub", "client_id"])
    assert.equal(name in client.metadata, false, name);
  const [row, ...others] = await store.readAudit({ limit: 10 });
  assert.deepEqual(others, []);
  assert.equal(row?.action, "client.registered");
  assert.equal(row?.credential?.kind, "wit-svid");
  assert.equal(row?.credential?.keyId, wit.key.kid);
});

test("[CAUTH-12] [WIT-07] a proof is claimed for its key until it can no longer be good", async () => {
  const { store, ports: usual } = makePorts();
  const claimed: (readonly [string, number])[] = [];
  const ports: RegistrationPorts = {
    ...usual,
    store: {
      register: (proposal) => store.register(proposal),
      appendAudit: (entry) => store.appendAudit(entry),
      suspensionsOf: (who) => store.suspensionsOf(who),
      listClients: (query) => store.listClients(query),
      claimOnce: (key, expiresAt) => {
        claimed.push([key, expiresAt]);
        return store.claimOnce(key);
      },
    },
  };
  const claims = { jti: "shared" };
  const svid = await wit.witSvid({ claims });
  await registerBy(await present(svid), ports);
  const holder = await calculateJwkThumbprint(svid.key.publicJwk);
  assert.deepEqual(claimed, [[`wit-proof ${holder} one`, NOW + 300 + 60]]);
  await assert.rejects(registerBy(await present(svid), ports), {
    code: "assertion_replayed",
  });
  // Another proof, or the same jti of another instance with the same WIT jti, is no replay.
  await registerBy(await present(svid, "two"), ports);
  await registerBy(await present(await wit.witSvid({ claims })), ports);
});

test("[CAUTH-12] whoever lacks the key of a WIT-SVID uses up none of its proofs", async () => {
  const { store, ports } = makePorts();
  const svid = await wit.witSvid();
  const thief = await wit.witSvid();
  const claims = { jti: "one" };
  const forged = await svid.proof(ISSUER, { claims, key: thief.key });
  const stolen = { attestation: svid.token, proof: forged };
  await assert.rejects(registerBy(stolen, ports), {
    code: "signature_invalid",
  });
  assert.deepEqual(store.clients, []);
  await registerBy(await present(svid), ports);
});

const good = await wit.witSvid();
const REFUSED: readonly (readonly [
  name: string,
  attempt: (ports: RegistrationPorts) => Promise<unknown>,
  code: DcrErrorCode,
])[] = [
  [
    "where WIT-SVIDs are not taken",
    async (ports) => registerBy(await present(good), ports, {}, {}),
    "credential_kind_unsupported",
  ],
  [
    "[CAUTH-01] beside a software statement",
    async (ports) =>
      registerBy(await present(good), ports, {
        software_statement: await statementWith(),
      }),
    "request_malformed",
  ],
  [
    "beside a software statement that is null",
    async (ports) =>
      registerBy(await present(good), ports, { software_statement: null }),
    "request_malformed",
  ],
  [
    "[WIT-06] as a software statement",
    async (ports) =>
      registerBy(undefined, ports, { software_statement: good.token }),
    "credential_kind_unsupported",
  ],
  [
    "[WIT-06] without a proof",
    async (ports) => registerBy({ attestation: good.token, proof: "" }, ports),
    "statement_malformed",
  ],
  [
    "[WIT-06] as its own proof",
    async (ports) =>
      registerBy({ attestation: good.token, proof: good.token }, ports),
    "header_invalid",
  ],
  [
    "[CAUTH-10] with a proof for the registration endpoint",
    async (ports) => {
      const proof = await good.proof(AUDIENCE);
      return registerBy({ attestation: good.token, proof }, ports);
    },
    "audience_mismatch",
  ],
  [
    "[CAUTH-10] that has expired",
    async (ports) =>
      registerBy(
        await present(await wit.witSvid({ claims: { exp: NOW - 60 } })),
        ports,
      ),
    "attestation_not_fresh",
  ],
  [
    "with a proof that has expired, since a fresh WIT-SVID would not help",
    async (ports) => {
      const proof = await good.proof(ISSUER, { claims: { iat: NOW - 360 } });
      return registerBy({ attestation: good.token, proof }, ports);
    },
    "credential_expired",
  ],
  [
    "[X08] of a trust domain that nobody named",
    async (ports) => {
      const other = await FakeWitAuthority.create({
        trustDomain: "other.example",
        now: () => NOW,
      });
      return registerBy(await present(await other.witSvid()), ports);
    },
    "issuer_untrusted",
  ],
  [
    "that no rule lets in",
    async (ports) => {
      const claims = { sub: "spiffe://example.org/ns/prod/db" };
      return registerBy(await present(await wit.witSvid({ claims })), ports);
    },
    "policy_denied",
  ],
];
for (const [name, attempt, code] of REFUSED) {
  test(`a WIT-SVID is refused ${name}, with one audit row and nothing else`, async () => {
    const { store, ports } = makePorts();
    await assert.rejects(attempt(ports), { name: "DcrError", code });
    assert.deepEqual(store.clients, []);
    const [row, ...others] = await store.readAudit({ limit: 10 });
    assert.deepEqual(others, []);
    assert.deepEqual([row?.action, row?.code], ["registration.refused", code]);
  });
}

test("[Q10] keys or a replay guard that are out of reach are an outage, not a refusal", async () => {
  const without = await staticTrust([domain], { bundle: undefined });
  const keyless = makePorts({ trust: without });
  await assert.rejects(registerBy(await present(good), keyless.ports), {
    code: "source_unavailable",
  });
  assert.deepEqual(await keyless.store.readAudit({ limit: 10 }), []);
  const closed = makePorts();
  await closed.store.close();
  await assert.rejects(registerBy(await present(good), closed.ports), {
    code: "store_unavailable",
  });
});

test("a rule that takes attested metadata alone takes a WIT-SVID's", async () => {
  const { ports } = makePorts();
  const svid = await wit.witSvid({ claims: { scope: "read" } });
  const settings = {
    ...WIT_SETTINGS,
    policy: [{ ...RULE, attestedOnly: ["scope"] as const }],
  };
  const { client } = await registerBy(await present(svid), ports, {}, settings);
  assert.equal(client.metadata.scope, "read");
});
