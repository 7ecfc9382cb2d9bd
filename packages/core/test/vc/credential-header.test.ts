import assert from "node:assert/strict";
import { createHmac, generateKeyPairSync, sign } from "node:crypto";
import { test } from "node:test";
import { CREDENTIAL_ALGORITHMS, verifyCredential } from "@accredit/core/vc";
import {
  credentialTrust,
  FakeCredentialIssuer,
  fakeKey,
} from "@accredit/testkit";
import { forge } from "../spiffe/forge.ts";
import {
  GOOD_JWT_VC,
  GOOD_SD_JWT_VC,
  GOOD_VC_JWT,
  issuer,
  jwtVc,
  refused,
  REQUIREMENTS,
  sdJwtText,
  vcJwt,
  verify,
  type Members,
} from "./credential-fixture.ts";

/** The good credential of each format, with header members of a test's choice. */
const everyFormat = (header: Members) =>
  Promise.all([
    jwtVc({}, header),
    vcJwt({}, header),
    sdJwtText({}, { header }),
  ]);
const other = await fakeKey();
const { kid } = issuer.keys[0] ?? { kid: "" };

for (const [name, header] of [
  ["jku", { jku: "https://127.0.0.1:1/jwks" }],
  ["x5u", { x5u: "https://127.0.0.1:1/x" }],
  ["jwk", { jwk: other.publicJwk }],
  ["b64", { b64: true }],
  ["zip", { zip: "DEF" }],
  ["cty JWT", { cty: "JWT" }],
  ["cty application/jwt", { cty: "application/jwt" }],
  ["a cty that is no text", { cty: 7 }],
  ["an empty kid", { kid: "" }],
  ["a kid that is a number", { kid: 1 }],
  ["a kid without end", { kid: "x".repeat(2049) }],
  ["x5c that is text", { x5c: "AAAA" }],
  ["x5c without certificates", { x5c: [] }],
  ["x5c of numbers", { x5c: [1] }],
  ["x5c of nine", { x5c: Array.from({ length: 9 }, () => "AAAA") }],
  ["x5c in base64url", { x5c: ["_-_-"] }],
] as readonly (readonly [string, Members])[]) {
  test(`[SEC-01] [J04] [J07] refuses a header with ${name}, in every format`, async () => {
    for (const token of await everyFormat(header))
      await refused(token, "header_invalid");
  });
}

test("[SEC-01] [J07] [VC-08] refuses crit whatever it lists", async () => {
  const [, payload] = (await jwtVc({})).split(".");
  for (const crit of [["b64"], ["exp"], [], "x", null])
    await refused(
      forge(
        { alg: "ES256", kid, crit, exp: 1 },
        Buffer.from(payload ?? "", "base64url").toString(),
        () => "AAAA",
      ),
      "header_invalid",
    );
});

test("[VC-08] passes over header members that nobody knows", async () => {
  for (const token of await everyFormat({ foo: { bar: 1 }, x5t: "x" }))
    assert.equal((await verify(token)).kind, "vc");
});

test("[SEC-01] [J05] x5c finds no key where the issuer has no roots", async () => {
  const stranger = await FakeCredentialIssuer.create();
  const header = { x5c: ["AAAA"], typ: "JWT" };
  await refused(await stranger.jwtVc(GOOD_JWT_VC, header), "signature_invalid");
  assert.equal((await verify(await jwtVc({}, header))).keyId, kid);
});

for (const [format, typ, payload] of [
  ["jwt_vc", "JWT", GOOD_JWT_VC],
  ["vc+jwt", "vc+jwt", GOOD_VC_JWT],
  ["dc+sd-jwt", "dc+sd-jwt", GOOD_SD_JWT_VC],
] as const) {
  const end = format === "dc+sd-jwt" ? "~" : "";
  for (const alg of [
    "none",
    "None",
    "nOnE",
    "",
    undefined,
    null,
    ["ES256"],
    "HS256",
    "HS512",
    "ES256K",
    "RS384",
    "RS512",
    "RSA1_5",
    "RSA-OAEP",
    "Ed448",
    "es256",
    "dir",
  ]) {
    test(`[VC-02] [J01] [J11] ${format}: refuses alg ${JSON.stringify(alg)}`, async () => {
      const token = forge({ alg, typ, kid }, payload, () => "AAAA") + end;
      await refused(token, "algorithm_not_allowed");
    });
  }

  test(`[VC-02] [J02] ${format}: refuses a MAC keyed with the public key`, async () => {
    const jwk = JSON.stringify(issuer.keys[0]?.publicJwk);
    const token = forge({ alg: "HS256", typ, kid }, payload, (input) =>
      createHmac("sha256", jwk).update(input).digest(),
    );
    await refused(token + end, "algorithm_not_allowed");
  });

  test(`[VC-02] [J23] ${format}: refuses signatures that are none`, async () => {
    for (const signature of [
      Buffer.alloc(64),
      Buffer.alloc(64, 0xff),
      Buffer.alloc(63, 1),
      Buffer.alloc(65, 1),
      Buffer.from("30060201010201 01".replace(" ", ""), "hex"),
    ])
      await refused(
        forge({ alg: "ES256", typ, kid }, payload, () => signature) + end,
        "signature_invalid",
      );
    await refused(
      forge({ alg: "ES256", typ, kid }, payload, () => "") + end,
      "statement_malformed",
    );
  });
}

for (const algorithm of CREDENTIAL_ALGORITHMS) {
  test(`[VC-02] takes ${algorithm} where the issuer uses it, in every format`, async () => {
    const own = await FakeCredentialIssuer.create({ algorithm });
    for (const token of [
      await own.jwtVc(GOOD_JWT_VC),
      await own.vcJwt(GOOD_VC_JWT),
      (await own.sdJwtVc(GOOD_SD_JWT_VC)).presented,
    ]) {
      const good = credentialTrust([own.trusted()]);
      assert.equal(
        (await verifyCredential(token, good, REQUIREMENTS)).algorithm,
        algorithm,
      );
      const without = CREDENTIAL_ALGORITHMS.filter(
        (name) => name !== algorithm,
      );
      for (const algorithms of [without, []]) {
        const trust = credentialTrust([own.trusted({ algorithms })]);
        await assert.rejects(verifyCredential(token, trust, REQUIREMENTS), {
          code: "algorithm_not_allowed",
        });
      }
    }
  });
}

test("[VC-02] [J11] the key's own curve and the algorithm have to fit", async () => {
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-384" });
  const token = forge({ alg: "ES384", typ: "JWT", kid }, GOOD_JWT_VC, (input) =>
    sign("sha384", Buffer.from(input), {
      key: privateKey,
      dsaEncoding: "ieee-p1363",
    }),
  );
  await refused(token, "key_not_found");
});

const good = await jwtVc({});
const [header = "", payload = "", signature = ""] = good.split(".");
for (const [name, token] of [
  ["padding", `${header}.${payload}.${signature}==`],
  ["a newline in the signature", `${header}.${payload}.${signature}\n`],
  ["a space in the payload", `${header}.${payload} .${signature}`],
  ["base64 proper", `${header}.${payload}.${signature.slice(0, -2)}+/`],
  ["four segments", `${good}.AAAA`],
  ["two segments", `${header}.${payload}`],
  ["five segments, as JWE", `${good}.AAAA.AAAA`],
  ["an empty payload", `${header}..${signature}`],
  [
    "JSON serialization",
    JSON.stringify({ protected: header, payload, signature }),
  ],
] as const) {
  test(`[VC-02] [J16] [J17] refuses ${name}`, async () => {
    await refused(token, "statement_malformed");
    await refused(`${token}~`, "statement_malformed");
  });
}

for (const [name, text] of [
  ["a member twice", '{"alg":"ES256","alg":"ES256"}'],
  ["null", "null"],
  ["an array", "[]"],
  ["a byte order mark", '\ufeff{"alg":"ES256"}'],
  ["trailing text", '{"alg":"ES256"}x'],
] as const) {
  test(`[J20] [T13] refuses a header or a payload of ${name}`, async () => {
    await refused(
      forge(text, GOOD_JWT_VC, () => "AAAA"),
      "statement_malformed",
    );
    await refused(
      forge({ alg: "ES256" }, text, () => "AAAA"),
      "statement_malformed",
    );
  });
}
