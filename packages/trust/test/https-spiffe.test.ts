import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import {
  FakeAuthority,
  FakeClock,
  FakeX509Authority,
  type FakeSvidChoice,
} from "@accredit/testkit";
import {
  createTrustKeeper,
  type HttpsSpiffeBundleOptions,
  type TrustDomainOptions,
} from "@accredit/trust";
import {
  authority as webPki,
  collectLog,
  EXAMPLE,
  fetchTrusting,
  keep,
  makeDirectory,
  startEndpoint,
  webDomain,
} from "./support/harness.ts";

/** The time that FakeClock begins at. */
const NOW = 1_750_000_000;
const VALID = { notBefore: NOW - 3600, notAfter: NOW + 86_400 };
const ENDPOINT = "spiffe://example.org/bundle-endpoint";

const root = await FakeX509Authority.create(VALID);

function documentOf(
  jwt: FakeAuthority,
  roots: readonly FakeX509Authority[],
): Buffer {
  jwt.otherKeys.splice(0, Infinity, ...roots.map((each) => each.bundleKey()));
  jwt.sequence++;
  return jwt.bundleDocument();
}

/** An endpoint that shows an SVID, its bootstrap file, and the trust domain that is kept from there. */
async function setUp(
  t: TestContext,
  choice: FakeSvidChoice & { readonly signer?: FakeX509Authority } = {},
  change: Partial<HttpsSpiffeBundleOptions> = {},
  keyPair?: { readonly key: string; readonly cert: string },
) {
  const { signer = root, ...certificate } = choice;
  const { keyPem: key, certPem: cert } = await signer.svid({
    ...VALID,
    uris: [ENDPOINT],
    ...certificate,
  });
  const endpoint = await startEndpoint(t, {
    keyPair: keyPair ?? { key, cert },
  });
  const jwt = await FakeAuthority.create();
  endpoint.serve(documentOf(jwt, [root]));
  const bootstrapFile = join(await makeDirectory(t), "bootstrap.json");
  await writeFile(
    bootstrapFile,
    documentOf(await FakeAuthority.create(), [root]),
  );
  const domain: TrustDomainOptions = {
    trustDomain: EXAMPLE,
    issuer: { mode: "ignore", values: [] },
    keyId: "optional",
    bundle: {
      kind: "https_spiffe",
      url: endpoint.url,
      endpointSpiffeId: ENDPOINT,
      bootstrapFile,
      allowPrivateAddresses: true,
      ...change,
    },
  };
  return { endpoint, jwt, domain, bootstrapFile };
}

test("[FED-02] [FED-05] an endpoint is trusted by its SVID and the bootstrap bundle, whatever its host is called", async (t) => {
  const { domain, endpoint } = await setUp(t);
  const { keeper, status, kids } = keep(t, [domain]);
  await keeper.start();
  assert.deepEqual(kids(), ["example.org-1"]);
  assert.equal(status().ready, true);
  assert.equal(status().x509Authorities, 1);
  assert.equal(endpoint.requests, 1);
  assert.match(status().source, /^https_spiffe https:/);
});

test("[FED-05] the certificates between the endpoint's and ours may come along, and even ours", async (t) => {
  const upper = await root.intermediate({ ...VALID, subject: "CN=Upper" });
  const lower = await upper.intermediate({ ...VALID, subject: "CN=Lower" });
  const { keyPem: key, certPem } = await lower.svid({
    ...VALID,
    uris: [ENDPOINT],
  });
  const cert = certPem + pemOf(root.certificate);
  for (const sent of [certPem, cert]) {
    const { domain } = await setUp(t, {}, {}, { key, cert: sent });
    const { keeper, status } = keep(t, [domain]);
    await keeper.start();
    assert.equal(status().lastError, null);
    assert.equal(status().ready, true);
  }
});

test("[F16] a certificate for the host from a Web PKI authority opens nothing", async (t) => {
  const { domain, endpoint } = await setUp(t, {}, {}, await webPki.issue());
  const { keeper, status } = keep(t, [domain]);
  await keeper.start();
  assert.equal(status().ready, false);
  assert.match(status().lastError ?? "", /expected the X509-SVID/);
  assert.equal(endpoint.connections, 1);
  assert.equal(endpoint.requests, 0);
});

test("[F05] a redirect is not followed, to wherever", async (t) => {
  const { domain, endpoint } = await setUp(t);
  const other = await startEndpoint(t);
  endpoint.serve({ status: 302, headers: { Location: other.url }, body: "" });
  const { keeper, status } = keep(t, [domain]);
  await keeper.start();
  assert.equal(status().ready, false);
  assert.match(status().lastError ?? "", /redirects are not followed/);
  assert.equal(other.connections, 0);
});

test("[FED-03] private addresses are refused here too", async (t) => {
  const { domain, endpoint } = await setUp(
    t,
    {},
    { allowPrivateAddresses: false },
  );
  const { keeper, status } = keep(t, [domain]);
  await keeper.start();
  assert.match(status().lastError ?? "", /public addresses/);
  assert.equal(endpoint.connections, 0);
});

function pemOf(der: Uint8Array): string {
  return `-----BEGIN CERTIFICATE-----\n${Buffer.from(der).toString("base64")}\n-----END CERTIFICATE-----\n`;
}

const stranger = await FakeX509Authority.create(VALID);
for (const [name, choice] of [
  ["[F16] names another SPIFFE ID", { uris: ["spiffe://example.org/other"] }],
  [
    "[F16] has a SPIFFE ID of another trust domain",
    { uris: ["spiffe://other.example/bundle-endpoint"] },
  ],
  ["[F16] names two", { uris: [ENDPOINT, "spiffe://example.org/other"] }],
  ["[F16] is of the Web PKI kind", { uris: [], dnsNames: ["localhost"] }],
  ["[F16] leads to an authority that is not ours", { signer: stranger }],
  ["has expired", { notAfter: NOW - 60 }],
  ["is for clients alone", { extendedKeyUsage: ["1.3.6.1.5.5.7.3.2"] }],
  ["is an authority", { ca: true }],
] satisfies readonly (readonly [
  string,
  FakeSvidChoice & { readonly signer?: FakeX509Authority },
])[]) {
  test(`an endpoint whose certificate ${name} is asked nothing`, async (t) => {
    const { domain, endpoint } = await setUp(t, choice);
    const { keeper, status, kids } = keep(t, [domain]);
    await keeper.start();
    assert.equal(kids(), undefined);
    assert.equal(status().ready, false);
    assert.match(status().lastError ?? "", /expected the X509-SVID/);
    assert.equal(endpoint.requests, 0, "not a byte of a request was sent");
  });
}

const foreign = await FakeX509Authority.create({
  trustDomain: "other.example",
  subject: "CN=Other",
  ...VALID,
});
for (const [name, roots] of [
  ["another authority of the same name", [stranger]],
  ["another trust domain's authority", [foreign]],
  ["no X.509 authority", []],
] as const) {
  test(`[F16] a bootstrap bundle with ${name} opens nothing`, async (t) => {
    const { domain, bootstrapFile, endpoint } = await setUp(t);
    await writeFile(
      bootstrapFile,
      documentOf(await FakeAuthority.create(), roots),
    );
    const { keeper, status } = keep(t, [domain]);
    await keeper.start();
    assert.equal(status().ready, false);
    assert.equal(endpoint.requests, 0);
  });
}

for (const [name, content] of [
  ["is empty", ""],
  ["holds no bundle", "{}"],
  ["holds a certificate", "-----BEGIN CERTIFICATE-----"],
] as const) {
  test(`a bootstrap file that ${name} opens nothing, and the status names it`, async (t) => {
    const { domain, bootstrapFile, endpoint } = await setUp(t);
    await writeFile(bootstrapFile, content);
    const { keeper, status } = keep(t, [domain]);
    await keeper.start();
    assert.match(status().lastError ?? "", /bootstrap\.json/);
    assert.equal(endpoint.connections, 0);
  });
}

test("[FED-05] trust rolls forward: once fetched, the bundle counts and the bootstrap file no more", async (t) => {
  const next = await FakeX509Authority.create(VALID);
  const { domain, endpoint, jwt } = await setUp(t);
  const { keeper, clock, status } = keep(t, [domain]);
  endpoint.serve(documentOf(jwt, [root, next]));
  await keeper.start();
  await clock.asleep();
  assert.equal(status().x509Authorities, 2);

  // The old authority is retired; an endpoint that still shows its SVID is not believed any more.
  endpoint.serve(documentOf(jwt, [next]));
  await clock.pass(75);
  assert.equal(status().x509Authorities, 1);
  const { requests } = endpoint;
  await clock.pass(75);
  assert.equal(endpoint.requests, requests, "[F16] SVID of a retired root");
  assert.match(status().lastError ?? "", /expected the X509-SVID/);
  assert.equal(status().x509Authorities, 1, "the last good bundle is kept");
});

test("[FED-05] an endpoint of another trust domain is verified with the bundle kept of that one", async (t) => {
  const other = "spiffe://other.example/bundle-endpoint";
  const otherRoot = await FakeX509Authority.create({
    trustDomain: "other.example",
    ...VALID,
  });
  const { domain, endpoint } = await setUp(
    t,
    { signer: otherRoot, uris: [other] },
    { endpointSpiffeId: other, bootstrapFile: undefined },
  );
  const file = join(await makeDirectory(t), "other.json");
  const jwt = await FakeAuthority.create({ trustDomain: "other.example" });
  await writeFile(file, documentOf(jwt, [otherRoot]));
  const { keeper, status } = keep(t, [
    domain,
    {
      trustDomain: "other.example",
      issuer: { mode: "ignore", values: [] },
      keyId: "optional",
      bundle: { kind: "file", path: file },
    },
  ]);
  await keeper.start();
  await keeper.refresh(EXAMPLE);
  assert.equal(status().ready, true);
  assert.ok(endpoint.requests > 0);
});

test("[BNDL-03] [FED-05] an endpoint that takes every key back is not let in again by the bootstrap file", async (t) => {
  const { domain, endpoint } = await setUp(t);
  endpoint.serve(JSON.stringify({ keys: [], spiffe_sequence: 9 }));
  const { keeper, clock, kids, status } = keep(t, [domain]);
  await keeper.start();
  await clock.asleep();
  assert.deepEqual(kids(), []);
  const { requests } = endpoint;
  await clock.pass(75);
  assert.equal(endpoint.requests, requests);
  assert.match(status().lastError ?? "", /expected the X509-SVID/);
});

test("[FED-05] a bundle of the endpoint's trust domain that is too old to use verifies no endpoint", async (t) => {
  const other = "spiffe://other.example/bundle-endpoint";
  const { domain, endpoint } = await setUp(
    t,
    { signer: foreign, uris: [other] },
    { endpointSpiffeId: other },
  );
  const web = await startEndpoint(t);
  const jwt = await FakeAuthority.create({ trustDomain: "other.example" });
  web.serve(documentOf(jwt, [foreign]));
  const { keeper, clock, status } = keep(t, [
    domain,
    webDomain(web.url, {
      trustDomain: "other.example",
      maxStaleSeconds: 3600,
    }),
  ]);
  await keeper.start();
  await keeper.refresh(EXAMPLE);
  assert.equal(status().ready, true);
  const { requests } = endpoint;
  await web.close();
  clock.advance(3601);
  await keeper.refresh(EXAMPLE);
  assert.match(status().lastError ?? "", /not too old to verify the endpoint/);
  assert.equal(endpoint.requests, requests);
});

test("[FED-05] [Q20] after a restart the bundle fetched last counts, while it is young enough, and not the bootstrap file", async (t) => {
  const cacheDirectory = await makeDirectory(t);
  const { domain, endpoint, bootstrapFile } = await setUp(t);
  const clock = new FakeClock();
  const start = async (bundle: Partial<HttpsSpiffeBundleOptions> = {}) => {
    const keeper = createTrustKeeper({
      domains: [
        {
          ...domain,
          maxStaleSeconds: 3600,
          bundle: { ...domain.bundle, ...bundle } as HttpsSpiffeBundleOptions,
        },
      ],
      clock,
      log: collectLog().log,
      fetch: fetchTrusting,
      cacheDirectory,
    });
    t.after(() => keeper.close());
    await keeper.start();
    const [status] = keeper.status();
    await keeper.close();
    return status;
  };
  await start();
  const strange = documentOf(await FakeAuthority.create(), [stranger]);
  await writeFile(bootstrapFile, strange);
  assert.equal((await start())?.lastError, null);
  assert.equal(endpoint.requests, 2);
  clock.advance(3601);
  assert.match((await start())?.lastError ?? "", /expected the X509-SVID/);
  assert.equal(endpoint.requests, 2, "too old: begun anew from the file");
});

test("without bundle and bootstrap file it says what is missing", async (t) => {
  const { domain, endpoint } = await setUp(t, {}, { bootstrapFile: undefined });
  const { keeper, status } = keep(t, [domain]);
  await keeper.start();
  assert.match(status().lastError ?? "", /bootstrap file/);
  assert.equal(endpoint.requests, 0);
});
