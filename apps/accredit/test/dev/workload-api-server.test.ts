import assert from "node:assert/strict";
import { lstat } from "node:fs/promises";
import { connect as connectHttp2 } from "node:http2";
import { connect } from "node:net";
import type { TestContext } from "node:test";
import { test } from "node:test";
import { SpiffeWorkloadAPI } from "@accredit/workload-api";
import type { Client } from "@connectrpc/connect";
import { Code, createClient } from "@connectrpc/connect";
import {
  createGrpcTransport,
  Http2SessionManager,
} from "@connectrpc/connect-node";
import type { JSONWebKeySet } from "jose";
import { createLocalJWKSet, decodeJwt, jwtVerify } from "jose";
import { rotate } from "../../src/dev/rotation.ts";
import type { DevTrustDomain } from "../../src/dev/trust-domain.ts";
import {
  AGENT,
  AUDIENCE,
  NOW,
  openClient,
  OTHER,
  requestTls,
  startDomain,
} from "./harness.ts";

function socketOf(domain: DevTrustDomain): string {
  return domain.workloadApiAddress.slice("unix://".length);
}

/** A bare client that sends only what a test tells it to. */
function rawClient(
  t: TestContext,
  domain: DevTrustDomain,
): Client<typeof SpiffeWorkloadAPI> {
  const sessionManager = new Http2SessionManager(
    "http://localhost",
    {},
    {
      createConnection: () => connect({ path: socketOf(domain) }),
    },
  );
  t.after(() => sessionManager.abort());
  return createClient(
    SpiffeWorkloadAPI,
    createGrpcTransport({ baseUrl: "http://localhost", sessionManager }),
  );
}

const METADATA = { headers: { "workload.spiffe.io": "true" } };

test("[WAPI-06] [SVID-12] an SVID verifies with the bundle fetched over TLS and carries the workload's metadata", async (t) => {
  const domain = await startDomain(t);
  const svids = await openClient(t, domain).fetchJwtSvid({
    audience: [AUDIENCE],
    spiffeId: AGENT,
  });
  assert.equal(svids.length, 1);
  const svid = String(svids[0]?.svid);
  const { body } = await requestTls(domain.bundleUrl, domain.caPem);
  // jose takes no key whose `use` is not its own "sig".
  const keys = (JSON.parse(body) as JSONWebKeySet).keys.map((key) => ({
    ...key,
    use: "sig",
  }));
  const { payload, protectedHeader } = await jwtVerify(
    svid,
    createLocalJWKSet({ keys }),
    { audience: AUDIENCE, currentDate: new Date(NOW * 1000) },
  );
  assert.deepEqual(protectedHeader, {
    alg: "ES256",
    kid: domain.authorities.active("jwt").id,
    typ: "JWT",
  });
  assert.deepEqual(payload, {
    scope: "read",
    grant_types: ["client_credentials"],
    iss: "spiffe://example.org",
    sub: AGENT,
    aud: AUDIENCE,
    iat: NOW,
    exp: NOW + 300,
  });
});

test("[WAPI-12] without an ID every listed identity comes, the default one first", async (t) => {
  const domain = await startDomain(t);
  const svids = await openClient(t, domain).fetchJwtSvid({ audience: ["a"] });
  assert.deepEqual(
    svids.map(({ spiffeId, svid }) => [spiffeId, decodeJwt(svid).sub]),
    [
      [AGENT, AGENT],
      [OTHER, OTHER],
    ],
  );
});

test("several audiences make aud an array", async (t) => {
  const domain = await startDomain(t);
  const [svid] = await openClient(t, domain).fetchJwtSvid({
    audience: ["a", "b"],
  });
  assert.deepEqual(decodeJwt(String(svid?.svid)).aud, ["a", "b"]);
});

for (const [issuer, expected] of [
  [undefined, "spiffe://example.org"],
  ["https://oidc.example", "https://oidc.example"],
  [null, undefined],
] as const) {
  test(`[SVID-12] issuer ${String(issuer)} makes iss ${String(expected)}`, async (t) => {
    const domain = await startDomain(t, { issuer, svidTtlSeconds: 60 });
    const [svid] = await openClient(t, domain).fetchJwtSvid({
      audience: ["a"],
    });
    const claims = decodeJwt(String(svid?.svid));
    assert.equal(claims.iss, expected);
    assert.equal(claims.exp, NOW + 60);
  });
}

for (const [spiffeId, allowAny, code] of [
  ["spiffe://example.org/unlisted", false, "no_identity"],
  ["spiffe://example.org/unlisted", true, undefined],
  ["spiffe://other.example/agent", true, "no_identity"],
  ["spiffe://example.org", true, "no_identity"],
  ["https://example.org/agent", true, "invalid_argument"],
] as const) {
  test(`allowAny ${allowAny}: ${spiffeId} gets ${code ?? "an SVID"}`, async (t) => {
    const domain = await startDomain(t, { allowAny });
    const client = openClient(t, domain);
    const fetched = client.fetchJwtSvid({ audience: ["a"], spiffeId });
    if (code === undefined) {
      const [svid] = await fetched;
      const claims = decodeJwt(String(svid?.svid));
      assert.equal(claims.sub, spiffeId);
      assert.equal(claims["scope"], undefined);
    } else {
      await assert.rejects(fetched, { code });
    }
  });
}

test("no workload: no identity", async (t) => {
  const domain = await startDomain(t, { workloads: [] });
  await assert.rejects(
    openClient(t, domain).fetchJwtSvid({ audience: ["a"] }),
    { code: "no_identity" },
  );
});

for (const [name, workloads, message] of [
  [
    "another trust domain's ID",
    [{ spiffeId: "spiffe://other.example/a" }],
    /expected spiffe:\/\/example.org\//,
  ],
  ["the trust domain itself", [{ spiffeId: "spiffe://example.org" }], /<path>/],
  ["one ID twice", [{ spiffeId: AGENT }, { spiffeId: AGENT }], /twice/],
  [
    "a claim of the domain's own",
    [{ spiffeId: AGENT, claims: { scope: "read", aud: "x", exp: 1 } }],
    /sets aud, exp/,
  ],
] as const) {
  test(`does not start with ${name}`, async (t) => {
    await assert.rejects(startDomain(t, { workloads }), message);
  });
}

for (const value of [undefined, "false", "TRUE", ""]) {
  test(`[WAPI-02] refuses metadata ${JSON.stringify(value)} on every call`, async (t) => {
    const client = rawClient(t, await startDomain(t));
    const options =
      value === undefined ? {} : { headers: { "workload.spiffe.io": value } };
    const invalid = { code: Code.InvalidArgument, message: /security header/ };
    await assert.rejects(
      client.fetchJWTSVID({ audience: ["a"] }, options),
      invalid,
    );
    await assert.rejects(
      client.validateJWTSVID({ audience: "a", svid: "x" }, options),
      invalid,
    );
    for (const stream of [
      client.fetchX509SVID({}, options),
      client.fetchX509Bundles({}, options),
      client.fetchJWTBundles({}, options),
      client.fetchWITSVID({}, options),
      client.fetchWITBundles({}, options),
    ])
      await assert.rejects(stream[Symbol.asyncIterator]().next(), invalid);
  });
}

for (const audience of [[], ["a", ""]]) {
  test(`[WAPI-06] refuses audience ${JSON.stringify(audience)}`, async (t) => {
    const client = rawClient(t, await startDomain(t));
    await assert.rejects(client.fetchJWTSVID({ audience }, METADATA), {
      code: Code.InvalidArgument,
      message: /audience is required/,
    });
  });
}

test("[WAPI-08] validates its own SVIDs", async (t) => {
  const domain = await startDomain(t);
  const client = rawClient(t, domain);
  const { svids } = await client.fetchJWTSVID({ audience: ["a"] }, METADATA);
  const svid = String(svids[0]?.svid);
  const valid = await client.validateJWTSVID({ audience: "a", svid }, METADATA);
  assert.equal(valid.spiffeId, AGENT);
  assert.equal(valid.claims?.["scope"], "read");
  for (const request of [
    { audience: "b", svid },
    { audience: "", svid },
    { audience: "a", svid: "" },
    { audience: "a", svid: `${svid.slice(0, -8)}AAAAAAAA` },
  ]) {
    await assert.rejects(client.validateJWTSVID(request, METADATA), {
      code: Code.InvalidArgument,
    });
  }
  const steps = ["prepare", "activate", "retire"] as const;
  await rotate(domain.authorities, { kinds: ["jwt"], steps });
  await assert.rejects(
    client.validateJWTSVID({ audience: "a", svid }, METADATA),
    { code: Code.InvalidArgument },
  );
});

// What a C-based gRPC client sends as the authority of a Unix socket is not one in any URL.
for (const authority of ["localhost", "run%2Fagent.sock", "a:b:c"]) {
  test(`[WAPI-01] answers whatever the authority: ${authority}`, async (t) => {
    const domain = await startDomain(t);
    const session = connectHttp2("http://localhost", {
      createConnection: () => connect({ path: socketOf(domain) }),
    });
    t.after(() => session.destroy());
    const stream = session.request({
      ":method": "POST",
      ":path": "/SpiffeWorkloadAPI/FetchJWTSVID",
      ":authority": authority,
      "content-type": "application/grpc",
      te: "trailers",
      "workload.spiffe.io": "true",
    });
    // One message: not compressed, 3 bytes long, field 1 (audience) = "a".
    stream.end(Buffer.from([0, 0, 0, 0, 3, 0x0a, 1, 0x61]));
    const trailers = Promise.withResolvers<NodeJS.Dict<string | string[]>>();
    stream.on("trailers", trailers.resolve);
    stream.on("error", trailers.reject);
    stream.resume();
    assert.equal((await trailers.promise)["grpc-status"], "0");
  });
}

test("only the owner may open the socket, and it is gone after close", async (t) => {
  const domain = await startDomain(t);
  const path = socketOf(domain);
  const mode = (await lstat(path)).mode;
  assert.equal((mode & 0o777).toString(8), "600");
  await domain.close();
  await assert.rejects(lstat(path), { code: "ENOENT" });
});
