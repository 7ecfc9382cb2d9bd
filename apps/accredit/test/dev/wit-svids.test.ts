import assert from "node:assert/strict";
import { test } from "node:test";
import type { JSONWebKeySet } from "jose";
import { createLocalJWKSet, decodeProtectedHeader, jwtVerify } from "jose";
import { rotate } from "../../src/dev/rotation.ts";
import { AGENT, NOW, openClient, OTHER, startDomain } from "./harness.ts";

const ID = "spiffe://example.org";

test("[WAPI-09] a WIT-SVID verifies with the WIT bundle and carries no more than it must", async (t) => {
  const domain = await startDomain(t);
  const client = openClient(t, domain);
  const [svid] = await client.fetchWitSvid();
  assert.equal(svid?.spiffeId, AGENT);
  const bundles = await client.fetchWitBundles();
  assert.deepEqual([...bundles.keys()], [ID]);
  const jwks = JSON.parse(bundles.get(ID) ?? "") as JSONWebKeySet;
  const { payload, protectedHeader } = await jwtVerify(
    svid.svid,
    createLocalJWKSet(jwks),
    { currentDate: new Date(NOW * 1000) },
  );
  assert.deepEqual(protectedHeader, {
    alg: "ES256",
    kid: domain.authorities.active("wit").id,
    typ: "wit+jwt",
  });
  const { d, ...publicKey } = svid.privateKey;
  assert.equal(typeof d, "string");
  assert.equal(publicKey["alg"], "ES256");
  assert.deepEqual(payload, {
    sub: AGENT,
    iat: NOW,
    exp: NOW + 3600,
    cnf: { jwk: publicKey },
  });
});

test("no kid is in the bundle twice", async (t) => {
  const domain = await startDomain(t);
  await rotate(domain.authorities);
  const { keys } = JSON.parse(domain.bundle()) as JSONWebKeySet;
  const kids = keys.map(({ kid }) => kid).filter((kid) => kid !== undefined);
  assert.equal(new Set(kids).size, 4);
});

test("[WAPI-09] hints, several identities, and the one asked for", async (t) => {
  const domain = await startDomain(t, {
    workloads: [
      { spiffeId: AGENT, hint: "internal", ttlSeconds: 60 },
      { spiffeId: OTHER },
    ],
  });
  const client = openClient(t, domain);
  const all = await client.fetchWitSvid();
  assert.deepEqual(
    all.map(({ spiffeId, hint }) => [spiffeId, hint]),
    [
      [AGENT, "internal"],
      [OTHER, ""],
    ],
  );
  const [other, ...more] = await client.fetchWitSvid({ spiffeId: OTHER });
  assert.deepEqual([other?.spiffeId, more.length], [OTHER, 0]);
  assert.equal(other?.svid, all[1]?.svid); // Kept, as an agent keeps it.
  const unlisted = client.fetchWitSvid({ spiffeId: `${ID}/unlisted` });
  await assert.rejects(unlisted, { code: "no_identity" });
});

test("[WAPI-10] a rotation brings a new WIT-SVID and a new bundle", async (t) => {
  const domain = await startDomain(t);
  const client = openClient(t, domain);
  const svids = client.watchWitSvids()[Symbol.asyncIterator]();
  const bundles = client.watchWitBundles()[Symbol.asyncIterator]();
  const first = await svids.next();
  await bundles.next();
  const steps = ["prepare", "activate", "retire"] as const;
  await rotate(domain.authorities, { kinds: ["wit"], steps });
  const second = await svids.next();
  assert.ok(first.done !== true && second.done !== true);
  const { kid } = decodeProtectedHeader(String(second.value[0]?.svid));
  assert.equal(kid, domain.authorities.active("wit").id);
  assert.notEqual(second.value[0]?.svid, first.value[0]?.svid);
  const published: string[] = [];
  while (published.at(-1) !== kid || published.length !== 1) {
    const { value, done } = await bundles.next();
    assert.ok(done !== true);
    const { keys } = JSON.parse(value.get(ID) ?? "") as JSONWebKeySet;
    published.splice(0, published.length, ...keys.map((key) => `${key.kid}`));
  }
});
