import assert from "node:assert/strict";
import { test } from "node:test";
import {
  verifyCredential,
  type CredentialIssuerTrust,
} from "@accredit/core/vc";
import { credentialTrust, FakeCredentialIssuer } from "@accredit/testkit";
import {
  GOOD_JWT_VC,
  GOOD_SD_JWT_VC,
  GOOD_VC_JWT,
  issuer,
  jwtVc,
  other,
  refused,
  REQUIREMENTS,
  sdJwtText,
  vcJwt,
  verify,
  withVc,
} from "./credential-fixture.ts";

const everyFormat = async () => [
  await jwtVc({}),
  await vcJwt({}),
  await sdJwtText(),
];

test("[VC-01] [X08] refuses an issuer that is not configured, with a perfect signature", async () => {
  const stranger = await FakeCredentialIssuer.create({
    issuer: "https://stranger.example",
  });
  const iss = stranger.issuer;
  for (const token of [
    await stranger.jwtVc({ ...GOOD_JWT_VC, iss }),
    await stranger.vcJwt({ ...GOOD_VC_JWT, issuer: iss }),
    (await stranger.sdJwtVc({ ...GOOD_SD_JWT_VC, iss })).presented,
  ])
    await refused(token, "issuer_untrusted");
});

for (const iss of [
  "https://issuer.example/",
  "https://ISSUER.example",
  "https://issuer.example:443",
  "https://issuer.example.evil",
  "https://issuer.exampl",
  "http://issuer.example",
  "constructor",
  "__proto__",
]) {
  test(`[VC-01] [X14] ${iss} is not https://issuer.example`, async () => {
    await refused(await jwtVc({ iss }), "issuer_untrusted");
    await refused(await vcJwt({ issuer: iss }), "issuer_untrusted");
    await refused(await sdJwtText({ iss }), "issuer_untrusted");
  });
}

test("[VC-01] a trust source that holds no issuers, or answers for another, trusts none", async () => {
  const [token = ""] = await everyFormat();
  for (const credentialIssuer of [undefined, () => other.trusted()])
    await assert.rejects(
      verifyCredential(
        token,
        {
          spiffe: () => undefined,
          ...(credentialIssuer && { credentialIssuer }),
        },
        REQUIREMENTS,
      ),
      { code: "issuer_untrusted" },
    );
});

test("[DCR-TI-10] [X01] [X02] another trusted issuer's key signs nothing, whatever its kid", async () => {
  const [key] = issuer.keys;
  assert.ok(key);
  const twin = await FakeCredentialIssuer.create({ issuer: other.issuer });
  twin.keys.length = 0;
  await twin.addKey("ES256", key.kid);
  const trust = credentialTrust([issuer.trusted(), twin.trusted()]);
  for (const token of [
    await twin.jwtVc(GOOD_JWT_VC),
    await twin.vcJwt(GOOD_VC_JWT),
    (await twin.sdJwtVc(GOOD_SD_JWT_VC)).presented,
  ])
    await assert.rejects(verifyCredential(token, trust, REQUIREMENTS), {
      code: "signature_invalid",
    });
});

test("[J08] [J10] a kid names one key; without one only a single key will do", async () => {
  const many = await FakeCredentialIssuer.create();
  const [first] = many.keys;
  await many.addKey();
  const trusting = (trusted: CredentialIssuerTrust) => (token: string) =>
    verifyCredential(token, credentialTrust([trusted]), REQUIREMENTS);
  const check = trusting(many.trusted());
  const code = (name: string) => ({ code: name });

  await check(await many.jwtVc(GOOD_JWT_VC));
  await assert.rejects(
    check(await many.jwtVc(GOOD_JWT_VC, { kid: first?.kid })),
    code("signature_invalid"),
  );
  await assert.rejects(
    check(await many.jwtVc(GOOD_JWT_VC, { kid: "nobody" })),
    code("key_not_found"),
  );
  await assert.rejects(
    check(await many.jwtVc(GOOD_JWT_VC, { kid: undefined })),
    code("key_id_missing"),
  );
  // One key of each algorithm: the algorithm is enough.
  const mixed = await FakeCredentialIssuer.create();
  await mixed.addKey("ES384");
  await trusting(mixed.trusted())(
    await mixed.jwtVc(GOOD_JWT_VC, { kid: undefined }),
  );
});

test("[DCR-TI-17] [X16] no keys yet is not the credential's fault", async () => {
  const keys = { candidates: () => undefined };
  for (const token of await everyFormat())
    await refused(token, "source_unavailable", { keys });
});

test("[DCR-TI-10] an issuer whose key set is empty has no key", async () => {
  const keys = { candidates: () => [] };
  for (const token of await everyFormat())
    await refused(token, "key_not_found", { keys });
});

test("[DCR-TI-11] a key that is new is looked for once, and only for its name", async () => {
  const fresh = await FakeCredentialIssuer.create();
  const held = fresh.trusted().keys;
  let asked = 0;
  let loaded = false;
  const keys = (changes: boolean) => ({
    candidates: (hint: Parameters<typeof held.candidates>[0]) =>
      loaded ? held.candidates(hint) : [],
    refreshUnknownKey: async () => {
      asked++;
      loaded = changes;
      return changes;
    },
  });
  const check = async (token: string, changes: boolean) =>
    verifyCredential(
      token,
      credentialTrust([fresh.trusted({ keys: keys(changes) })]),
      REQUIREMENTS,
    );
  const named = await fresh.jwtVc(GOOD_JWT_VC);
  const nameless = await fresh.jwtVc(GOOD_JWT_VC, { kid: undefined });

  await assert.rejects(check(nameless, true), { code: "key_not_found" });
  assert.equal(asked, 0);
  await assert.rejects(check(named, false), { code: "key_not_found" });
  assert.equal(asked, 1);
  await check(named, true);
  assert.equal(asked, 2);
  await check(named, true);
  assert.equal(asked, 2);
});

test("[VC-13] [V04] refuses a type that may not register clients", async () => {
  const type = ["VerifiableCredential", "DiplomaCredential"];
  const tokens = [
    await jwtVc(withVc({ type })),
    await vcJwt({ type }),
    await sdJwtText({ vct: "https://issuer.example/types/diploma" }),
    await jwtVc(withVc({ type: ["VerifiableCredential"] })),
    await vcJwt({ type: "VerifiableCredential" }),
  ];
  for (const token of tokens)
    for (const trusted of [{}, { types: ["VerifiableCredential"] }])
      await refused(token, "credential_type_not_allowed", trusted);
});

test("[VC-13] [X10] an empty list of types or formats lets none", async () => {
  for (const token of await everyFormat()) {
    await refused(token, "credential_type_not_allowed", { types: [] });
    await refused(token, "credential_type_not_allowed", { formats: [] });
  }
});

test("[DCR-TI-15] each issuer has its own formats", async () => {
  const formats = ["jwt_vc", "vc+jwt", "dc+sd-jwt"] as const;
  const tokens = await everyFormat();
  for (const [index, token] of tokens.entries())
    for (const [other_, format] of formats.entries()) {
      if (index === other_)
        assert.equal(
          (await verify(token, { formats: [format] })).format,
          format,
        );
      else
        await refused(token, "credential_type_not_allowed", {
          formats: [format],
        });
    }
});
