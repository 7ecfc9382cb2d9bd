import assert from "node:assert/strict";
import { test } from "node:test";
import * as oauth from "oauth4webapi";
import {
  ASSERTION_TYPE,
  clientCredentials,
  send,
  startAccredit,
  WORKLOAD,
} from "./running-accredit.ts";
import type { RunningAccredit } from "./running-accredit.ts";

const INSECURE = { [oauth.allowInsecureRequests]: true };

/** `spiffe_jwt` for oauth4webapi: its client authentication is a function, so ours plugs in. */
function spiffeJwt(accredit: RunningAccredit): oauth.ClientAuth {
  return async (_as, _client, body) => {
    body.set("client_assertion_type", ASSERTION_TYPE);
    body.set("client_assertion", await accredit.assertion());
  };
}

test("[SCA] [ASM-01] [TOK-03] oauth4webapi discovers, registers, gets a token, introspects and revokes it", async (t) => {
  const accredit = await startAccredit(t);
  const issuer = new URL(accredit.issuer);
  const as = await oauth.processDiscoveryResponse(
    issuer,
    await oauth.discoveryRequest(issuer, { algorithm: "oauth2", ...INSECURE }),
  );

  const client = await oauth.processDynamicClientRegistrationResponse(
    await oauth.dynamicClientRegistrationRequest(
      as,
      { software_statement: await accredit.statement({ scope: "read write" }) },
      INSECURE,
    ),
  );
  assert.equal(client.client_id, WORKLOAD);

  const auth = spiffeJwt(accredit);
  const token = await oauth.processClientCredentialsResponse(
    as,
    client,
    await oauth.clientCredentialsGrantRequest(
      as,
      client,
      auth,
      new URLSearchParams({ resource: "https://api.example", scope: "read" }),
      INSECURE,
    ),
  );
  assert.equal(token.token_type, "bearer");
  assert.equal(token.scope, "read");

  const claims = await oauth.validateJwtAccessToken(
    as,
    new Request("https://api.example/", {
      headers: { Authorization: `Bearer ${token.access_token}` },
    }),
    "https://api.example",
    INSECURE,
  );
  assert.equal(claims.sub, WORKLOAD);
  assert.equal(claims.client_id, WORKLOAD);
  assert.equal(claims.scope, "read");

  const introspect = async () =>
    oauth.processIntrospectionResponse(
      as,
      client,
      await oauth.introspectionRequest(
        as,
        client,
        auth,
        token.access_token,
        INSECURE,
      ),
    );
  const active = await introspect();
  assert.equal(active.active, true);
  assert.equal(active.scope, "read");

  await oauth.processRevocationResponse(
    await oauth.revocationRequest(
      as,
      client,
      auth,
      token.access_token,
      INSECURE,
    ),
  );
  assert.deepEqual(await introspect(), { active: false });
});

test("[SEC-04] a statement is no assertion and an assertion no statement", async (t) => {
  const accredit = await startAccredit(t);
  const statement = await accredit.statement();
  assert.equal(
    (await accredit.register({ software_statement: statement })).status,
    201,
  );
  const replayed = await accredit.token(clientCredentials(statement));
  assert.deepEqual(
    [replayed.status, replayed.body["error"]],
    [401, "invalid_client"],
  );
  const reversed = await accredit.register({
    software_statement: await accredit.assertion(),
  });
  assert.deepEqual(
    [reversed.status, reversed.body["error"]],
    [400, "invalid_software_statement"],
  );
});

test("[A02] [CAUTH-01] [CAUTH-02] [CAUTH-04] [CAUTH-05] [CAUTH-18] each way to fail authentication, one text for all", async (t) => {
  const accredit = await startAccredit(t);
  await accredit.register({ software_statement: await accredit.statement() });
  const good = await accredit.assertion();
  const stranger = await accredit.assertion({
    sub: "spiffe://example.org/ns/prod/agent/nobody",
  });
  const cases: readonly (readonly [
    string,
    Record<string, string>,
    number,
    string,
  ])[] = [
    [
      "no authentication",
      { grant_type: "client_credentials" },
      401,
      "invalid_client",
    ],
    [
      "client_id alone",
      { grant_type: "client_credentials", client_id: WORKLOAD },
      401,
      "invalid_client",
    ],
    [
      "a secret",
      {
        grant_type: "client_credentials",
        client_id: WORKLOAD,
        client_secret: "s",
      },
      401,
      "invalid_client",
    ],
    [
      "no assertion type",
      { grant_type: "client_credentials", client_assertion: good },
      401,
      "invalid_client",
    ],
    [
      "jwt-bearer type",
      {
        ...clientCredentials(good),
        client_assertion_type:
          "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
      },
      401,
      "invalid_client",
    ],
    [
      "a type that is none",
      {
        ...clientCredentials(good),
        client_assertion_type: `${ASSERTION_TYPE} `,
      },
      401,
      "invalid_client",
    ],
    [
      "no assertion",
      {
        grant_type: "client_credentials",
        client_assertion_type: ASSERTION_TYPE,
      },
      400,
      "invalid_request",
    ],
    [
      "two mechanisms",
      clientCredentials(good, { client_secret: "s" }),
      400,
      "invalid_request",
    ],
    ["unregistered", clientCredentials(stranger), 401, "invalid_client"],
    [
      "another client_id",
      clientCredentials(good, { client_id: "spiffe://example.org/x" }),
      401,
      "invalid_client",
    ],
    [
      "token endpoint audience",
      clientCredentials(
        await accredit.assertion({ aud: accredit.tokenEndpoint }),
      ),
      401,
      "invalid_client",
    ],
    [
      "two audiences",
      clientCredentials(
        await accredit.assertion({ aud: [accredit.issuer, "x"] }),
      ),
      401,
      "invalid_client",
    ],
    [
      "expired",
      clientCredentials(await accredit.assertion({ exp: 1 })),
      401,
      "invalid_client",
    ],
    ["garbage", clientCredentials("a.b.c"), 401, "invalid_client"],
  ];
  const texts = new Set<string>();
  for (const [name, parameters, status, error] of cases) {
    const answer = await accredit.token(parameters);
    assert.deepEqual(
      [answer.status, answer.body["error"]],
      [status, error],
      name,
    );
    assert.equal(answer.headers.get("cache-control"), "no-store", name);
    if (status === 401) {
      texts.add(
        String(answer.body["error_description"]).replace(/[0-9a-f-]{36}/, "ID"),
      );
    }
  }
  assert.equal(texts.size, 1);
  assert.equal(
    (await accredit.token(clientCredentials(good))).status,
    200,
    "the good one still works",
  );
  assert.equal(
    (await accredit.token(clientCredentials(good, { client_id: WORKLOAD })))
      .status,
    200,
  );
});

test("[A10] [CAUTH-18] whoever signs with a wrong key does not learn who is registered: both are refused at the same step", async (t) => {
  const adminToken = "the-admin-token-of-this-test";
  const accredit = await startAccredit(t, { adminToken });
  await accredit.register({ software_statement: await accredit.statement() });
  const stranger = "spiffe://example.org/ns/prod/agent/nobody";
  const outcomes: unknown[] = [];
  for (const sub of [WORKLOAD, stranger]) {
    const assertion = await accredit.assertion({ sub });
    const [head, claims, signature = ""] = assertion.split(".");
    const forged = `${head}.${claims}.${signature.startsWith("A") ? "B" : "A"}${signature.slice(1)}`;
    const { status, body, headers } = await accredit.token(
      clientCredentials(forged),
    );
    const { body: trail } = await send(
      `${accredit.adminUrl}/api/v1/audit?limit=1`,
      { headers: { Authorization: `Bearer ${adminToken}` } },
    );
    const [row] = trail["entries"] as Record<string, unknown>[];
    const description = String(body["error_description"]);
    outcomes.push({
      status,
      body: {
        ...body,
        error_description: description.replace(/[0-9a-f-]{36}/, "ID"),
      },
      headers: [...headers.keys()],
      code: row?.["code"],
      reasons: row?.["reasons"],
      client: row?.["client_id"],
      credential: row?.["credential"],
    });
  }
  assert.deepEqual(outcomes[0], outcomes[1]);
  assert.equal((outcomes[0] as { client: unknown }).client, null);
});

test("[L05] neither listener serves what a process knows of itself, but health and metrics", async (t) => {
  const adminToken = "the-admin-token-of-this-test";
  const accredit = await startAccredit(t, { adminToken });
  const paths = [
    "/debug",
    "/debug/pprof/heap",
    "/json/list",
    "/heapdump",
    "/env",
    "/actuator",
    "/actuator/heapdump",
    "/server-status",
    "/config",
    "/.env",
    "/accredit.yaml",
    "/accredit.db",
  ];
  for (const path of [...paths, "/metrics", "/healthz", "/api/v1/clients"])
    assert.equal((await fetch(accredit.issuer + path)).status, 404, path);
  const headers = { Authorization: `Bearer ${adminToken}` };
  for (const path of paths)
    assert.equal(
      (await fetch(accredit.adminUrl + path, { headers })).status,
      404,
      path,
    );
  for (const path of [...paths, "/metrics", "/api/v1/clients"])
    assert.ok(
      [401, 404].includes((await fetch(accredit.adminUrl + path)).status),
      path,
    );
});

test("[CAUTH-03] [SVID-10] an assertion needs no iss, iat or jti, and may come twice", async (t) => {
  const accredit = await startAccredit(t);
  await accredit.register({ software_statement: await accredit.statement() });
  const bare = await accredit.assertion({ iss: undefined, iat: undefined });
  assert.equal((await accredit.token(clientCredentials(bare))).status, 200);
  assert.equal((await accredit.token(clientCredentials(bare))).status, 200);
});

test("[K07] [TOK-04] [TOK-05] [TOK-06] [TOK-07] scope, resource and grant type stay within the registration", async (t) => {
  const accredit = await startAccredit(t);
  await accredit.register({ software_statement: await accredit.statement() });
  const ask = async (more: Record<string, string>) =>
    accredit.token(clientCredentials(await accredit.assertion(), more));

  const whole = await ask({});
  assert.equal(whole.status, 200);
  assert.equal(whole.body["scope"], "read");
  assert.equal(whole.headers.get("cache-control"), "no-store");
  for (const [more, error] of [
    [{ scope: "read write" }, "invalid_scope"],
    [{ scope: "nonsense" }, "invalid_scope"],
    [{ resource: "https://elsewhere.example" }, "invalid_target"],
    [{ resource: "https://api.example#x" }, "invalid_target"],
    [{ grant_type: "password" }, "unsupported_grant_type"],
    [{ grant_type: "authorization_code" }, "unsupported_grant_type"],
  ] as const) {
    const answer = await ask(more);
    assert.deepEqual(
      [answer.status, answer.body["error"]],
      [400, error],
      JSON.stringify(more),
    );
  }
});

test("[K01] [A08] repeated parameters and parameters in the query are refused", async (t) => {
  const accredit = await startAccredit(t);
  await accredit.register({ software_statement: await accredit.statement() });
  const body = new URLSearchParams(
    clientCredentials(await accredit.assertion()),
  );
  body.append("grant_type", "client_credentials");
  const repeated = await send(accredit.tokenEndpoint, { method: "POST", body });
  assert.deepEqual(
    [repeated.status, repeated.body["error"]],
    [400, "invalid_request"],
  );
  const query = await send(
    `${accredit.tokenEndpoint}?${new URLSearchParams(clientCredentials("x")).toString()}`,
    {
      method: "POST",
      body: new URLSearchParams(clientCredentials(await accredit.assertion())),
    },
  );
  assert.deepEqual(
    [query.status, query.body["error"]],
    [400, "invalid_request"],
  );
});

test("[CAUTH-17] introspection and revocation want the same authentication, and respect whose token it is", async (t) => {
  const accredit = await startAccredit(t);
  const other = "spiffe://example.org/ns/prod/agent/other";
  const api = "spiffe://example.org/ns/prod/api/orders";
  for (const sub of [WORKLOAD, other, api]) {
    const { status } = await accredit.register({
      software_statement: await accredit.statement({ sub }),
    });
    assert.equal(status, 201, sub);
  }
  const { body } = await accredit.token(
    clientCredentials(await accredit.assertion()),
  );
  const token = String(body["access_token"]);
  const at = async (path: string, sub: string) =>
    send(accredit.issuer + path, {
      method: "POST",
      body: new URLSearchParams({
        ...clientCredentials(await accredit.assertion({ sub })),
        token,
      }),
    });

  for (const path of ["/introspect", "/revoke"]) {
    const anonymous = await send(accredit.issuer + path, {
      method: "POST",
      body: new URLSearchParams({ token }),
    });
    assert.deepEqual(
      [anonymous.status, anonymous.body["error"]],
      [401, "invalid_client"],
      path,
    );
  }
  assert.equal((await at("/introspect", WORKLOAD)).body["active"], true);
  assert.equal(
    (await at("/introspect", api)).body["active"],
    true,
    "its rule may introspect any token",
  );
  assert.deepEqual((await at("/introspect", other)).body, { active: false });
  assert.equal(
    (await at("/revoke", other)).status,
    200,
    "[K10] another client's token: 200, no effect",
  );
  assert.equal((await at("/introspect", WORKLOAD)).body["active"], true);
  assert.equal((await at("/revoke", WORKLOAD)).status, 200);
  assert.deepEqual((await at("/introspect", WORKLOAD)).body, { active: false });
});
