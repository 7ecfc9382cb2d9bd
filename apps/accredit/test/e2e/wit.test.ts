import assert from "node:assert/strict";
import { once } from "node:events";
import { request as httpRequest, type IncomingMessage } from "node:http";
import { json } from "node:stream/consumers";
import { test, type TestContext } from "node:test";
import {
  FakeWitAuthority,
  type FakeWitChoice,
  type FakeWitSvid,
} from "@accredit/testkit";
import {
  clientCredentials,
  send,
  startAccredit,
  WORKLOAD,
  type AccreditOptions,
  type Answer,
  type RunningAccredit,
} from "./running-accredit.ts";

const EXPERIMENTAL = "experimental: { spiffe_wit: true }";
const POLICY = `
  - name: agents
    match: { trust: example.org, subject: "spiffe://example.org/ns/*/agent/*" }
    allow:
      grant_types: [client_credentials]
      scopes: [read]
      resources: []
      redirect_uris: []
      token_endpoint_auth_methods: [spiffe_wit, spiffe_jwt]
    template: { scope: read }`;

interface Running extends RunningAccredit {
  readonly authority: RunningAccredit["authority"];
  readonly wit: FakeWitAuthority;
}

async function start(
  t: TestContext,
  options: AccreditOptions = { registration: EXPERIMENTAL },
): Promise<Running> {
  const wit = await FakeWitAuthority.create();
  const accredit = await startAccredit(t, {
    policy: POLICY,
    bundleKeys: [wit.bundleKey()],
    ...options,
  });
  return { ...accredit, wit };
}

type Headers = Readonly<Record<string, string>>;

async function headers(
  svid: FakeWitSvid,
  audience: string,
  choice?: FakeWitChoice,
): Promise<Headers> {
  return {
    "OAuth-Client-Attestation": svid.token,
    "OAuth-Client-Attestation-PoP": await svid.proof(audience, choice),
  };
}

function register(
  { registrationEndpoint }: Running,
  proof: Headers,
  body: object = {},
): Promise<Answer> {
  return send(registrationEndpoint, {
    method: "POST",
    headers: { "Content-Type": "application/json", ...proof },
    body: JSON.stringify(body),
  });
}

function form(
  url: string,
  proof: Headers,
  parameters: Readonly<Record<string, string>>,
): Promise<Answer> {
  return send(url, {
    method: "POST",
    headers: proof,
    body: new URLSearchParams(parameters),
  });
}

const GRANT = { grant_type: "client_credentials" };
const FORM = "application/x-www-form-urlencoded";
const JSON_BODY = "application/json";

/** The lines of one header; `fetch` would join them. */
type Lines = string | string[];

/** Posts with the two headers as they stand and says what came: the status, and the error if there was one. */
async function sendLines(
  url: string,
  type: string,
  [attestation, proof]: readonly [Lines, Lines],
  parameters: Readonly<Record<string, string>> = {},
): Promise<readonly [number | undefined, unknown]> {
  const request = httpRequest(url, {
    method: "POST",
    headers: {
      "Content-Type": type,
      "OAuth-Client-Attestation": attestation,
      "OAuth-Client-Attestation-PoP": proof,
    },
  });
  request.end(
    type === FORM ? new URLSearchParams(parameters).toString() : "{}",
  );
  const [response] = (await once(request, "response")) as [IncomingMessage];
  const body = (await json(response)) as Record<string, unknown>;
  return [response.statusCode, body["error"]];
}

test("[CAUTH-09] [CAUTH-10] [WIT-01] a workload registers by its WIT-SVID, gets a token, and manages itself", async (t) => {
  const accredit = await start(t);
  const { issuer, tokenEndpoint, wit } = accredit;
  const svid = await wit.witSvid();
  const registered = await register(accredit, await headers(svid, issuer), {
    client_name: "Alice",
  });
  assert.equal(registered.status, 201, registered.text);
  const { body } = registered;
  assert.equal(body["client_id"], WORKLOAD);
  assert.equal(body["spiffe_id"], WORKLOAD);
  assert.equal("client_secret" in body, false);
  assert.equal("software_statement" in body, false);
  const again = await register(
    accredit,
    await headers(await wit.witSvid(), issuer),
    { client_name: "Alice" },
  );
  assert.equal(again.body["client_id"], WORKLOAD);
  assert.equal(again.body["client_id_issued_at"], body["client_id_issued_at"]);

  const token = await form(tokenEndpoint, await headers(svid, issuer), GRANT);
  assert.equal(token.status, 200, token.text);
  assert.equal(token.body["scope"], "read");
  assert.equal("refresh_token" in token.body, false, "[AMB-10]");

  const introspected = await form(
    `${issuer}/introspect`,
    await headers(svid, issuer),
    { token: String(token.body["access_token"]), client_id: WORKLOAD },
  );
  assert.equal(introspected.body["active"], true, "[CAUTH-17]");
  const jwt = await form(
    tokenEndpoint,
    {},
    clientCredentials(await accredit.assertion()),
  );
  assert.equal(jwt.status, 200, "[CAUTH-15] its JWT-SVID serves it too");

  const uri = String(body["registration_client_uri"]);
  const read = await send(uri, { headers: await headers(svid, uri) });
  assert.equal(read.body["client_name"], "Alice");
  const elsewhere = await send(uri, { headers: await headers(svid, issuer) });
  assert.equal(elsewhere.status, 401);
  const deleted = await send(uri, {
    method: "DELETE",
    headers: await headers(svid, uri),
  });
  assert.equal(deleted.status, 204);
});

test("[ASM-03] [ASM-05] [AMB-19] the metadata names spiffe_wit and its algorithms where it is on", async (t) => {
  const read = async (accredit: Running): Promise<Record<string, unknown>> => {
    const url = `${accredit.issuer}/.well-known/oauth-authorization-server`;
    return (await send(url, {})).body;
  };
  const on = await read(await start(t));
  for (const endpoint of ["token", "introspection", "revocation"]) {
    const methods = on[`${endpoint}_endpoint_auth_methods_supported`];
    assert.ok((methods as string[]).includes("spiffe_wit"), endpoint);
  }
  const algorithms = on["client_attestation_signing_alg_values_supported"];
  assert.ok((algorithms as string[]).includes("ES256"));
  assert.equal((algorithms as string[]).includes("none"), false);
  assert.deepEqual(
    on["client_attestation_pop_signing_alg_values_supported"],
    algorithms,
  );
  const off = await read(await start(t, {}));
  assert.equal(JSON.stringify(off).includes("attestation"), false);
  assert.equal(JSON.stringify(off).includes("spiffe_wit"), false);
});

test("[CAUTH-09] where the switch is off, the headers prove nothing and spoil nothing", async (t) => {
  const accredit = await start(t, {});
  const { issuer, registrationEndpoint, tokenEndpoint } = accredit;
  const good = await headers(await accredit.wit.witSvid(), issuer);
  const bad = { "OAuth-Client-Attestation": "not a token" };
  for (const proof of [good, bad]) {
    const alone = await register(accredit, proof);
    const nothing = await register(accredit, {});
    assert.deepEqual([alone.status, alone.body], [400, nothing.body]);
    const beside = await register(accredit, proof, {
      software_statement: await accredit.statement(),
    });
    assert.equal(beside.status, 201, beside.text);

    const token = await form(tokenEndpoint, proof, GRANT);
    assert.deepEqual(
      [token.status, token.body["error"]],
      [401, "invalid_client"],
    );
    const assertion = clientCredentials(await accredit.assertion());
    const granted = await form(tokenEndpoint, proof, assertion);
    assert.equal(granted.status, 200, granted.text);

    const uri = String(beside.body["registration_client_uri"]);
    assert.ok(uri.startsWith(registrationEndpoint), uri);
    assert.equal((await send(uri, { headers: proof })).status, 401);
    const bearer = `Bearer ${await accredit.assertion({ aud: uri })}`;
    const read = await send(uri, {
      headers: { ...proof, Authorization: bearer },
    });
    assert.equal(read.status, 200, read.text);
  }
});

test("[CAUTH-09] either header twice is refused, the same value or another, on two lines or one", async (t) => {
  const accredit = await start(t);
  const { issuer, registrationEndpoint, tokenEndpoint, wit } = accredit;
  const svid = await wit.witSvid();
  assert.equal(
    (await register(accredit, await headers(svid, issuer))).status,
    201,
  );
  const [one, two] = [await svid.proof(issuer), await svid.proof(issuer)];
  const other = (await wit.witSvid()).token;
  const repeated: Readonly<Record<string, readonly [Lines, Lines]>> = {
    "the proof, the same": [svid.token, [one, one]],
    "the proof, another": [svid.token, [one, two]],
    "the WIT-SVID, the same": [[svid.token, svid.token], one],
    "the WIT-SVID, another": [[svid.token, other], one],
    "two proofs on one line": [svid.token, `${one}, ${two}`],
    "two WIT-SVIDs on one line": [`${svid.token},${svid.token}`, one],
  };
  for (const [name, lines] of Object.entries(repeated)) {
    const token = await sendLines(tokenEndpoint, FORM, lines, GRANT);
    assert.deepEqual(token, [401, "invalid_client"], name);
    const registered = await sendLines(registrationEndpoint, JSON_BODY, lines);
    assert.deepEqual(registered, [400, "invalid_software_statement"], name);
  }
  // None of that used a proof up.
  const granted = await sendLines(
    tokenEndpoint,
    FORM,
    [svid.token, one],
    GRANT,
  );
  assert.deepEqual(granted, [200, undefined]);
});

test("[WIT-06] [J22] a bare WIT-SVID is no software statement, no assertion and no bearer token", async (t) => {
  const accredit = await start(t);
  const { token } = await accredit.wit.witSvid();
  const statement = await accredit.register({ software_statement: token });
  assert.equal(statement.body["error"], "invalid_software_statement");
  const svid = await accredit.wit.witSvid();
  const { body } = await register(
    accredit,
    await headers(svid, accredit.issuer),
  );
  const assertion = await accredit.token(clientCredentials(token));
  assert.equal(assertion.body["error"], "invalid_client");
  const bearer = { Authorization: `Bearer ${token}` };
  const uri = String(body["registration_client_uri"]);
  assert.equal((await send(uri, { headers: bearer })).status, 401);
  const lone = { "OAuth-Client-Attestation": token };
  const bare = await form(accredit.tokenEndpoint, lone, GRANT);
  assert.equal(bare.body["error"], "invalid_client");
  const registration = await register(accredit, lone);
  assert.equal(registration.body["error"], "invalid_software_statement");
});

test("[CAUTH-10] [CAUTH-12] a proof is for this server, of this key, and good once, wherever it was used", async (t) => {
  const accredit = await start(t);
  const { issuer, tokenEndpoint, wit } = accredit;
  const svid = await wit.witSvid();
  const used = await headers(svid, issuer);
  assert.equal((await register(accredit, used)).status, 201);
  const other = await wit.witSvid();
  const refused: Readonly<Record<string, Headers>> = {
    "one that was used": used,
    "one for another server": await headers(svid, "https://other.example"),
    "one for the token endpoint": await headers(svid, tokenEndpoint),
    "one of another key": {
      ...(await headers(other, issuer)),
      "OAuth-Client-Attestation": svid.token,
    },
    "one from long ago": await headers(svid, issuer, {
      claims: { iat: Math.floor(Date.now() / 1000) - 3600 },
    }),
    "one without jti": await headers(svid, issuer, {
      claims: { jti: undefined },
    }),
    "one of another type": await headers(svid, issuer, {
      header: { typ: "dpop+jwt" },
    }),
  };
  for (const [name, proof] of Object.entries(refused)) {
    const { status, body } = await form(tokenEndpoint, proof, GRANT);
    assert.deepEqual([status, body["error"]], [401, "invalid_client"], name);
    const registration = await register(accredit, proof);
    assert.equal(
      registration.body["error"],
      "invalid_software_statement",
      name,
    );
  }
  const both = await Promise.all(
    Array.from({ length: 8 }, async (_, index) =>
      form(
        tokenEndpoint,
        await headers(svid, issuer, { claims: { jti: `same-${index % 2}` } }),
        GRANT,
      ),
    ),
  );
  const granted = both.filter(({ status }) => status === 200);
  assert.equal(granted.length, 2, "each of two proofs once");
});

test("[CAUTH-10] a proof at registration names the server by its issuer identifier, by nothing else and to nobody else", async (t) => {
  const shared = "https://register.example";
  const accredit = await start(t, {
    registration: `${EXPERIMENTAL}\nregistration: { audiences: ["${shared}"] }`,
  });
  const { issuer, registrationEndpoint, wit } = accredit;
  const svid = await wit.witSvid();
  for (const audience of [shared, registrationEndpoint, `${issuer}/`]) {
    const { status, body } = await register(
      accredit,
      await headers(svid, audience),
    );
    assert.deepEqual(
      [status, body["error"]],
      [400, "invalid_software_statement"],
      audience,
    );
  }
  const claims = { aud: [issuer, shared] };
  const two = await register(accredit, await headers(svid, issuer, { claims }));
  assert.equal(two.status, 400);
  const one = await register(accredit, await headers(svid, issuer));
  assert.equal(one.status, 201, one.text);
});

test("[CAUTH-01] [CAUTH-11] one mechanism, and no client_id but its own", async (t) => {
  const accredit = await start(t);
  const { issuer, tokenEndpoint, wit } = accredit;
  const svid = await wit.witSvid();
  await register(accredit, await headers(svid, issuer));
  const mismatch = await form(tokenEndpoint, await headers(svid, issuer), {
    ...GRANT,
    client_id: "spiffe://example.org/ns/prod/agent/bob",
  });
  assert.equal(mismatch.body["error"], "invalid_client");
  const two = await form(
    tokenEndpoint,
    await headers(svid, issuer),
    clientCredentials(await accredit.assertion()),
  );
  assert.equal(two.body["error"], "invalid_request");
  const statement = await accredit.statement();
  const both = await register(accredit, await headers(svid, issuer), {
    software_statement: statement,
  });
  assert.equal(both.body["error"], "invalid_request");
});

test("[CAUTH-10] an expired WIT-SVID asks for a fresh one, an untrusted one is refused", async (t) => {
  const accredit = await start(t);
  const { issuer, tokenEndpoint, wit } = accredit;
  await register(accredit, await headers(await wit.witSvid(), issuer));
  const exp = Math.floor(Date.now() / 1000) - 600;
  const stale = await wit.witSvid({ claims: { exp } });
  const asked = await form(tokenEndpoint, await headers(stale, issuer), GRANT);
  assert.deepEqual(
    [asked.status, asked.body["error"]],
    [400, "use_fresh_attestation"],
  );
  const stranger = await FakeWitAuthority.create();
  for (const claims of [{}, { exp }]) {
    const forged = await stranger.witSvid({ claims });
    const { status, body } = await form(
      tokenEndpoint,
      await headers(forged, issuer),
      GRANT,
    );
    assert.deepEqual([status, body["error"]], [401, "invalid_client"]);
  }
});
