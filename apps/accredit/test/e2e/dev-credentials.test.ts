import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtemp, readFile, rm, stat } from "node:fs/promises";
import type { IncomingMessage } from "node:http";
import { request } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { readClientKey } from "../../src/cli/key-file.ts";
import { callControl } from "../../src/dev/control-client.ts";
import type {
  IssuedAnswer,
  StateAnswer,
} from "../../src/dev/credentials/credential-commands.ts";
import { startDevIssuers, type DevIssuers } from "../../src/dev/start.ts";
import { send, startAccredit, type Answer } from "./running-accredit.ts";

const METADATA = { client_name: "Partner", scope: "read" };
const ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

async function startIssuers(
  t: TestContext,
  dir: string,
  credentialPort = 0,
): Promise<DevIssuers> {
  const issuers = await startDevIssuers({
    dir,
    trustDomain: "example.org",
    bundlePort: 0,
    spiffeBundlePort: 0,
    credentialPort,
    workloads: [],
  });
  t.after(() => issuers.close());
  return issuers;
}

/** The development issuers, a server that trusts the credential issuer under both of its names, and a key. */
async function setUp(t: TestContext) {
  const dir = await mkdtemp(join(tmpdir(), "dev-"));
  t.after(() => rm(dir, { recursive: true, force: true }));
  const state = join(dir, "state");
  const issuers = await startIssuers(t, state);
  const { did, url } = issuers.credentialIssuer;
  const entry = (issuer: string, keys: string): string => `  - kind: vc
    issuer: "${issuer}"
    keys: { ${keys}, ca_file: ${issuers.caFile}, allow_private_addresses: true }
    types: [OAuthClientCredential, "urn:example:oauth-client"]
    key_binding: cnf
    status: required
`;
  const rule = (name: string, issuer: string): string => `
  - name: ${name}
    match: { trust: "${issuer}", subject: "*" }
    allow:
      grant_types: [client_credentials]
      scopes: [read]
      token_endpoint_auth_methods: [private_key_jwt]
    attested_only: [scope]`;
  const accredit = await startAccredit(t, {
    trust: `${entry(did, "did: true")}${entry(url, "metadata: true")}status_lists: { ca_file: ${issuers.caFile}, allow_private_addresses: true, floor: 1s, ceiling: 1s }`,
    policy: `${rule("did", did)}${rule("https", url)}`,
  });
  const keyFile = join(dir, "partner.key");
  const key = await readClientKey(keyFile, { make: true });
  const issue = (asked: object): Promise<IssuedAnswer> =>
    callControl(state, "issue", {
      format: "dc+sd-jwt",
      subject: "urn:example:partner",
      metadata: METADATA,
      holder: key.publicJwk,
      ttl_seconds: 3600,
      ...asked,
    }) as Promise<IssuedAnswer>;
  const setState = async (asked: object): Promise<StateAnswer> => {
    const answer = (await callControl(
      state,
      "set-state",
      asked,
    )) as StateAnswer;
    await sleep(answer.ttl_seconds * 1000);
    return answer;
  };
  const register = async (
    credential: string,
    proof = true,
  ): Promise<Answer> => {
    const endpoint = accredit.registrationEndpoint;
    return send(endpoint, {
      method: "POST",
      headers: {
        "Content-Type": "application/json",
        ...(proof && { DPoP: await key.dpopProof("POST", endpoint) }),
      },
      body: JSON.stringify({ software_statement: credential }),
    });
  };
  const token = async (clientId: string): Promise<Answer> =>
    accredit.token({
      grant_type: "client_credentials",
      client_assertion_type: ASSERTION_TYPE,
      client_assertion: await key.clientAssertion(clientId, accredit.issuer),
    });
  return {
    dir,
    state,
    issuers,
    accredit,
    keyFile,
    issue,
    setState,
    register,
    token,
  };
}

for (const format of ["jwt_vc", "vc+jwt", "dc+sd-jwt"]) {
  for (const as of ["did", "https"]) {
    test(`[DCR-TI-10] [STAT-01] a ${format} of the development issuer (${as}) registers, and stops when it is suspended or revoked`, async (t) => {
      const { issue, setState, register, token } = await setUp(t);
      const other = await issue({ format, as, subject: "urn:example:other" });
      const { credential, issued } = await issue({ format, as });
      assert.equal(issued.index, 1);
      const bare = await register(credential, false);
      assert.equal(bare.body["error"], "invalid_software_statement");
      const registered = await register(credential);
      assert.equal(registered.status, 201, registered.text);
      assert.equal(registered.body["client_name"], "Partner");
      assert.equal(registered.body["scope"], "read");
      const id = String(registered.body["client_id"]);
      const neighbour = await register(other.credential);
      const granted = async (): Promise<readonly number[]> => [
        (await token(id)).status,
        (await token(String(neighbour.body["client_id"]))).status,
      ];
      assert.deepEqual(await granted(), [200, 200]);
      await setState({ index: 1, state: "suspended" });
      assert.deepEqual(await granted(), [401, 200]);
      await setState({ index: 1, state: "valid" });
      assert.deepEqual(await granted(), [200, 200]);
      await setState({ state: "revoked" });
      assert.deepEqual(await granted(), [401, 200]);
      const again = await register(credential);
      assert.equal(again.body["error"], "invalid_software_statement");
    });
  }
}

test("the issuer goes on after a restart; revoked is for ever; what is wrong is said", async (t) => {
  const { state, issuers, issue, setState } = await setUp(t);
  await issue({});
  await setState({ state: "revoked" });
  const { statusUrls, did } = issuers.credentialIssuer;
  await issuers.close();
  const { port } = new URL(statusUrls.token);
  const restarted = await startIssuers(t, state, Number(port));
  assert.equal(restarted.credentialIssuer.did, did);
  assert.equal(restarted.credentialIssuer.issued()[0]?.state, "revoked");
  const { issued } = await issue({ format: "vc+jwt" });
  assert.equal(issued.index, 1);
  const problems: readonly (readonly [string, object, RegExp])[] = [
    ["set-state", { index: 0, state: "valid" }, /revoked, which is for ever/],
    ["set-state", { index: 7, state: "revoked" }, /there are 2.*got 7/],
    ["set-state", { index: 0, state: "gone" }, /revoked/],
    ["issue", { format: "jpg" }, /jwt_vc/],
    [
      "issue",
      {
        format: "vc+jwt",
        subject: "urn:x",
        metadata: { sub: "urn:other" },
        ttl_seconds: 60,
      },
      /expected client metadata, none of iss, sub/,
    ],
  ];
  for (const [command, input, expected] of problems)
    await assert.rejects(callControl(state, command, input), expected);
  await assert.rejects(
    issue({ holder: { kty: "EC", crv: "P-256", x: "AA", y: "AA", d: "AA" } }),
    /expected a public key, got a private one/,
  );
  assert.equal(restarted.credentialIssuer.issued().length, 2);
});

test("what is no path is answered, not fallen over", async (t) => {
  const { issuers } = await setUp(t);
  const { origin } = new URL(issuers.credentialIssuer.statusUrls.token);
  const ca = await readFile(issuers.caFile, "utf8");
  for (const path of ["//", "/%", "*", "/nowhere", "//evil.example/"]) {
    const asked = request(origin, { ca, path });
    asked.end();
    const [answer] = (await once(asked, "response")) as [IncomingMessage];
    answer.resume();
    assert.equal(answer.statusCode, 404, path);
  }
});

test("what is secret is in private files alone", async (t) => {
  const { state, keyFile, issue } = await setUp(t);
  const { credential } = await issue({});
  const file = join(state, "credential-issuer.json");
  for (const path of [file, keyFile])
    assert.equal(((await stat(path)).mode & 0o777).toString(8), "600", path);
  assert.equal((await readFile(file, "utf8")).includes(credential), false);
  const status = JSON.stringify(await callControl(state, "status", {}));
  assert.equal(status.includes('"d"'), false);
});
