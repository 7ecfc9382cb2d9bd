import assert from "node:assert/strict";
import { test } from "node:test";
import { decodeJwt } from "jose";
import { FakeX509Authority } from "@accredit/testkit";
import {
  startMutualTls,
  WORKLOAD,
  type Presented,
} from "./running-mutual-tls.ts";

const root = await FakeX509Authority.create();
const intermediate = await root.intermediate();
const SVID = await intermediate.svid({ uris: [WORKLOAD] });
const OTHER = "spiffe://example.org/ns/prod/agent/bob";
const OTHER_SVID = await intermediate.svid({ uris: [OTHER] });
const BOUND = { tls_client_certificate_bound_access_tokens: true };
const now = () => Math.floor(Date.now() / 1000);

test("[CAUTH-07] [CAUTH-08] a client authenticates in TLS by its X509-SVID, over either version and for every request", async (t) => {
  const accredit = await startMutualTls(t, root);
  assert.equal((await accredit.register()).status, 201);
  for (const version of ["TLSv1.2", "TLSv1.3"] as const) {
    const peer = accredit.connect({ svid: SVID, version });
    const statuses = [];
    for (let request = 0; request < 3; request++)
      statuses.push((await peer.token()).status);
    assert.deepEqual(statuses, [200, 200, 200], version);
    assert.equal(peer.connections(), 1, "on one connection");
  }
});

for (const own of [false, true]) {
  test(`[MGMT-08] [AMB-08] a client manages its registration by its X509-SVID in TLS (${own ? "a listener of its own" : "the public one"})`, async (t) => {
    const accredit = await startMutualTls(t, root, { own });
    const { body: client } = await accredit.register();
    const { pathname } = new URL(String(client["registration_client_uri"]));
    const port = accredit.mutualTlsPort;
    const peer = accredit.connect({ svid: SVID, port });
    const read = await peer.send("GET", pathname);
    assert.equal(read.status, 200);
    assert.equal(read.body["client_id"], WORKLOAD);
    assert.equal("registration_access_token" in read.body, false);
    const updated = await peer.send("PUT", pathname, {
      client_id: WORKLOAD,
      client_name: "Renamed",
    });
    assert.equal(updated.body["client_name"], "Renamed");
    for (const svid of [OTHER_SVID, await root.svid({ selfSigned: true })]) {
      const stranger = accredit.connect({ svid, port });
      for (const method of ["GET", "PUT", "DELETE"])
        assert.equal((await stranger.send(method, pathname)).status, 401);
    }
    const bare = await accredit.connect({ port }).send("GET", pathname);
    assert.equal(bare.status, 401);
    assert.equal((await peer.send("DELETE", pathname)).status, 204);
    assert.equal((await peer.send("GET", pathname)).status, 401);
  });
}

test("[X509-02] a connection that offers to resume is a new one, with its whole chain", async (t) => {
  const accredit = await startMutualTls(t, root);
  await accredit.register();
  for (const version of ["TLSv1.2", "TLSv1.3"] as const) {
    const first = accredit.connect({ svid: SVID, version });
    assert.equal((await first.token()).status, 200);
    const session = first.session();
    const second = accredit.connect({ svid: SVID, version, session });
    assert.equal((await second.token()).status, 200, version);
    assert.equal(second.resumed(), false, version);
  }
});

test("[CAUTH-08] [A11] [A13] [A16] [A17] what is no SVID of the client is refused", async (t) => {
  const accredit = await startMutualTls(t, root);
  await accredit.register();
  const stranger = await FakeX509Authority.create();
  const refused: Readonly<Record<string, Presented>> = {
    "no certificate": {},
    "no certificate, but headers that look like one": {
      headers: {
        "Client-Cert": `:${Buffer.from(SVID.chain[0] ?? []).toString("base64")}:`,
        "X-Forwarded-Client-Cert": `Cert="${encodeURIComponent(SVID.certPem)}"`,
      },
    },
    "another workload's": { svid: OTHER_SVID },
    "another authority's": { svid: await stranger.svid({ uris: [WORKLOAD] }) },
    "its own": { svid: await intermediate.svid({ selfSigned: true }) },
    "an expired one": {
      svid: await intermediate.svid({ notAfter: now() - 10 }),
    },
    "one for servers alone": {
      svid: await intermediate.svid({
        extendedKeyUsage: ["1.3.6.1.5.5.7.3.1"],
      }),
    },
    "one with two names": {
      svid: await intermediate.svid({ uris: [WORKLOAD, OTHER] }),
    },
    "an authority's": { svid: await intermediate.svid({ ca: true }) },
  };
  for (const [name, presented] of Object.entries(refused)) {
    const { status, body } = await accredit.connect(presented).token();
    assert.deepEqual([status, body["error"]], [401, "invalid_client"], name);
    assert.equal(body["access_token"], undefined);
  }
  assert.equal((await accredit.connect({ svid: SVID }).token()).status, 200);
});

test("[X509-09] an open connection ends with its certificate: validity is judged for each request", async (t) => {
  const accredit = await startMutualTls(t, root);
  await accredit.register();
  const notAfter = now() + 600;
  const peer = accredit.connect({
    svid: await intermediate.svid({ uris: [WORKLOAD], notAfter }),
  });
  assert.equal((await peer.token()).status, 200);
  t.mock.timers.enable({ apis: ["Date"], now: (notAfter + 1) * 1000 });
  const { status, body } = await peer.token();
  assert.deepEqual([status, body["error"]], [401, "invalid_client"]);
  assert.equal(peer.connections(), 1, "on the same connection");
});

test("[TOK-09] [META-14] a token is bound to the certificate and ends with it; introspection says so", async (t) => {
  const accredit = await startMutualTls(t, root);
  assert.equal((await accredit.register(BOUND)).status, 201);
  const notAfter = now() + 120;
  const svid = await intermediate.svid({ uris: [WORKLOAD], notAfter });
  const peer = accredit.connect({ svid });
  const { status, body } = await peer.token();
  assert.equal(status, 200, JSON.stringify(body));
  const claims = decodeJwt(String(body["access_token"]));
  const cnf = { "x5t#S256": accredit.thumbprint(svid) };
  assert.deepEqual(claims["cnf"], cnf);
  assert.ok((claims.exp ?? Infinity) <= notAfter);
  assert.ok((claims.exp ?? 0) > notAfter - 30);
  assert.ok(Number(body["expires_in"]) <= 120);

  const introspected = await peer.post("/introspect", {
    client_id: WORKLOAD,
    token: String(body["access_token"]),
  });
  assert.equal(introspected.body["active"], true);
  assert.deepEqual(introspected.body["cnf"], cnf);

  const metadata = await peer.get("/.well-known/oauth-authorization-server");
  assert.equal(metadata["tls_client_certificate_bound_access_tokens"], true);
  assert.deepEqual(metadata["token_endpoint_auth_methods_supported"], [
    "spiffe_jwt",
    "spiffe_x509",
  ]);
  assert.equal(metadata["mtls_endpoint_aliases"], undefined);
});

test("[TOK-09] [CAUTH-01] beside an assertion the certificate is what the token is bound to, if it is the same workload's", async (t) => {
  const accredit = await startMutualTls(t, root);
  await accredit.register(BOUND);
  const assertion = async () => accredit.assertion();
  const bound = await accredit
    .connect({ svid: SVID })
    .token({ ...(await assertion()) });
  assert.equal(bound.status, 200, JSON.stringify(bound.body));
  assert.deepEqual(decodeJwt(String(bound.body["access_token"]))["cnf"], {
    "x5t#S256": accredit.thumbprint(SVID),
  });

  const without = await accredit.connect({}).token(await assertion());
  assert.deepEqual(
    [without.status, without.body["error"]],
    [400, "invalid_request"],
    "a token that is to be bound is not issued without a certificate",
  );
  const thief = await accredit
    .connect({ svid: OTHER_SVID })
    .token(await assertion());
  assert.deepEqual(
    [thief.status, thief.body["error"]],
    [401, "invalid_client"],
    "who stole an assertion cannot bind it to his own certificate",
  );
});

test("[CAUTH-01] a certificate beside an assertion says nothing where no token is issued, also where the client wants bound ones", async (t) => {
  const accredit = await startMutualTls(t, root);
  await accredit.register(BOUND);
  for (const svid of [OTHER_SVID, await root.svid({ selfSigned: true })]) {
    const issued = await accredit
      .connect({ svid: SVID })
      .token(await accredit.assertion());
    const token = String(issued.body["access_token"]);
    const peer = accredit.connect({ svid });
    const ask = async (path: string) =>
      peer.post(path, { ...(await accredit.assertion()), token });
    const before = await ask("/introspect");
    assert.deepEqual([before.status, before.body["active"]], [200, true]);
    assert.equal((await ask("/revoke")).status, 200);
    assert.equal((await ask("/introspect")).body["active"], false);
  }
});

test("[CAUTH-01] a certificate beside an assertion is no second mechanism, and binds nothing that was not asked for", async (t) => {
  const accredit = await startMutualTls(t, root);
  await accredit.register();
  const { status, body } = await accredit
    .connect({ svid: OTHER_SVID })
    .token(await accredit.assertion());
  assert.equal(status, 200, JSON.stringify(body));
  assert.equal(decodeJwt(String(body["access_token"]))["cnf"], undefined);
});

test("[ASM-07] a listener of its own asks for certificates, and the metadata says where it is", async (t) => {
  const accredit = await startMutualTls(t, root, { own: true });
  await accredit.register();
  const main = accredit.connect({ svid: SVID });
  assert.equal((await main.token()).status, 401, "nobody was asked there");
  const metadata = await main.get("/.well-known/oauth-authorization-server");
  const aliases = metadata["mtls_endpoint_aliases"] as Record<string, string>;
  const origin = `https://localhost:${accredit.mutualTlsPort}`;
  assert.deepEqual(aliases, {
    token_endpoint: `${origin}/token`,
    registration_endpoint: `${origin}/register`,
    introspection_endpoint: `${origin}/introspect`,
    revocation_endpoint: `${origin}/revoke`,
  });
  const own = accredit.connect({ svid: SVID, port: accredit.mutualTlsPort });
  const { status, body } = await own.token();
  assert.equal(status, 200, JSON.stringify(body));
  assert.equal(
    decodeJwt(String(body["access_token"])).iss,
    accredit.issuer,
    "the issuer is one",
  );
});

test("[SEC-09] what a trusted proxy says never falls back to the proxy's own certificate", async (t) => {
  const accredit = await startMutualTls(t, root, { proxies: true });
  await accredit.register();
  const hop = accredit.connect({ svid: SVID });
  const { status, body } = await hop.token();
  assert.deepEqual([status, body["error"]], [401, "invalid_client"]);
});
