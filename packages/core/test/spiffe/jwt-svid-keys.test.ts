import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { test } from "node:test";
import { verifySoftwareStatement } from "@accredit/core/credential";
import { JWT_SVID_ALGORITHMS, parseSpiffeBundle } from "@accredit/core/spiffe";
import { FakeAuthority, staticTrust } from "@accredit/testkit";
import { forge, signAs } from "./forge.ts";
import { authority, GOOD, REQUIREMENTS } from "./jwt-svid-fixture.ts";

test("[X01] [X02] [FED-09] keys of two trust domains never meet, not even under one kid", async () => {
  const a = await FakeAuthority.create({ trustDomain: "a.example" });
  const b = await FakeAuthority.create({ trustDomain: "b.example" });
  const [keyA, keyB] = [
    await a.addKey("ES256", "1"),
    await b.addKey("ES256", "1"),
  ];
  const both = await staticTrust([a, b]);
  const claims = (domain: string) => ({
    ...GOOD,
    sub: `spiffe://${domain}/x`,
    iss: domain,
  });
  const verdicts = await Promise.allSettled(
    [
      a.jwtSvid(claims("a.example"), {}, keyA),
      a.jwtSvid(claims("b.example"), {}, keyA),
      b.jwtSvid(claims("b.example"), {}, keyB),
      b.jwtSvid(claims("a.example"), {}, keyB),
    ].map(async (token) =>
      verifySoftwareStatement(await token, both, REQUIREMENTS),
    ),
  );
  assert.deepEqual(
    verdicts.map(({ status }) => status),
    ["fulfilled", "rejected", "fulfilled", "rejected"],
  );
});

test("[SVID-03] [AMB-16] [J08] without a kid every fitting key is tried; with one, that key alone", async () => {
  const many = await FakeAuthority.create({ trustDomain: "many.example" });
  const second = await many.addKey();
  const claims = {
    ...GOOD,
    sub: "spiffe://many.example/x",
    iss: "many.example",
  };
  const source = await staticTrust([many]);
  const check = (token: string, from = source) =>
    verifySoftwareStatement(token, from, REQUIREMENTS);
  await check(await many.jwtSvid(claims, { kid: undefined }, second));
  await assert.rejects(
    check(await many.jwtSvid(claims, { kid: many.keys[0]?.kid }, second)),
    { code: "signature_invalid" },
  );
  const strict = await staticTrust([many], { keyId: "required" });
  await assert.rejects(
    check(await many.jwtSvid(claims, { kid: undefined }, second), strict),
    { code: "key_id_missing" },
  );
});

test("[SVID-02] [J11] each algorithm verifies with its own kind of key and no other", async () => {
  const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const pairs = {
    RS: rsa,
    PS: rsa,
    ES256: generateKeyPairSync("ec", { namedCurve: "P-256" }),
    ES384: generateKeyPairSync("ec", { namedCurve: "P-384" }),
    ES512: generateKeyPairSync("ec", { namedCurve: "P-521" }),
  };
  const kindOf = (algorithm: string) =>
    algorithm.startsWith("ES")
      ? (algorithm as "ES256")
      : (algorithm.slice(0, 2) as "RS");
  const bundle = await parseSpiffeBundle(
    Buffer.from(
      JSON.stringify({
        keys: Object.entries(pairs).map(([kid, { publicKey }]) => ({
          ...publicKey.export({ format: "jwk" }),
          kid,
          use: "jwt-svid",
        })),
      }),
    ),
  );
  const source = await staticTrust([authority], { bundle });
  for (const algorithm of JWT_SVID_ALGORITHMS) {
    const kind = kindOf(algorithm);
    for (const kid of Object.keys(pairs)) {
      const token = forge(
        { alg: algorithm, kid },
        GOOD,
        signAs(algorithm, pairs[kind].privateKey),
      );
      const verdict = verifySoftwareStatement(token, source, REQUIREMENTS);
      const where = `${algorithm} with ${kid}`;
      const rsaBoth = kind !== kid && pairs[kind] === pairs[kid as "RS"];
      if (kid === kind || rsaBoth)
        assert.equal((await verdict).algorithm, algorithm, where);
      else await assert.rejects(verdict, { code: "key_not_found" }, where);
    }
  }
});

test("[SVID-02] a key's alg narrows what it verifies", async () => {
  const { publicKey, privateKey } = generateKeyPairSync("rsa", {
    modulusLength: 2048,
  });
  const jwk = publicKey.export({ format: "jwk" });
  const bundle = await parseSpiffeBundle(
    Buffer.from(
      JSON.stringify({
        keys: [{ ...jwk, kid: "a", use: "jwt-svid", alg: "PS256" }],
      }),
    ),
  );
  const source = await staticTrust([authority], { bundle });
  for (const alg of JWT_SVID_ALGORITHMS.filter((name) => name[1] === "S")) {
    if (alg.startsWith("ES")) continue;
    const token = forge({ alg, kid: "a" }, GOOD, signAs(alg, privateKey));
    const verdict = verifySoftwareStatement(token, source, REQUIREMENTS);
    if (alg === "PS256") await verdict;
    else await assert.rejects(verdict, { code: "key_not_found" }, alg);
  }
});

test("[AMB-16] [J10] without a kid eight keys are tried and no more", async () => {
  const many = await FakeAuthority.create({ trustDomain: "example.org" });
  while (many.keys.length < 9) await many.addKey();
  const source = await staticTrust([many]);
  const signedBy = (index: number) =>
    many.jwtSvid(GOOD, { kid: undefined }, many.keys[index]);
  const eighth = await verifySoftwareStatement(
    await signedBy(7),
    source,
    REQUIREMENTS,
  );
  assert.equal(eighth.keyId, many.keys[7]?.kid);
  await assert.rejects(
    verifySoftwareStatement(await signedBy(8), source, REQUIREMENTS),
    { code: "signature_invalid" },
  );
  // Named by its kid, the ninth is as good as any.
  await verifySoftwareStatement(await many.jwtSvid(GOOD), source, REQUIREMENTS);
});

test("[J08] a key that was withdrawn verifies nothing from the next bundle on", async () => {
  const rotating = await FakeAuthority.create({ trustDomain: "example.org" });
  const [old] = rotating.keys;
  assert.ok(old);
  await rotating.addKey();
  const token = await rotating.jwtSvid(GOOD, {}, old);
  await verifySoftwareStatement(
    token,
    await staticTrust([rotating]),
    REQUIREMENTS,
  );
  rotating.removeKey(old.kid);
  await assert.rejects(
    verifySoftwareStatement(token, await staticTrust([rotating]), REQUIREMENTS),
    { code: "key_not_found" },
  );
});

test("[X08] [X05] whatever a token says, the source is asked for the domain of its sub alone", async () => {
  const asked: string[] = [];
  const spy = {
    spiffe: (trustDomain: string) => {
      asked.push(trustDomain);
      return undefined;
    },
  };
  const token = await authority.jwtSvid({
    ...GOOD,
    sub: "spiffe://unknown.example/a",
    iss: "https://attacker.example",
  });
  await assert.rejects(verifySoftwareStatement(token, spy, REQUIREMENTS), {
    code: "issuer_untrusted",
  });
  assert.deepEqual(asked, ["unknown.example"]);
});

test("[DCR-TI-17] [X16] [BNDL-03] no bundle is an outage, an empty one a refusal", async () => {
  const token = await authority.jwtSvid(GOOD);
  const missing = await staticTrust([authority], { bundle: undefined });
  await assert.rejects(verifySoftwareStatement(token, missing, REQUIREMENTS), {
    code: "source_unavailable",
  });
  const empty = await staticTrust([authority], {
    bundle: {
      jwtAuthorities: new Map(),
      x509Authorities: [],
      witAuthorities: new Map(),
      sequence: undefined,
      refreshHintSeconds: undefined,
      skipped: [],
    },
  });
  await assert.rejects(verifySoftwareStatement(token, empty, REQUIREMENTS), {
    code: "key_not_found",
  });
});
