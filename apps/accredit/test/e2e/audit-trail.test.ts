import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { DatabaseSync } from "node:sqlite";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { decodeJwt, SignJWT } from "jose";
import { fakeKey, FakeCredentialIssuer } from "@accredit/testkit";
import {
  clientCredentials,
  send,
  startAccredit,
  WORKLOAD,
  type Answer,
  type RunningAccredit,
} from "./running-accredit.ts";

const ADMIN_TOKEN = "admin-token-of-the-trail";
const ISSUER = "https://issuer.example";

type Row = Readonly<Record<string, unknown>>;
type Facts = Readonly<Record<string, unknown>>;

const fingerprintOf = (text: string): string =>
  createHash("sha256").update(text).digest("base64url");
/** The fingerprint of a JWT: of what its signature covers. */
const jwtFingerprint = (jwt: string): string =>
  fingerprintOf(jwt.split(".").slice(0, 2).join("."));

/** A server with a rule that leases, its admin API, and the rows of its audit trail since the last look. */
async function setUp(t: TestContext, trust = "", policy = "") {
  const accredit = await startAccredit(t, {
    adminToken: ADMIN_TOKEN,
    trust,
    policy: `
  - name: agents
    match: { trust: example.org, subject: "spiffe://example.org/ns/*/agent/**" }
    lease: 1h
    allow:
      grant_types: [client_credentials]
      scopes: [read]
      token_endpoint_auth_methods: [spiffe_jwt]
    template: { scope: read }${policy}`,
  });
  const admin = async (
    method: string,
    path: string,
    token = ADMIN_TOKEN,
  ): Promise<Answer> =>
    send(`${accredit.adminUrl}/api/v1${path}`, {
      method,
      headers: { Authorization: `Bearer ${token}` },
    });
  let seen = 0;
  const news = async (): Promise<readonly Row[]> => {
    const { body } = await admin("GET", "/audit?limit=500");
    const rows = (body["entries"] as Row[])
      .filter(({ sequence }) => Number(sequence) > seen)
      .toReversed();
    seen = Number(rows.at(-1)?.["sequence"] ?? seen);
    return rows;
  };
  const theOne = async (): Promise<Row> => {
    const rows = await news();
    assert.equal(rows.length, 1, JSON.stringify(rows));
    return rows[0] ?? {};
  };
  return { accredit, admin, news, theOne };
}

const credentialOf = (row: Row): Facts => row["credential"] as Facts;

/** The row names the client, its rule, the SVID that was shown, and from where. */
function assertNames(row: Row, action: string, jwt: string): void {
  assert.equal(row["action"], action);
  assert.equal(row["client_id"], WORKLOAD, action);
  assert.equal(row["rule"], "agents", action);
  assert.equal(row["remote"], "127.0.0.1", action);
  const { kind, trust, subject, fingerprint } = credentialOf(row);
  assert.deepEqual(
    { kind, trust, subject, fingerprint },
    {
      kind: "jwt-svid",
      trust: "example.org",
      subject: WORKLOAD,
      fingerprint: jwtFingerprint(jwt),
    },
    action,
  );
}

async function register(accredit: RunningAccredit): Promise<string> {
  const software_statement = await accredit.statement();
  const { status, body } = await accredit.register({ software_statement });
  assert.equal(status, 201);
  return String(body["registration_client_uri"]);
}

const manage = (uri: string, method: string, token: string, body?: object) =>
  send(uri, {
    method,
    headers: {
      Authorization: `Bearer ${token}`,
      ...(body && { "Content-Type": "application/json" }),
    },
    ...(body && { body: JSON.stringify(body) }),
  });

test("what a client does to its registration names the SVID that it did it with", async (t) => {
  const { accredit, theOne } = await setUp(t);
  const uri = await register(accredit);
  await theOne();

  const svid = await accredit.assertion({ aud: uri });
  const update = { client_id: WORKLOAD, scope: "read" };
  assert.equal((await manage(uri, "PUT", svid, update)).status, 200);
  assertNames(await theOne(), "client.updated", svid);

  const software_statement = await accredit.statement();
  const stated = { ...update, software_statement };
  assert.equal((await manage(uri, "PUT", svid, stated)).status, 200);
  const row = await theOne();
  assertNames(row, "client.updated", svid);
  const { statement } = row["details"] as { statement: Facts };
  assert.equal(statement["fingerprint"], jwtFingerprint(software_statement));

  const refused = await manage(uri, "PUT", svid, { client_id: "another" });
  assert.equal(refused.status, 400);
  assertNames(await theOne(), "management.refused", svid);

  for (const [body, type, status] of [
    ["{", "application/json", 400],
    ["[]", "application/json", 400],
    ["{}", "text/plain", 415],
  ] as const) {
    const unread = await send(uri, {
      method: "PUT",
      headers: { Authorization: `Bearer ${svid}`, "Content-Type": type },
      body,
    });
    assert.equal(unread.status, status, unread.text);
    assertNames(await theOne(), "management.refused", svid);
  }
});

test("a request about a token that does not say which one names the SVID of who asked", async (t) => {
  const { accredit, theOne } = await setUp(t);
  await register(accredit);
  await theOne();
  for (const path of ["introspect", "revoke"]) {
    const svid = await accredit.assertion();
    const ask = (body: string | URLSearchParams) =>
      send(`${accredit.issuer}/${path}`, { method: "POST", body });
    const asked = await ask(
      new URLSearchParams({
        client_assertion_type:
          "urn:ietf:params:oauth:client-assertion-type:jwt-spiffe",
        client_assertion: svid,
      }),
    );
    assert.equal(asked.status, 400, asked.text);
    assertNames(await theOne(), "token.refused", svid);
    assert.equal((await ask("no form")).status, 415);
    const row = await theOne();
    assert.equal(row["action"], "token.refused");
    assert.equal(row["credential"], null);
  }
});

test("a renewed lease and a deletion name the SVID; a deletion by an administrator names the admin token", async (t) => {
  const { accredit, admin, news, theOne } = await setUp(t);
  const uri = await register(accredit);
  await theOne();
  const db = new DatabaseSync(accredit.databaseFile);
  db.exec("UPDATE clients SET lease_expires_at = lease_expires_at - 2400");
  db.close();
  const assertion = await accredit.assertion();
  const granted = await accredit.token(clientCredentials(assertion));
  assert.equal(granted.status, 200);
  // The token does not wait for the renewal; the next write to the store comes after it.
  const svid = await accredit.assertion({ aud: uri });
  assert.equal((await manage(uri, "DELETE", svid)).status, 204);
  const [renewed = {}, deleted = {}, ...others] = await news();
  assertNames(renewed, "client.renewed", assertion);
  assertNames(deleted, "client.deleted", svid);
  assert.deepEqual(others, []);

  await register(accredit);
  await theOne();
  const path = `/clients/${encodeURIComponent(WORKLOAD)}`;
  assert.equal((await admin("DELETE", path)).status, 204);
  const row = await theOne();
  assert.equal(row["action"], "client.deleted");
  assert.equal(row["client_id"], WORKLOAD);
  assert.equal(row["remote"], "127.0.0.1");
  const { kind, fingerprint } = credentialOf(row);
  assert.equal(kind, "admin_token");
  assert.equal(fingerprint, fingerprintOf(ADMIN_TOKEN));
});

test("[SEC-11] a refusal of a workload that was proven names it and its client, in the trail and in the log", async (t) => {
  const { accredit, admin, theOne } = await setUp(t);
  const uri = await register(accredit);
  await theOne();
  const assertion = await accredit.assertion();
  const badScope = { ...clientCredentials(assertion), scope: "admin" };
  assert.equal((await accredit.token(badScope)).status, 400);
  assertNames(await theOne(), "token.refused", assertion);

  const target = `/suspensions/client/${encodeURIComponent(WORKLOAD)}`;
  assert.equal((await admin("PUT", target)).status, 200);
  const set = await theOne();
  assert.equal(set["action"], "suspension.set");
  assert.equal(credentialOf(set)["kind"], "admin_token");

  const refused = await accredit.token(clientCredentials(assertion));
  assert.equal(refused.status, 401);
  assertNames(await theOne(), "authentication.refused", assertion);
  const logged = accredit.logged().split("\n");
  const line = logged.find((each) => each.includes("registration_suspended"));
  const { client_id, subject, credential } = JSON.parse(line ?? "{}") as Facts;
  assert.deepEqual(
    { client_id, subject, credential },
    {
      client_id: WORKLOAD,
      subject: WORKLOAD,
      credential: jwtFingerprint(assertion),
    },
  );

  const svid = await accredit.assertion({ aud: uri });
  assert.equal((await manage(uri, "GET", svid)).status, 403);
  assertNames(await theOne(), "management.refused", svid);

  const software_statement = await accredit.statement();
  const again = await accredit.register({ software_statement });
  assert.equal(again.status, 400);
  assertNames(await theOne(), "registration.refused", software_statement);

  assert.equal((await admin("DELETE", target)).status, 204);
  assert.equal(credentialOf(await theOne())["kind"], "admin_token");
});

test("a revocation names the token, and is told once", async (t) => {
  const { accredit, theOne, news } = await setUp(t);
  await register(accredit);
  await theOne();
  const assertion = await accredit.assertion();
  const granted = await accredit.token(clientCredentials(assertion));
  const access = String(granted.body["access_token"]);
  const { jti, exp } = decodeJwt(access);
  const revoke = async (token: string): Promise<void> => {
    const { status } = await fetch(`${accredit.issuer}/revoke`, {
      method: "POST",
      body: new URLSearchParams({ ...clientCredentials(assertion), token }),
    });
    assert.equal(status, 200);
  };
  await revoke(access);
  const row = await theOne();
  assertNames(row, "token.revoked", assertion);
  assert.deepEqual(row["details"], { jti, exp });
  await revoke(access);
  await revoke("no token");
  assert.deepEqual(await news(), []);
});

test("a workload that is no client is named where its SVID is good, and nobody where it is not", async (t) => {
  const { accredit, theOne } = await setUp(t);
  const stranger = `${WORKLOAD}/stranger`;
  const assertion = await accredit.assertion({ sub: stranger });
  const unknown = await accredit.token(clientCredentials(assertion));
  assert.equal(unknown.status, 401);
  const row = await theOne();
  assert.equal(row["code"], "client_unknown");
  assert.equal(row["client_id"], null);
  assert.equal(credentialOf(row)["subject"], stranger);

  const forged = `${assertion.slice(0, -8)}AAAAAAAA`;
  const unproven = await accredit.token(clientCredentials(forged));
  assert.equal(unproven.status, 401);
  const nobody = await theOne();
  assert.equal(nobody["credential"], null);
  assert.equal(nobody["client_id"], null);
  assert.equal(nobody["remote"], "127.0.0.1");
});

test("a credential's client is named by its assertion or its registration access token", async (t) => {
  const dir = await mkdtemp(join(tmpdir(), "accredit-trail-"));
  t.after(() => rm(dir, { recursive: true, force: true }));
  const issuer = await FakeCredentialIssuer.create({ issuer: ISSUER });
  const keys = issuer.keys.map(({ kid, publicJwk }) => ({ ...publicJwk, kid }));
  await writeFile(join(dir, "jwks.json"), JSON.stringify({ keys }));
  const { accredit, theOne } = await setUp(
    t,
    `  - kind: vc
    issuer: ${ISSUER}
    keys: { jwks_file: ${join(dir, "jwks.json")} }
    types: ["https://types.example/client"]`,
    `
  - name: partners
    match: { trust: "${ISSUER}", subject: "*" }
    allow:
      grant_types: [client_credentials]
      scopes: [read]
      token_endpoint_auth_methods: [private_key_jwt]`,
  );
  const key = await fakeKey();
  const now = Math.floor(Date.now() / 1000);
  const { presented } = await issuer.sdJwtVc({
    iss: ISSUER,
    sub: "did:example:holder",
    vct: "https://types.example/client",
    iat: now - 10,
    exp: now + 3600,
  });
  const { body } = await accredit.register({
    software_statement: presented,
    jwks: { keys: [key.publicJwk] },
  });
  const clientId = String(body["client_id"]);
  const about = (row: Row): readonly unknown[] => {
    const { kind, trust, subject, fingerprint } = credentialOf(row);
    assert.deepEqual(
      [row["client_id"], row["rule"], trust, subject],
      [clientId, "partners", ISSUER, "did:example:holder"],
    );
    return [row["action"], kind, fingerprint];
  };
  await theOne();

  const assertion = await new SignJWT({
    iss: clientId,
    sub: clientId,
    aud: accredit.issuer,
    jti: crypto.randomUUID(),
    iat: now,
    exp: now + 60,
  })
    .setProtectedHeader({ alg: "ES256" })
    .sign(key.privateKey);
  const token = (scope: string) =>
    accredit.token({
      grant_type: "client_credentials",
      scope,
      client_assertion_type:
        "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
      client_assertion: assertion,
    });
  assert.equal((await token("admin")).status, 400);
  const shown = ["private_key_jwt", jwtFingerprint(assertion)];
  assert.deepEqual(about(await theOne()), ["token.refused", ...shown]);
  assert.equal((await token("read")).status, 401, "used before");
  assert.deepEqual(about(await theOne()), ["authentication.refused", ...shown]);

  const uri = String(body["registration_client_uri"]);
  const access = String(body["registration_access_token"]);
  assert.equal((await manage(uri, "DELETE", access)).status, 204);
  assert.deepEqual(about(await theOne()), [
    "client.deleted",
    "registration_access_token",
    fingerprintOf(access),
  ]);
});
