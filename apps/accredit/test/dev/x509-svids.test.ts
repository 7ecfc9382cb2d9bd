import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import type { TestContext } from "node:test";
import { test } from "node:test";
import {
  parseSpiffeBundle,
  parseTrustDomainName,
  readX509Authorities,
  verifyX509Svid,
  type SpiffeBundle,
  type X509SvidRequirements,
} from "@accredit/core/spiffe";
import type { TrustSource } from "@accredit/core/trust";
import type { X509Context } from "@accredit/workload-api";
import { FakeClock } from "@accredit/testkit";
import { rotate } from "../../src/dev/rotation.ts";
import type { DevTrustDomain } from "../../src/dev/trust-domain.ts";
import { AGENT, NOW, openClient, OTHER, startDomain } from "./harness.ts";

const ID = "spiffe://example.org";
const TTL = 3600;

function trustIn(bundle: SpiffeBundle): TrustSource {
  return {
    spiffe: (trustDomain) =>
      trustDomain === "example.org"
        ? {
            trustDomain: parseTrustDomainName(trustDomain),
            issuer: undefined,
            keyId: undefined,
            bundle,
          }
        : undefined,
  } as TrustSource;
}

function requirements(now = NOW): X509SvidRequirements {
  return { now, clockToleranceSeconds: 30, usage: "client" };
}

/** The states of a stream, one at a time. */
function watch(
  t: TestContext,
  domain: DevTrustDomain,
): () => Promise<X509Context> {
  const states = openClient(t, domain).watchX509Svids()[Symbol.asyncIterator]();
  return async () => {
    const { value, done } = await states.next();
    assert.notEqual(done, true);
    return value as X509Context;
  };
}

const leafOf = ({ svids }: X509Context): X509Certificate =>
  new X509Certificate(svids[0]?.certificates[0] ?? new Uint8Array());

test("[WAPI-04] [WAPI-12] every listed workload gets its own SVID with hint, key and bundle, the default first", async (t) => {
  const domain = await startDomain(t, {
    workloads: [
      { spiffeId: AGENT, hint: "internal" },
      { spiffeId: `${ID}/jwt-only`, x509: false },
      { spiffeId: OTHER, ttlSeconds: 60 },
    ],
  });
  const client = openClient(t, domain);
  const { svids, crl, federatedBundles } = await client.fetchX509Svid();
  assert.deepEqual(
    svids.map(({ spiffeId, hint }) => [spiffeId, hint]),
    [
      [AGENT, "internal"],
      [OTHER, ""],
    ],
  );
  assert.deepEqual([crl.length, federatedBundles.size], [0, 0]);
  const bundle = await parseSpiffeBundle(Buffer.from(domain.bundle()));
  assert.deepEqual(bundle.skipped, []);
  for (const svid of svids) {
    const verified = await verifyX509Svid(
      svid.certificates,
      trustIn(bundle),
      requirements(),
    );
    assert.equal(verified.subject.uri, svid.spiffeId);
    assert.equal(
      verified.expiresAt,
      NOW + (svid.spiffeId === OTHER ? 60 : TTL),
    );
    assert.equal(verified.authority, domain.authorities.active("x509").id);
  }
});

test("leaf, intermediate and root are what the standard wants", async (t) => {
  const domain = await startDomain(t);
  const { svids } = await openClient(t, domain).fetchX509Svid();
  const [svid] = svids;
  const [leaf, intermediate, ...more] = (svid?.certificates ?? []).map(
    (der) => new X509Certificate(der),
  );
  const [root] = (svid?.bundle ?? []).map((der) => new X509Certificate(der));
  assert.ok(leaf !== undefined && intermediate !== undefined);
  assert.ok(root !== undefined && more.length === 0);
  assert.ok(leaf.checkIssued(intermediate) && intermediate.checkIssued(root));
  assert.ok(intermediate.verify(root.publicKey) && root.verify(root.publicKey));
  assert.deepEqual([leaf.ca, intermediate.ca, root.ca], [false, true, true]);
  assert.equal(leaf.subjectAltName, `URI:${AGENT}`);
  assert.deepEqual(
    [intermediate.subjectAltName, root.subjectAltName],
    [`URI:${ID}`, `URI:${ID}`],
  );
  assert.deepEqual(leaf.keyUsage, ["1.3.6.1.5.5.7.3.1", "1.3.6.1.5.5.7.3.2"]);
  // Key usage: critical, digitalSignature alone.
  assert.ok(leaf.raw.toString("hex").includes("0603551d0f0101ff040403020780"));
  assert.equal(leaf.publicKey.asymmetricKeyDetails?.namedCurve, "prime256v1");
});

test("[BNDL-05] the bundle has the root as one certificate in plain base64 and without kid", async (t) => {
  const domain = await startDomain(t);
  const { svids } = await openClient(t, domain).fetchX509Svid();
  const { keys } = JSON.parse(domain.bundle()) as {
    keys: Record<string, unknown>[];
  };
  const entries = keys.filter(({ use }) => use === "x509-svid");
  assert.equal(entries.length, 1);
  const { kid, kty, x5c } = entries[0] ?? {};
  assert.deepEqual([kid, kty], [undefined, "EC"]);
  const [root] = svids[0]?.bundle ?? [];
  assert.deepEqual(x5c, [Buffer.from(root ?? []).toString("base64")]);
});

test("[WAPI-05] the bundles alone, and each new state of them", async (t) => {
  const domain = await startDomain(t);
  const stream = openClient(t, domain).watchX509Bundles();
  const states = stream[Symbol.asyncIterator]();
  const next = async (): Promise<readonly string[]> => {
    const { value, done } = await states.next();
    assert.ok(done !== true);
    assert.deepEqual([...value.bundles.keys()], [ID]);
    const roots = value.bundles.get(ID) ?? [];
    const { x509Authorities, skipped } = readX509Authorities(roots);
    assert.deepEqual(skipped, []);
    return x509Authorities.map(({ fingerprint }) => fingerprint);
  };
  const { authorities } = domain;
  const first = authorities.active("x509").id;
  assert.deepEqual(await next(), [first]);
  const second = await authorities.prepare("x509");
  assert.deepEqual(await next(), [first, second]);
  await authorities.activate("x509", second);
  await authorities.remove("x509", first);
  assert.deepEqual(await next(), [second]);
});

test("[WAPI-10] a rotation shows in the stream step by step, and what the old authority signed ends with it", async (t) => {
  const domain = await startDomain(t);
  const next = watch(t, domain);
  const rotateX509 = (...steps: ("prepare" | "activate" | "retire")[]) =>
    rotate(domain.authorities, { kinds: ["x509"], steps });
  const verify = async (context: X509Context) =>
    verifyX509Svid(
      context.svids[0]?.certificates ?? [],
      trustIn(await parseSpiffeBundle(Buffer.from(domain.bundle()))),
      requirements(),
    );
  const before = await next();

  await rotateX509("prepare");
  const prepared = await next();
  assert.equal(prepared.svids[0]?.bundle.length, 2);
  assert.ok(leafOf(prepared).raw.equals(leafOf(before).raw));

  await rotateX509("activate");
  const after = await next();
  const verified = await verify(after);
  assert.equal(verified.authority, domain.authorities.active("x509").id);
  await verify(before); // Still published.

  await rotateX509("retire");
  const last = await next();
  assert.equal(last.svids[0]?.bundle.length, 1);
  assert.ok(leafOf(last).raw.equals(leafOf(after).raw));
  await assert.rejects(verify(before), { code: "certificate_not_trusted" });
  await verify(last);
});

test("a new SVID comes at half-life, and the same one until then", async (t) => {
  const clock = new FakeClock();
  const begin = clock.now();
  const domain = await startDomain(t, {
    clock,
    sleep: (ms, signal) => clock.sleep(ms, signal),
    keptSvidTtlSeconds: 60,
  });
  const next = watch(t, domain);
  const first = await next();
  await clock.asleep(2); // The stream, and the bundle endpoint for its own SVID.
  assert.deepEqual(clock.sleeps, [30, 30]);
  clock.advance(29);
  const same = await openClient(t, domain).fetchX509Svid();
  assert.ok(leafOf(same).raw.equals(leafOf(first).raw));
  clock.advance(1);
  const second = await next();
  assert.ok(!leafOf(second).publicKey.equals(leafOf(first).publicKey));
  assert.equal(Date.parse(leafOf(second).validTo), (begin + 90) * 1000);
});

test("no workload with X.509-SVIDs: no identity, but the bundles", async (t) => {
  const domain = await startDomain(t, {
    workloads: [{ spiffeId: AGENT, x509: false }],
  });
  const client = openClient(t, domain);
  await assert.rejects(client.fetchX509Svid(), { code: "no_identity" });
  assert.equal((await client.fetchX509Bundles()).bundles.size, 1);
});
