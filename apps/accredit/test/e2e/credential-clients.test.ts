import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { SignJWT } from "jose";
import {
  bindSdJwt,
  fakeKey,
  FakeCredentialIssuer,
  type FakeKey,
} from "@accredit/testkit";
import { send, startAccredit, type Answer } from "./running-accredit.ts";

const ISSUER = "https://issuer.example";
const now = (): number => Math.floor(Date.now() / 1000);

/** A server that trusts an issuer whose credentials have no status, by a rule with a lease. */
async function setUp(
  t: TestContext,
  options: { readonly adminToken?: string } = {},
) {
  const dir = await mkdtemp(join(tmpdir(), "accredit-vc-"));
  t.after(() => rm(dir, { recursive: true, force: true }));
  const issuer = await FakeCredentialIssuer.create({ issuer: ISSUER });
  const keys = issuer.keys.map(({ kid, publicJwk }) => ({ ...publicJwk, kid }));
  await writeFile(join(dir, "jwks.json"), JSON.stringify({ keys }));
  const accredit = await startAccredit(t, {
    ...options,
    trust: `  - kind: vc
    issuer: ${ISSUER}
    keys: { jwks_file: ${join(dir, "jwks.json")} }
    types: ["https://types.example/client"]`,
    policy: `
  - name: partners
    match: { trust: "${ISSUER}", subject: "*" }
    lease: 24h
    allow:
      grant_types: [client_credentials]
      scopes: [read, write]
      token_endpoint_auth_methods: [private_key_jwt]`,
  });
  const credential = async (change: object = {}): Promise<string> => {
    const { presented } = await issuer.sdJwtVc({
      iss: ISSUER,
      sub: "did:example:holder",
      vct: "https://types.example/client",
      iat: now() - 10,
      exp: now() + 3600,
      ...change,
    });
    return presented;
  };
  const register = (
    software_statement: string,
    more: object = {},
  ): Promise<Answer> =>
    send(accredit.registrationEndpoint, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ software_statement, ...more }),
    });
  const token = async (
    { body }: Answer,
    key: FakeKey,
    header: object = {},
  ): Promise<Answer> => {
    const clientId = String(body["client_id"]);
    return accredit.token({
      grant_type: "client_credentials",
      client_assertion_type:
        "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
      client_assertion: await new SignJWT({
        iss: clientId,
        sub: clientId,
        aud: accredit.issuer,
        jti: crypto.randomUUID(),
        iat: now(),
        exp: now() + 60,
      })
        .setProtectedHeader({ alg: "ES256", ...header })
        .sign(key.privateKey),
    });
  };
  return { accredit, credential, register, token };
}

const jwksOf = (...keys: readonly FakeKey[]) => ({
  keys: keys.map(({ publicJwk }) => publicJwk),
});

test("[SEC-11] a suspended client of a credential is not gone round by another of the same subject", async (t) => {
  const adminToken = "the-admin-token-of-this-test";
  const { accredit, credential, register } = await setUp(t, { adminToken });
  const admin = (method: string, path: string): Promise<Answer> =>
    send(`${accredit.adminUrl}/api/v1${path}`, {
      method,
      headers: { Authorization: `Bearer ${adminToken}` },
    });
  const key = await fakeKey();
  const registerAs = async (software_id: string, sub?: string) =>
    register(await credential(sub === undefined ? {} : { sub }), {
      jwks: jwksOf(key),
      software_id,
    });
  const { body, text } = await registerAs("a");
  assert.equal(typeof body["client_id"], "string", text);
  const id = encodeURIComponent(String(body["client_id"]));
  assert.equal((await admin("PUT", `/suspensions/client/${id}`)).status, 200);
  for (const isDeleted of [false, true]) {
    if (isDeleted) await admin("DELETE", `/clients/${id}`);
    for (const software_id of ["a", "b"]) {
      const refused = await registerAs(software_id);
      assert.equal(refused.status, 400, software_id);
      assert.match(String(refused.body["error_description"]), /suspended/);
    }
  }
  const other = await registerAs("a", "did:example:other");
  assert.equal(other.status, 201, other.text);
  await admin("DELETE", `/suspensions/client/${id}`);
  assert.equal((await registerAs("b")).status, 201);
});

test("[DCR-TI-12] no lease and no renewal outlives the credential", async (t) => {
  const { credential, register, token } = await setUp(t);
  const key = await fakeKey();
  const exp = now() + 4;
  const client = await register(await credential({ exp }), {
    jwks: jwksOf(key),
  });
  assert.equal(client.status, 201, client.text);
  // Each would renew the lease by a day.
  for (let n = 0; n < 3; n++)
    assert.equal((await token(client, key)).status, 200);
  while (now() <= exp) await sleep(200);
  const refused = await token(client, key);
  assert.equal(refused.status, 401);
  assert.match(String(refused.body["error_description"]), /register again/);
});

test("[VC-14] a Key Binding JWT that was seen is worth nothing to whoever saw it", async (t) => {
  const { accredit, credential, register, token } = await setUp(t);
  const key = await fakeKey("ES256", "holder-1");
  const statement = await credential({
    cnf: { jwk: { ...key.publicJwk, kid: key.kid } },
  });
  const proof = () => ({
    aud: accredit.registrationEndpoint,
    iat: now(),
    nonce: crypto.randomUUID(),
  });
  const presented = await bindSdJwt(statement, key, proof());
  const client = await register(presented);
  assert.equal(client.status, 201, client.text);
  const again = await register(presented);
  assert.equal(again.status, 400, again.text);
  assert.equal((await token(client, key)).status, 200);
  // By the name that the credential gives the key, too.
  assert.equal((await token(client, key, { kid: key.kid })).status, 200);
  const anew = await register(await bindSdJwt(statement, key, proof()));
  assert.equal(anew.body["client_id"], client.body["client_id"]);
});

test("[MGMT-07] [R04] of several updates with one registration access token one is made, and it is the one that was told so", async (t) => {
  const { credential, register, token } = await setUp(t);
  const owner = await fakeKey();
  const keys = await Promise.all(Array.from({ length: 6 }, () => fakeKey()));
  const client = await register(await credential(), { jwks: jwksOf(owner) });
  const uri = String(client.body["registration_client_uri"]);
  const put = (key: FakeKey, access: unknown): Promise<Answer> =>
    send(uri, {
      method: "PUT",
      headers: {
        "Content-Type": "application/json",
        Authorization: `Bearer ${String(access)}`,
      },
      body: JSON.stringify({
        client_id: client.body["client_id"],
        jwks: jwksOf(key),
      }),
    });
  const answers = await Promise.all(
    keys.map((key) => put(key, client.body["registration_access_token"])),
  );
  const statuses = answers.map(({ status }) => status);
  assert.deepEqual(
    statuses.toSorted((one, other) => one - other),
    [200, 401, 401, 401, 401, 401],
    answers.map(({ text }) => text).join("\n"),
  );
  for (const [index, key] of keys.entries())
    assert.equal(
      (await token(client, key)).status,
      statuses[index] === 200 ? 200 : 401,
    );
  const next = answers[statuses.indexOf(200)]?.body;
  const known = await put(owner, next?.["registration_access_token"]);
  assert.equal(known.status, 200, known.text);
  const head = await send(uri, {
    method: "HEAD",
    headers: {
      Authorization: `Bearer ${String(known.body["registration_access_token"])}`,
    },
  });
  assert.equal(head.status, 405, "nothing that could carry the next token");
});

test("[VC-14] an update takes no credential that names a key without a proof of it", async (t) => {
  const { credential, register } = await setUp(t);
  const [owner, other] = [await fakeKey(), await fakeKey()];
  const client = await register(await credential(), { jwks: jwksOf(owner) });
  const updated = await send(String(client.body["registration_client_uri"]), {
    method: "PUT",
    headers: {
      "Content-Type": "application/json",
      Authorization: `Bearer ${String(client.body["registration_access_token"])}`,
    },
    body: JSON.stringify({
      client_id: client.body["client_id"],
      software_statement: await credential({ cnf: { jwk: other.publicJwk } }),
    }),
  });
  assert.equal(updated.status, 400, updated.text);
});

test("[MGMT-08] a client that lost its registration access token manages itself with its key", async (t) => {
  const { credential, register, token } = await setUp(t);
  const [key, other] = [await fakeKey(), await fakeKey()];
  const client = await register(await credential(), { jwks: jwksOf(key) });
  const clientId = String(client.body["client_id"]);
  const uri = String(client.body["registration_client_uri"]);
  const assert401 = (answer: Answer) => {
    assert.equal(answer.status, 401, answer.text);
    assert.equal(answer.body["error"], "invalid_token");
  };
  const assertion = async (change: object = {}, signer = key) =>
    new SignJWT({
      iss: clientId,
      sub: clientId,
      aud: uri,
      jti: crypto.randomUUID(),
      iat: now(),
      exp: now() + 60,
      ...change,
    })
      .setProtectedHeader({ alg: "ES256" })
      .sign(signer.privateKey);
  const manage = (bearer: string, init: RequestInit = {}) =>
    send(uri, {
      ...init,
      headers: {
        "Content-Type": "application/json",
        Authorization: `Bearer ${bearer}`,
      },
    });

  const used = await assertion();
  const read = await manage(used);
  assert.equal(read.status, 200, read.text);
  assert.equal(read.body["client_id"], clientId);
  assert.equal(read.body["registration_access_token"], undefined);
  const kept = await manage(String(client.body["registration_access_token"]));
  assert.equal(kept.status, 200, "the token is as good as before");

  assert401(await manage(used));
  const issuer = new URL(uri).origin;
  for (const change of [
    { aud: issuer },
    { aud: [uri, issuer] },
    { aud: `${uri}x` },
    { exp: now() - 120, iat: now() - 180 },
    { iss: "somebody" },
    { jti: undefined },
  ])
    assert401(await manage(await assertion(change)));
  assert401(await manage(await assertion({}, other)));

  const updated = await manage(await assertion(), {
    method: "PUT",
    body: JSON.stringify({
      client_id: clientId,
      client_name: "renamed",
      jwks: jwksOf(key),
    }),
  });
  assert.equal(updated.status, 200, updated.text);
  assert.equal(updated.body["client_name"], "renamed");
  const removed = await manage(await assertion(), { method: "DELETE" });
  assert.equal(removed.status, 204, removed.text);
  assert401(await manage(await assertion()));
  assert.equal((await token(client, key)).status, 401);
});

test("[R01] a registration access token that is shown at another client's URI is destroyed, and its client can still prove its key", async (t) => {
  const adminToken = "the-admin-token-of-this-test";
  const { credential, register, accredit } = await setUp(t, { adminToken });
  const key = await fakeKey();
  const holderOf = async (sub: string) => {
    const { body } = await register(await credential({ sub }), {
      jwks: jwksOf(key),
    });
    return {
      clientId: String(body["client_id"]),
      uri: String(body["registration_client_uri"]),
      token: String(body["registration_access_token"]),
    };
  };
  const [a, b] = [
    await holderOf("did:example:a"),
    await holderOf("did:example:b"),
  ];
  const read = (uri: string, bearer: string) =>
    send(uri, { headers: { Authorization: `Bearer ${bearer}` } });

  // What nobody has destroys nothing.
  assert.equal((await read(b.uri, "made-up")).status, 401);
  const rotated = await read(a.uri, a.token);
  assert.equal(rotated.status, 200);
  // Nor does one that was used up.
  assert.equal((await read(b.uri, a.token)).status, 401);
  const current = String(rotated.body["registration_access_token"]);
  assert.equal((await read(b.uri, current)).status, 401);
  assert.equal((await read(a.uri, current)).status, 401, "destroyed");
  assert.equal((await read(b.uri, b.token)).status, 200, "the other's is good");

  const assertion = await new SignJWT({
    iss: a.clientId,
    sub: a.clientId,
    aud: a.uri,
    jti: crypto.randomUUID(),
    iat: now(),
    exp: now() + 60,
  })
    .setProtectedHeader({ alg: "ES256" })
    .sign(key.privateKey);
  assert.equal((await read(a.uri, assertion)).status, 200);

  const { body } = await send(
    `${accredit.adminUrl}/api/v1/audit?action=client.token_destroyed`,
    { headers: { Authorization: `Bearer ${adminToken}` } },
  );
  const rows = body["entries"] as Record<string, unknown>[];
  assert.deepEqual(
    rows.map((row) => row["client_id"]),
    [a.clientId],
  );
  assert.ok(!JSON.stringify(body).includes(current));
});

test("[A02] [R08] a token or an assertion is good for what it was made for alone", async (t) => {
  const { credential, register, token, accredit } = await setUp(t);
  const key = await fakeKey();
  const client = await register(await credential(), { jwks: jwksOf(key) });
  const { body } = client;
  const uri = String(body["registration_client_uri"]);
  const managing = String(body["registration_access_token"]);
  const issued = await token(client, key);
  assert.equal(issued.status, 200, issued.text);
  const access = String(issued.body["access_token"]);

  const assertion = async () =>
    new SignJWT({
      iss: String(body["client_id"]),
      sub: String(body["client_id"]),
      aud: accredit.issuer,
      jti: crypto.randomUUID(),
      iat: now(),
      exp: now() + 60,
    })
      .setProtectedHeader({ alg: "ES256" })
      .sign(key.privateKey);
  for (const client_assertion of [await assertion(), managing, access]) {
    const asSvid = await accredit.token({
      grant_type: "client_credentials",
      client_assertion_type:
        "urn:ietf:params:oauth:client-assertion-type:jwt-spiffe",
      client_assertion,
    });
    assert.equal(asSvid.status, 401, asSvid.text);
    assert.equal(asSvid.body["error"], "invalid_client");
  }

  for (const shown of [managing, access]) {
    const { status, body: told } = await send(`${accredit.issuer}/introspect`, {
      method: "POST",
      body: new URLSearchParams({
        token: shown,
        client_assertion_type:
          "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        client_assertion: await assertion(),
      }),
    });
    assert.equal(status, 200);
    assert.equal(told["active"], shown === access);
  }
  const read = (bearer: string) =>
    send(uri, { headers: { Authorization: `Bearer ${bearer}` } });
  for (const wrong of [access, await assertion(), await credential()]) {
    const { status, body: refused } = await read(wrong);
    assert.equal(status, 401);
    assert.equal(refused["error"], "invalid_token");
  }
  assert.equal((await read(managing)).status, 200);
});
