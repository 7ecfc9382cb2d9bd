import assert from "node:assert/strict";
import { request as httpRequest } from "node:http";
import { test, type TestContext } from "node:test";
import type { ServerSettings } from "@accredit/server";
import { FakeX509Authority, type FakeSvid } from "@accredit/testkit";
import {
  RULE,
  startServer,
  WORKLOAD,
  type RunningServer,
} from "./running-server.ts";

const root = await FakeX509Authority.create();
const intermediate = await root.intermediate();
const stranger = await FakeX509Authority.create();
const SVID = await intermediate.svid({ uris: [WORKLOAD] });

const base64 = (der: Uint8Array | undefined) =>
  Buffer.from(der ?? new Uint8Array()).toString("base64");
const clientCert = ({ chain: [leaf, ...issuers] }: FakeSvid) => ({
  "Client-Cert": `:${base64(leaf)}:`,
  "Client-Cert-Chain": issuers.map((der) => `:${base64(der)}:`).join(", "),
});
const xfcc = ({ certPem }: FakeSvid) => ({
  "X-Forwarded-Client-Cert": `By=spiffe://example.org/envoy;Chain="${encodeURIComponent(certPem)}"`,
});

type Headers = Readonly<Record<string, string | readonly string[]>>;
type Answer = {
  readonly status: number;
  readonly body: Record<string, unknown>;
};

const METHODS = ["spiffe_jwt", "spiffe_x509"] as const;
function settings(change: Partial<ServerSettings> = {}) {
  return {
    policy: [
      {
        ...RULE,
        allow: { ...RULE.allow, tokenEndpointAuthMethods: [...METHODS] },
      },
    ],
    mutualTls: {
      listener: false,
      hops: [{ addresses: ["loopback"], header: "client_cert" as const }],
    },
    ...change,
  };
}

/** A server on plain http whose peer, this process, is its proxy; one client is registered. */
async function behindProxy(
  t: TestContext,
  change: Partial<ServerSettings> = {},
  metadata: Readonly<Record<string, unknown>> = {},
): Promise<RunningServer> {
  const server = await startServer(t, settings(change), undefined, [
    root.bundleKey(),
  ]);
  const { status } = await fetch(`${server.url}/register`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({
      software_statement: await server.statement(),
      ...metadata,
    }),
  });
  assert.equal(status, 201);
  return server;
}

/** Not by fetch: it sends a repeated header as one. */
function post(
  server: RunningServer,
  path: string,
  headers: Headers,
  parameters: Readonly<Record<string, string>>,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const request = httpRequest(
      server.url + path,
      {
        method: "POST",
        headers: {
          "Content-Type": "application/x-www-form-urlencoded",
          ...headers,
        },
      },
      (response) => {
        let text = "";
        response.setEncoding("utf8");
        response.on("data", (chunk: string) => (text += chunk));
        response.on("end", () =>
          resolve({
            status: response.statusCode ?? 0,
            body: JSON.parse(text === "" ? "{}" : text) as Record<
              string,
              unknown
            >,
          }),
        );
      },
    );
    request.on("error", reject);
    request.end(new URLSearchParams(parameters).toString());
  });
}

const ASK = { grant_type: "client_credentials", client_id: WORKLOAD };
const token = (
  server: RunningServer,
  headers: Headers,
  parameters: Readonly<Record<string, string>> = ASK,
) => post(server, "/token", headers, parameters);

/** The refused request left the one row, with this reason. */
async function assertRefused(
  server: RunningServer,
  answer: Answer,
  code: string,
): Promise<void> {
  assert.deepEqual(
    [answer.status, answer.body["error"]],
    [401, "invalid_client"],
  );
  const rows = (await server.audit()).filter(
    ({ action }) => action === "authentication.refused",
  );
  assert.deepEqual(
    rows.map((row) => row.code),
    [code],
  );
}

test("[CAUTH-07] [X509-10] a certificate from a trusted proxy authenticates, in either header", async (t) => {
  const server = await behindProxy(t);
  const { status, body } = await token(server, clientCert(SVID));
  assert.equal(status, 200, JSON.stringify(body));
  const logged = server.log.map(
    (line) => JSON.parse(line) as Record<string, unknown>,
  );
  const event = logged.find(({ route }) => route === "/token");
  assert.equal(event?.["auth_method"], "spiffe_x509");
  assert.match(String(event?.["credential"]), /^[\w-]{43}$/);

  const envoy = await behindProxy(t, {
    mutualTls: {
      listener: false,
      hops: [{ addresses: ["loopback"], header: "xfcc" }],
    },
  });
  assert.equal((await token(envoy, xfcc(SVID))).status, 200);
});

test("[CAUTH-17] introspection and revocation take the certificate too", async (t) => {
  const server = await behindProxy(t);
  const { body } = await token(server, clientCert(SVID));
  const parameters = { ...ASK, token: String(body["access_token"]) };
  const at = (path: string, headers: Headers) =>
    post(server, path, headers, parameters);
  assert.equal((await at("/introspect", {})).status, 401);
  assert.equal((await at("/revoke", {})).status, 401);
  assert.equal(
    (await at("/introspect", clientCert(SVID))).body["active"],
    true,
  );
  assert.equal((await at("/revoke", clientCert(SVID))).status, 200);
  assert.equal(
    (await at("/introspect", clientCert(SVID))).body["active"],
    false,
  );
});

const good = clientCert(SVID);
const wrongSvid = async (choice: Parameters<FakeX509Authority["svid"]>[0]) =>
  clientCert(await intermediate.svid(choice));
const NOW = Math.floor(Date.now() / 1000);

for (const [name, headers, code, parameters = ASK] of [
  [
    "[A05] no client_id",
    good,
    "client_id_missing",
    { grant_type: "client_credentials" },
  ],
  [
    "[A16] another client_id",
    good,
    "client_mismatch",
    { ...ASK, client_id: "spiffe://example.org/ns/prod/agent/bob" },
  ],
  [
    "[A16] the client_id of an unregistered workload, by its own certificate",
    await wrongSvid({ uris: ["spiffe://example.org/ns/prod/agent/bob"] }),
    "client_unknown",
    { ...ASK, client_id: "spiffe://example.org/ns/prod/agent/bob" },
  ],
  [
    "[A11] two URI names",
    await wrongSvid({ uris: [WORKLOAD, "spiffe://example.org/b"] }),
    "subject_invalid",
  ],
  [
    "[A11] the ID as common name alone",
    await wrongSvid({ uris: [], subject: "CN=alice", dnsNames: ["a.example"] }),
    "subject_invalid",
  ],
  ["[A13] an authority", await wrongSvid({ ca: true }), "certificate_invalid"],
  [
    "[A13] an expired one",
    await wrongSvid({ notAfter: NOW - 5 }),
    "credential_expired",
  ],
  [
    "[X509-02] without its intermediate",
    { "Client-Cert": good["Client-Cert"] },
    "certificate_not_trusted",
  ],
  [
    "[X509-03] of another authority of the same name",
    clientCert(await stranger.svid({ uris: [WORKLOAD] })),
    "certificate_not_trusted",
  ],
  [
    "[FED-09] of a trust domain that is not trusted",
    clientCert(await root.svid({ uris: ["spiffe://elsewhere.example/a"] })),
    "issuer_untrusted",
  ],
  [
    "[A17] twice",
    { ...good, "Client-Cert": [good["Client-Cert"], good["Client-Cert"]] },
    "certificate_malformed",
  ],
  [
    "[A17] twice, joined as Node would",
    {
      ...good,
      "Client-Cert": `${good["Client-Cert"]}, ${good["Client-Cert"]}`,
    },
    "certificate_malformed",
  ],
  [
    "[A19] named in Connection",
    { ...good, Connection: "close, Client-Cert" },
    "certificate_malformed",
  ],
  ["no DER at all", { "Client-Cert": ":QUJD:" }, "certificate_malformed"],
  [
    "[A19] under a look-alike name",
    { Client_Cert: good["Client-Cert"] },
    "client_assertion_type_unsupported",
  ],
  [
    "[A20] in the header that this proxy does not write",
    xfcc(SVID),
    "client_assertion_type_unsupported",
  ],
  [
    "[A17] in headers of others",
    {
      "X-SSL-Client-Cert": encodeURIComponent(SVID.certPem),
      "X-Forwarded-Tls-Client-Cert": base64(SVID.chain[0]),
      "X-Client-Cert": base64(SVID.chain[0]),
    },
    "client_assertion_type_unsupported",
  ],
] as readonly [string, Headers, string, Record<string, string>?][]) {
  test(`[CAUTH-08] refused from a trusted proxy: ${name}`, async (t) => {
    const server = await behindProxy(t);
    await assertRefused(server, await token(server, headers, parameters), code);
    assert.equal((await token(server, good)).status, 200, "a good one works");
  });
}

for (const [name, mutualTls] of [
  ["no proxy is named", undefined],
  [
    "another address is the proxy",
    {
      listener: true,
      hops: [{ addresses: ["192.0.2.1"], header: "client_cert" }],
    },
  ],
] as const) {
  test(`[SEC-09] [A17] the headers of everyone else are as if they were not there: ${name}`, async (t) => {
    const server = await behindProxy(t, { mutualTls });
    for (const headers of [good, xfcc(SVID), { "Client-Cert": "junk" }]) {
      const answer = await token(server, headers);
      assert.deepEqual(
        [answer.status, answer.body["error"]],
        [401, "invalid_client"],
      );
    }
    const assertion = await server.statement({ aud: server.url });
    const { status } = await token(
      server,
      { "Client-Cert": "junk" },
      {
        grant_type: "client_credentials",
        client_assertion: assertion,
        client_assertion_type:
          "urn:ietf:params:oauth:client-assertion-type:jwt-spiffe",
      },
    );
    assert.equal(
      status,
      200,
      "nor do they harm whoever has another credential",
    );
  });
}

test("[CAUTH-15] a rule that leaves spiffe_x509 out refuses it, and one that leaves spiffe_jwt out refuses that", async (t) => {
  const only = (...methods: (typeof METHODS)[number][]) => ({
    policy: [
      { ...RULE, allow: { ...RULE.allow, tokenEndpointAuthMethods: methods } },
    ],
  });
  const jwt = await behindProxy(t, only("spiffe_jwt"));
  await assertRefused(
    jwt,
    await token(jwt, good),
    "client_auth_method_not_allowed",
  );

  const x509 = await behindProxy(t, only("spiffe_x509"), {
    token_endpoint_auth_method: "spiffe_x509",
  });
  assert.equal((await token(x509, good)).status, 200);
  const refused = await token(
    x509,
    {},
    {
      grant_type: "client_credentials",
      client_assertion: await x509.statement({ aud: x509.url }),
      client_assertion_type:
        "urn:ietf:params:oauth:client-assertion-type:jwt-spiffe",
    },
  );
  await assertRefused(x509, refused, "client_auth_method_not_allowed");
});

test("[SEC-05] [L01] what a proxy hands on is in no log line and no audit row, whatever is wrong with it", async (t) => {
  const server = await behindProxy(t);
  const leaf = base64(SVID.chain[0]);
  for (const headers of [
    good,
    { "Client-Cert": leaf },
    { "Client-Cert": `:${leaf}:;x` },
    { "Client-Cert": encodeURIComponent(SVID.certPem) },
    { ...good, "Client-Cert-Chain": SVID.certPem.replaceAll("\n", " ") },
    { "Client-Cert": `:${leaf.slice(0, -8)}:` },
  ])
    await token(server, headers);
  const written = server.log.join("\n") + JSON.stringify(await server.audit());
  for (const piece of [leaf.slice(0, 40), leaf.slice(-40), "BEGIN CERT"])
    assert.ok(!written.includes(piece));
});
