import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { deflateSync } from "node:zlib";
import { SignJWT } from "jose";
import {
  FakeBundleEndpoint,
  FakeCredentialIssuer,
  fakeKey,
  type FakeKey,
} from "@accredit/testkit";
import { send, startAccredit, type Answer } from "./running-accredit.ts";

const ISSUER = "https://issuer.example";
const HOLDER = "did:example:holder";
const ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
const now = (): number => Math.floor(Date.now() / 1000);

/** A whole server that trusts an issuer, whose status list is served over https. */
async function setUp(t: TestContext, more = "") {
  const dir = await mkdtemp(join(tmpdir(), "accredit-vc-"));
  t.after(() => rm(dir, { recursive: true, force: true }));
  const issuer = await FakeCredentialIssuer.create({ issuer: ISSUER });
  const jwks = {
    keys: issuer.keys.map(({ kid, publicJwk }) => ({ ...publicJwk, kid })),
  };
  await writeFile(join(dir, "jwks.json"), JSON.stringify(jwks));
  const lists = await FakeBundleEndpoint.start();
  t.after(() => lists.close());
  await writeFile(join(dir, "ca.pem"), lists.caPem);

  const accredit = await startAccredit(t, {
    adminToken: "admin-token-1234567890",
    trust: `  - kind: vc
    issuer: ${ISSUER}
    keys: { jwks_file: ${join(dir, "jwks.json")} }
    types: [ClientCredential, "https://types.example/client"]
    ${more}
status_lists: { ca_file: ${join(dir, "ca.pem")}, allow_private_addresses: true, floor: 1s, ceiling: 1s }`,
    policy: `
  - name: partners
    match: { trust: "${ISSUER}", subject: "*" }
    allow:
      grant_types: [client_credentials]
      scopes: [read, write]
      token_endpoint_auth_methods: [private_key_jwt]
    attested_only: [scope]
    template: { client_name: "Partner {subject}", scope: read }`,
  });
  /** Publishes the list with these entries revoked. */
  const publish = async (...revoked: readonly number[]): Promise<void> => {
    const bytes = Buffer.alloc(16);
    for (const index of revoked)
      bytes[index >> 3] = (bytes[index >> 3] ?? 0) | (1 << (index & 7));
    lists.serve(
      await issuer.sign(
        {
          sub: lists.url,
          iss: ISSUER,
          iat: now(),
          ttl: 1,
          status_list: {
            bits: 1,
            lst: deflateSync(bytes).toString("base64url"),
          },
        },
        { typ: "statuslist+jwt" },
      ),
    );
  };
  await publish();
  const status = (idx: number) => ({
    status: { status_list: { idx, uri: lists.url } },
  });
  return { accredit, issuer, lists, publish, status };
}

type SetUp = Awaited<ReturnType<typeof setUp>>;
type Members = Readonly<Record<string, unknown>>;

/** The three formats, each with the same metadata. */
const FORMATS = {
  jwt_vc: ({ issuer }: SetUp, metadata: Members, top: Members) =>
    issuer.jwtVc({
      iss: ISSUER,
      sub: HOLDER,
      nbf: now() - 10,
      exp: now() + 3600,
      vc: {
        "@context": ["https://www.w3.org/2018/credentials/v1"],
        type: ["VerifiableCredential", "ClientCredential"],
        credentialSubject: { ...metadata },
      },
      ...top,
    }),
  "vc+jwt": ({ issuer }: SetUp, metadata: Members, top: Members) =>
    issuer.vcJwt({
      "@context": ["https://www.w3.org/ns/credentials/v2"],
      type: ["VerifiableCredential", "ClientCredential"],
      issuer: ISSUER,
      iss: ISSUER,
      validFrom: new Date((now() - 10) * 1000).toISOString(),
      validUntil: new Date((now() + 3600) * 1000).toISOString(),
      exp: now() + 3600,
      credentialSubject: { id: HOLDER, ...metadata },
      ...top,
    }),
  "dc+sd-jwt": async ({ issuer }: SetUp, metadata: Members, top: Members) =>
    (
      await issuer.sdJwtVc(
        {
          iss: ISSUER,
          sub: HOLDER,
          vct: "https://types.example/client",
          iat: now() - 10,
          exp: now() + 3600,
          ...metadata,
          ...top,
        },
        { hidden: Object.keys(metadata) },
      )
    ).presented,
} as const;
type Format = keyof typeof FORMATS;

async function dpop(
  { accredit }: SetUp,
  key: FakeKey,
  change: Members = {},
): Promise<string> {
  return new SignJWT({
    htm: "POST",
    htu: accredit.registrationEndpoint,
    iat: now(),
    jti: randomUUID(),
    ...change,
  })
    .setProtectedHeader({
      typ: "dpop+jwt",
      alg: "ES256",
      jwk: { ...key.publicJwk },
    })
    .sign(key.privateKey);
}

async function assertionOf(
  { accredit }: SetUp,
  clientId: string,
  key: FakeKey,
  change: Members = {},
): Promise<string> {
  return new SignJWT({
    iss: clientId,
    sub: clientId,
    aud: accredit.issuer,
    jti: randomUUID(),
    iat: now(),
    exp: now() + 60,
    ...change,
  })
    .setProtectedHeader({ alg: "ES256" })
    .sign(key.privateKey);
}

async function tokenOf(
  world: SetUp,
  clientId: string,
  key: FakeKey,
  change: Members = {},
): Promise<Answer> {
  return world.accredit.token({
    grant_type: "client_credentials",
    client_assertion_type: ASSERTION_TYPE,
    client_assertion: await assertionOf(world, clientId, key, change),
  });
}

function registerAt(
  { accredit }: SetUp,
  body: Members,
  headers: Record<string, string> = {},
): Promise<Answer> {
  return send(accredit.registrationEndpoint, {
    method: "POST",
    headers: { "Content-Type": "application/json", ...headers },
    body: JSON.stringify(body),
  });
}

const jwksOf = (key: FakeKey) => ({ keys: [{ ...key.publicJwk }] });

for (const format of Object.keys(FORMATS) as Format[]) {
  test(`[DCR-TI-10] a ${format} credential registers a client, which gets a token with its own key`, async (t) => {
    const world = await setUp(t);
    const key = await fakeKey();
    const software_statement = await FORMATS[format](
      world,
      { scope: "write", client_name: "Attested" },
      {},
    );
    const body = { software_statement, jwks: jwksOf(key), scope: "read" };
    const { status, body: client, text } = await registerAt(world, body);
    assert.equal(status, 201, text);
    assert.equal(client["scope"], "write", "attested");
    assert.equal(client["client_name"], "Attested");
    assert.equal(client["token_endpoint_auth_method"], "private_key_jwt");
    assert.equal("client_secret" in client, false);
    assert.equal("spiffe_id" in client, false);
    assert.equal(typeof client["registration_access_token"], "string");
    const clientId = String(client["client_id"]);
    const token = await tokenOf(world, clientId, key);
    assert.equal(token.status, 200, token.text);
    assert.equal(token.body["scope"], "write");

    const again = await registerAt(world, {
      ...body,
      software_statement: await FORMATS[format](world, { scope: "read" }, {}),
    });
    assert.equal(again.status, 201);
    assert.equal(again.body["client_id"], clientId, "the same client");
    assert.equal("registration_access_token" in again.body, false);
  });
}

test("[V22] [V26] revocation reaches the client: no token, inactive, and back when it is restored", async (t) => {
  const world = await setUp(t);
  const key = await fakeKey();
  const software_statement = await FORMATS["dc+sd-jwt"](
    world,
    { scope: "read" },
    world.status(5),
  );
  const body = { software_statement, jwks: jwksOf(key) };
  const { body: client, status, text } = await registerAt(world, body);
  assert.equal(status, 201, text);
  const clientId = String(client["client_id"]);
  assert.equal((await tokenOf(world, clientId, key)).status, 200);
  /** What the admin API says of the client, by itself and among all. */
  const assertStands = async (standing: string, why: RegExp) => {
    const ask = async (path: string) =>
      (
        await send(`${world.accredit.adminUrl}/api/v1/clients${path}`, {
          headers: { Authorization: "Bearer admin-token-1234567890" },
        })
      ).body;
    const { clients } = (await ask("")) as { clients: Members[] };
    for (const shown of [await ask(`/${clientId}`), ...clients]) {
      assert.equal(shown["standing"], standing);
      assert.match(String(shown["standing_reason"]), why);
    }
  };
  await assertStands("active", /^null$/);

  const until = async (wanted: number): Promise<Answer> => {
    for (let tries = 0; ; tries++) {
      const answer = await tokenOf(world, clientId, key);
      if (answer.status === wanted || tries > 100) return answer;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  };
  await world.publish(5);
  const refused = await until(401);
  assert.equal(refused.status, 401);
  assert.match(String(refused.body["error_description"]), /revoked/);
  await assertStands("revoked", /the status list at https:.* says so/);
  const anew = await registerAt(world, body);
  assert.equal(anew.status, 400);
  assert.equal(anew.body["error"], "invalid_software_statement");

  await world.publish();
  assert.equal((await until(200)).status, 200);
  await assertStands("active", /^null$/);
});

test("a credential whose status list cannot be read is an outage, no refusal", async (t) => {
  const world = await setUp(t);
  world.lists.serve({ status: 500, body: "" });
  const { status, headers } = await registerAt(world, {
    software_statement: await FORMATS["dc+sd-jwt"](world, {}, world.status(1)),
    jwks: jwksOf(await fakeKey()),
  });
  assert.equal(status, 503);
  assert.ok(headers.get("retry-after"));
});

test("[STAT-01] [V25] a bad signature asks no status list", async (t) => {
  const world = await setUp(t);
  const good = await FORMATS["vc+jwt"](world, {}, world.status(1));
  const { requests } = world.lists;
  const { status, body } = await registerAt(world, {
    software_statement: `${good.slice(0, -8)}AAAAAAAA`,
  });
  assert.equal(status, 400);
  assert.equal(body["error"], "invalid_software_statement");
  assert.equal(world.lists.requests, requests);
});

test("[V04] [VC-13] a diploma of the same issuer is no client credential", async (t) => {
  const world = await setUp(t);
  const { status, body } = await registerAt(world, {
    software_statement: await world.issuer
      .sdJwtVc({
        iss: ISSUER,
        sub: HOLDER,
        vct: "https://types.example/diploma",
        exp: now() + 3600,
      })
      .then(({ presented }) => presented),
    jwks: jwksOf(await fakeKey()),
  });
  assert.equal(status, 400);
  assert.equal(body["error"], "unapproved_software_statement");
});

test("[MGMT-09] a stolen credential replaces no keys", async (t) => {
  const world = await setUp(t);
  const [owner, thief] = [await fakeKey(), await fakeKey()];
  const software_statement = await FORMATS.jwt_vc(world, {}, {});
  const first = await registerAt(world, {
    software_statement,
    jwks: jwksOf(owner),
  });
  const [own] = jwksOf(owner).keys;
  for (const keys of [
    jwksOf(thief).keys,
    // The owner's key under a name by which the owner's assertions would no longer find it, or twice.
    [{ ...own, kid: "other" }],
    [own, own],
    [{ ...own, use: "enc" }],
  ]) {
    const theft = await registerAt(world, {
      software_statement,
      jwks: { keys },
    });
    assert.equal(theft.status, 400, JSON.stringify(keys));
    assert.equal(theft.body["error"], "invalid_client_metadata");
  }
  const clientId = String(first.body["client_id"]);
  assert.equal((await tokenOf(world, clientId, owner)).status, 200);
  assert.equal((await tokenOf(world, clientId, thief)).status, 401);
});

test("[VC-14] [AMB-11] a credential that names a key is worth nothing without a proof of it", async (t) => {
  const world = await setUp(t);
  const [holder, thief] = [await fakeKey(), await fakeKey()];
  const software_statement = await FORMATS["vc+jwt"](
    world,
    {},
    { cnf: { jwk: { ...holder.publicJwk } } },
  );
  const body = { software_statement, jwks: jwksOf(thief) };
  const proofs: readonly (string | undefined)[] = [
    undefined,
    "no.proof.atall",
    await dpop(world, thief),
    await dpop(world, holder, { htu: "https://other.example/register" }),
    await dpop(world, holder, { htm: "GET" }),
    await dpop(world, holder, { iat: now() - 3600 }),
    await dpop(world, holder, { jti: undefined }),
  ];
  for (const proof of proofs) {
    const { status, body: refusal } = await registerAt(
      world,
      body,
      proof === undefined ? {} : { DPoP: proof },
    );
    assert.equal(status, 400);
    assert.equal(refusal["error"], "invalid_software_statement");
  }
  const proof = await dpop(world, holder);
  const {
    status,
    body: client,
    text,
  } = await registerAt(world, body, {
    DPoP: proof,
  });
  assert.equal(status, 201, text);
  assert.deepEqual(client["jwks"], jwksOf(holder), "the proven key alone");
  const clientId = String(client["client_id"]);
  assert.equal((await tokenOf(world, clientId, holder)).status, 200);
  assert.equal((await tokenOf(world, clientId, thief)).status, 401);
  const replayed = await registerAt(world, body, { DPoP: proof });
  assert.equal(replayed.status, 400);
  assert.match(String(replayed.body["error_description"]), /used before/);
});

test("[CAUTH-16] [A07] an assertion of a client's own key is good once, for this issuer, and for this client", async (t) => {
  const world = await setUp(t);
  const key = await fakeKey();
  const { body: client } = await registerAt(world, {
    software_statement: await FORMATS.jwt_vc(world, {}, {}),
    jwks: jwksOf(key),
  });
  const clientId = String(client["client_id"]);
  const client_assertion = await assertionOf(world, clientId, key);
  const ask = (more: Record<string, string> = {}) =>
    world.accredit.token({
      grant_type: "client_credentials",
      client_assertion_type: ASSERTION_TYPE,
      client_assertion,
      ...more,
    });
  assert.equal((await ask()).status, 200);
  assert.equal((await ask()).status, 401, "used");
  assert.equal((await ask({ client_id: "another" })).status, 401);
  for (const change of [
    { aud: world.accredit.tokenEndpoint },
    { aud: [world.accredit.issuer, "x"] },
    { exp: undefined },
    { exp: now() - 120 },
    { exp: now() + 86_400 },
    { jti: undefined },
    { iss: "another" },
    { sub: "another", iss: "another" },
    { nbf: now() + 600 },
  ]) {
    const { status, body } = await tokenOf(world, clientId, key, change);
    assert.equal(status, 401, JSON.stringify(change));
    assert.equal(body["error"], "invalid_client");
  }
});

test("[R04] [MGMT-07] a credential's client manages itself with a token that is good once", async (t) => {
  const world = await setUp(t);
  const key = await fakeKey();
  const { body: client } = await registerAt(world, {
    software_statement: await FORMATS.jwt_vc(world, { scope: "write" }, {}),
    jwks: jwksOf(key),
  });
  const uri = String(client["registration_client_uri"]);
  const manage = (token: string, method: string, body?: unknown) =>
    send(uri, {
      method,
      headers: {
        Authorization: `Bearer ${token}`,
        ...(body === undefined ? {} : { "Content-Type": "application/json" }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  const first = String(client["registration_access_token"]);
  const read = await manage(first, "GET");
  assert.equal(read.status, 200);
  assert.equal((await manage(first, "GET")).status, 401, "used");
  const second = String(read.body["registration_access_token"]);
  const next = await fakeKey();
  const updated = await manage(second, "PUT", {
    client_id: client["client_id"],
    jwks: jwksOf(next),
    client_name: "Renamed",
  });
  assert.equal(updated.status, 200, updated.text);
  assert.equal(updated.body["scope"], "write", "still attested");
  assert.equal(updated.body["client_name"], "Renamed");
  const clientId = String(client["client_id"]);
  assert.equal((await tokenOf(world, clientId, key)).status, 401);
  assert.equal((await tokenOf(world, clientId, next)).status, 200);
  const third = String(updated.body["registration_access_token"]);
  assert.equal((await manage(third, "DELETE")).status, 204);
  assert.equal((await manage(third, "GET")).status, 401);
  assert.equal((await tokenOf(world, clientId, next)).status, 401);
});

for (const [name, jwks] of [
  ["no keys", undefined],
  ["a symmetric key", { keys: [{ kty: "oct", k: "c2VjcmV0" }] }],
  ["a key too weak", { keys: [{ kty: "RSA", n: "AQAB", e: "AQAB" }] }],
] as const) {
  test(`[META-09] a credential's client with ${name} is refused`, async (t) => {
    const world = await setUp(t);
    const { status, body } = await registerAt(world, {
      software_statement: await FORMATS.jwt_vc(world, {}, {}),
      ...(jwks === undefined ? {} : { jwks }),
    });
    assert.equal(status, 400);
    assert.equal(body["error"], "invalid_client_metadata");
  });
}

test("[DCR-TI-13] no credential's client gets a secret, or asks for none", async (t) => {
  const world = await setUp(t);
  for (const method of ["client_secret_basic", "client_secret_post", "none"]) {
    const { status, body } = await registerAt(world, {
      software_statement: await FORMATS.jwt_vc(world, {}, {}),
      jwks: jwksOf(await fakeKey()),
      token_endpoint_auth_method: method,
    });
    assert.equal(status, 400, method);
    assert.equal(body["error"], "invalid_client_metadata");
  }
});
