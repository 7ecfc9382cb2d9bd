import assert from "node:assert/strict";
import { once } from "node:events";
import { test, type TestContext } from "node:test";
import { connect, TLSSocket } from "node:tls";
import { FakeCertificateAuthority } from "@accredit/testkit";
import { fetchDocument, type DocumentRequest } from "@accredit/trust";
import { authority, startEndpoint } from "./support/harness.ts";

type EndpointOptions = Parameters<typeof startEndpoint>[1];

async function askFrom(
  t: TestContext,
  options: EndpointOptions,
  change: Partial<DocumentRequest> = {},
): Promise<{
  asked: DocumentRequest;
  requests: () => number;
  /** What the last request's TLS handshake named (SNI). */
  servername: () => unknown;
}> {
  const endpoint = await startEndpoint(t, options);
  endpoint.serve("x");
  return {
    asked: {
      url: new URL(endpoint.url),
      extraCa: authority.pem,
      allowPrivateAddresses: true,
      signal: new AbortController().signal,
      ...change,
    },
    requests: () => endpoint.requests,
    servername: () => {
      const socket = endpoint.lastRequest?.socket;
      return socket instanceof TLSSocket ? socket.servername : undefined;
    },
  };
}

const wrong: readonly (readonly [string, EndpointOptions, RegExp])[] = [
  ["an expired one", { certificate: { expired: true } }, /CERT_HAS_EXPIRED/],
  [
    "one for another host",
    { certificate: { names: ["other.example", "localhost.example"] } },
    /ERR_TLS_CERT_ALTNAME_INVALID/,
  ],
  [
    "one for an IP address only",
    { certificate: { names: ["127.0.0.1"] } },
    /ERR_TLS_CERT_ALTNAME_INVALID/,
  ],
  [
    "a self-signed one",
    { certificate: { selfSigned: true } },
    /DEPTH_ZERO_SELF_SIGNED_CERT/,
  ],
  [
    "one of an authority we do not know",
    { authority: await FakeCertificateAuthority.create() },
    /CERT_SIGNATURE_FAILURE/,
  ],
];
for (const [what, options, code] of wrong) {
  test(`[F17] [FED-04] refuses a certificate: ${what}`, async (t) => {
    const { asked, requests } = await askFrom(t, options);
    await assert.rejects(fetchDocument(asked), {
      name: "SourceError",
      reason: "tls_failed",
      message: code,
    });
    assert.equal(requests(), 0, "no request goes to who is not the endpoint");
  });
}

for (const maxTlsVersion of ["TLSv1", "TLSv1.1"] as const) {
  test(`[F17] [SEC-02] refuses ${maxTlsVersion}`, async (t) => {
    const { asked, requests } = await askFrom(t, { maxTlsVersion });
    // A client that would take it gets it: the refusal is ours.
    const lenient = connect({
      port: Number(asked.url.port),
      host: "127.0.0.1",
      ca: authority.pem,
      minVersion: "TLSv1",
      ciphers: "DEFAULT@SECLEVEL=0",
    });
    await once(lenient, "secureConnect");
    assert.equal(lenient.getProtocol(), maxTlsVersion);
    lenient.destroy();
    await assert.rejects(fetchDocument(asked), { reason: "tls_failed" });
    assert.equal(requests(), 0);
  });
}

test("[SEC-02] takes TLS 1.2", async (t) => {
  const { asked } = await askFrom(t, { maxTlsVersion: "TLSv1.2" });
  assert.equal((await fetchDocument(asked)).length, 1);
});

test("[FED-04] trusts no private authority that it was not told of", async (t) => {
  const { asked } = await askFrom(t, {}, { extraCa: undefined });
  await assert.rejects(fetchDocument(asked), { reason: "tls_failed" });
});

test("[F17] checks certificates although the environment says not to", async (t) => {
  const name = "NODE_TLS_REJECT_UNAUTHORIZED";
  const before = process.env[name];
  t.after(() => {
    if (before === undefined) delete process.env[name];
    else process.env[name] = before;
  });
  process.env[name] = "0";
  const { asked } = await askFrom(t, {}, { extraCa: undefined });
  await assert.rejects(fetchDocument(asked), { reason: "tls_failed" });
});

test("asks for no proxy although the environment names one", async (t) => {
  for (const name of ["HTTPS_PROXY", "https_proxy", "ALL_PROXY"]) {
    const before = process.env[name];
    t.after(() => {
      if (before === undefined) delete process.env[name];
      else process.env[name] = before;
    });
    process.env[name] = "http://127.0.0.1:9";
  }
  const { asked } = await askFrom(t, {});
  assert.equal((await fetchDocument(asked)).length, 1);
});

test("checks the certificate of an IP address against that address", async (t) => {
  const { asked } = await askFrom(t, {});
  const url = new URL(asked.url);
  url.hostname = "127.0.0.1";
  assert.equal((await fetchDocument({ ...asked, url })).length, 1);
});

test("knows a host by its absolute name too", async (t) => {
  const { asked, servername } = await askFrom(
    t,
    { certificate: { names: ["bundle.example"] } },
    { resolve: async () => ["127.0.0.1"] },
  );
  for (const hostname of ["bundle.example", "bundle.example."]) {
    const url = new URL(asked.url);
    url.hostname = hostname;
    assert.equal((await fetchDocument({ ...asked, url })).length, 1);
    assert.equal(servername(), "bundle.example");
  }
});
