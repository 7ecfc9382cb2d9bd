import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { connect } from "node:tls";
import { requestTls, startDomain, temporaryDirectory } from "./harness.ts";

for (const host of ["127.0.0.1", "localhost", "::1"]) {
  test(`serves the SPIFFE bundle over https on ${host}`, async (t) => {
    const domain = await startDomain(t, {
      bundleListen: { host, port: 0 },
      refreshHintSeconds: 90,
    });
    const { status, headers, body } = await requestTls(
      domain.bundleUrl,
      domain.caPem,
    );
    assert.equal(status, 200);
    assert.equal(headers["content-type"], "application/json");
    assert.equal(body, domain.bundle());
    const { keys, ...rest } = JSON.parse(body) as {
      keys: Record<string, unknown>[];
    };
    assert.deepEqual(rest, { spiffe_sequence: 1, spiffe_refresh_hint: 90 });
    assert.deepEqual(
      keys.map((key) => Object.keys(key).sort().join()),
      ["crv,kty,use,x,x5c,y", "crv,kid,kty,use,x,y", "crv,kid,kty,use,x,y"],
    );
    assert.deepEqual(
      keys.map((key) => [key["use"], key["kid"]]),
      [
        ["x509-svid", undefined],
        ["jwt-svid", domain.authorities.active("jwt").id],
        ["wit-svid", domain.authorities.active("wit").id],
      ],
    );
    assert.equal(await readFile(domain.bundleFile, "utf8"), body);
  });
}

test("answers HEAD, refuses other methods and other paths", async (t) => {
  const { bundleUrl, caPem } = await startDomain(t);
  const head = await requestTls(bundleUrl, caPem, "HEAD");
  assert.deepEqual([head.status, head.body], [200, ""]);
  assert.ok(Number(head.headers["content-length"]) > 0);
  const post = await requestTls(bundleUrl, caPem, "POST");
  assert.deepEqual([post.status, post.headers["allow"]], [405, "GET, HEAD"]);
  const other = await requestTls(new URL("/", bundleUrl).href, caPem);
  assert.equal(other.status, 404);
});

test("a client that does not trust the authority does not get through", async (t) => {
  const domain = await startDomain(t);
  const stranger = await startDomain(t);
  await assert.rejects(requestTls(domain.bundleUrl, stranger.caPem), {
    code: /UNABLE_TO_VERIFY_LEAF_SIGNATURE|CERT_SIGNATURE_FAILURE/,
  });
});

test("the certificates are what a strict verifier wants", async (t) => {
  const domain = await startDomain(t);
  assert.equal(await readFile(domain.caFile, "utf8"), domain.caPem);
  const ca = new X509Certificate(domain.caPem);
  assert.ok(ca.ca && ca.verify(ca.publicKey));

  const { hostname, port } = new URL(domain.bundleUrl);
  const socket = connect({
    host: hostname,
    port: Number(port),
    ca: domain.caPem,
  });
  t.after(() => socket.destroy());
  const leaf = await new Promise<X509Certificate | undefined>(
    (resolve, reject) => {
      socket.on("secureConnect", () =>
        resolve(socket.getPeerX509Certificate()),
      );
      socket.on("error", reject);
    },
  );
  assert.ok(leaf !== undefined && !leaf.ca);
  assert.ok(leaf.checkIssued(ca) && leaf.verify(ca.publicKey));
  assert.equal(
    leaf.subjectAltName,
    "DNS:localhost, IP Address:127.0.0.1, IP Address:0:0:0:0:0:0:0:1",
  );
  assert.deepEqual(leaf.keyUsage, ["1.3.6.1.5.5.7.3.1"]);
  assert.equal(leaf.checkHost("localhost"), "localhost");
  assert.equal(leaf.checkHost("example.org"), undefined);
});

test("an authority whose key does not fit its certificate is made anew", async (t) => {
  const dir = join(await temporaryDirectory(t), "state");
  const first = await startDomain(t, { dir });
  const stranger = await startDomain(t);
  await first.close();
  await writeFile(first.caFile, stranger.caPem);
  const second = await startDomain(t, { dir });
  assert.notEqual(second.caPem, stranger.caPem);
  const { status } = await requestTls(second.bundleUrl, second.caPem);
  assert.equal(status, 200);
});
