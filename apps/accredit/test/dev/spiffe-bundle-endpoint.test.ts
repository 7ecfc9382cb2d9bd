import assert from "node:assert/strict";
import type { X509Certificate } from "node:crypto";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { text } from "node:stream/consumers";
import { request } from "node:https";
import type { TLSSocket } from "node:tls";
import { rotate } from "../../src/dev/rotation.ts";
import { certificatesPem } from "../../src/dev/certificates.ts";
import { rootCertificate } from "../../src/dev/x509-authority.ts";
import type { DevTrustDomain } from "../../src/dev/trust-domain.ts";
import { requestTls, startDomain } from "./harness.ts";

const STEPS = ["prepare", "activate", "retire"] as const;
/** TLS goes by the machine's clock. */
const MACHINE = { now: () => Math.floor(Date.now() / 1000) };

function roots(domain: DevTrustDomain): string {
  return certificatesPem(
    domain.authorities.published("x509").map(rootCertificate),
  );
}

/** Fetches as https_spiffe has it: no host name, but a chain to the given roots. */
async function fetchBundle(
  { spiffeBundleUrl: url }: DevTrustDomain,
  ca: string,
): Promise<{ body: string; leaf: X509Certificate | undefined }> {
  return new Promise((resolve, reject) => {
    const call = request(
      url,
      { ca, agent: false, checkServerIdentity: () => undefined },
      (response) => {
        const leaf = (response.socket as TLSSocket).getPeerX509Certificate();
        text(response).then((body) => resolve({ body, leaf }), reject);
      },
    );
    call.on("error", reject);
    call.end();
  });
}

test("[FED-06] serves the bundle with an X509-SVID of the trust domain, to whoever asks", async (t) => {
  const domain = await startDomain(t, { clock: MACHINE });
  assert.equal(domain.endpointSpiffeId, "spiffe://example.org/bundle-endpoint");
  const { body, leaf } = await fetchBundle(domain, roots(domain));
  assert.equal(body, domain.bundle());
  assert.equal(leaf?.subjectAltName, `URI:${domain.endpointSpiffeId}`);
  await assert.rejects(
    requestTls(domain.spiffeBundleUrl, domain.caPem),
    /certificate/,
  );
});

test("goes on with the new authority, and its own bundle file with it", async (t) => {
  const domain = await startDomain(t, { clock: MACHINE });
  const before = roots(domain);
  await rotate(domain.authorities, { steps: STEPS });
  assert.equal(await readFile(domain.bundleFile, "utf8"), domain.bundle());
  const { body } = await fetchBundle(domain, roots(domain));
  assert.equal(body, domain.bundle());
  await assert.rejects(fetchBundle(domain, before), /certificate/);
});

test("its identity is no workload's", async (t) => {
  const spiffeId = "spiffe://example.org/bundle-endpoint";
  await assert.rejects(
    startDomain(t, { workloads: [{ spiffeId }] }),
    /bundle endpoint/,
  );
});
