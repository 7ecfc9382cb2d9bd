import assert from "node:assert/strict";
import {
  createHmac,
  createPrivateKey,
  createPublicKey,
  sign,
  type KeyObject,
} from "node:crypto";
import { test } from "node:test";
import type { DcrError } from "@accredit/core/errors";
import { exportPKCS8 } from "jose";
import { forge } from "./forge.ts";
import { authority, GOOD, SUBJECT, verify } from "./jwt-svid-fixture.ts";

const key = authority.keys[0];
assert.ok(key);
const authorityPrivateKey = createPrivateKey(await exportPKCS8(key.privateKey));
const publicKey: KeyObject = createPublicKey({
  key: { ...key.publicJwk },
  format: "jwk",
});

test("[J01] [J02] [J11] [SVID-02] [DCR-16] no algorithm but the profile's, whatever it is keyed with", async () => {
  for (const alg of [
    "none",
    "None",
    "nOnE",
    "",
    undefined,
    ["ES256"],
    "EdDSA",
    "ES256K",
    "RSA1_5",
    "es256",
    "HS256",
    "HS512",
  ]) {
    const token = forge({ alg, kid: key.kid }, GOOD, () => Buffer.alloc(64, 1));
    await assert.rejects(
      verify(token),
      { code: "algorithm_not_allowed" },
      String(alg),
    );
  }
  for (const secret of [
    publicKey.export({ type: "spki", format: "pem" }).toString(),
    publicKey.export({ type: "spki", format: "der" }),
    JSON.stringify(key.publicJwk),
  ]) {
    const token = forge({ alg: "HS256", kid: key.kid }, GOOD, (input) =>
      createHmac("sha256", secret).update(input).digest(),
    );
    await assert.rejects(verify(token), { code: "algorithm_not_allowed" });
  }
  await assert.rejects(
    verify(
      await authority
        .jwtSvid(GOOD)
        .then((token) =>
          forge(
            { alg: "RS256", kid: key.kid },
            GOOD,
            () => token.split(".")[2] ?? "",
          ),
        ),
    ),
    { code: "key_not_found" },
  );
});

test("[J23] signatures of impossible form do not verify", async () => {
  const good = await authority.jwtSvid(GOOD);
  const [header = "", payload = "", signature = ""] = good.split(".");
  const bytes = Buffer.from(signature, "base64url");
  const n = Buffer.from(
    "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551",
    "hex",
  );
  for (const [name, wrong] of [
    ["r = s = 0", Buffer.alloc(64)],
    ["r = 0", Buffer.concat([Buffer.alloc(32), bytes.subarray(32)])],
    ["s = n", Buffer.concat([bytes.subarray(0, 32), n])],
    ["63 bytes", bytes.subarray(0, 63)],
    ["65 bytes", Buffer.concat([bytes, Buffer.alloc(1)])],
    [
      "DER",
      sign("sha256", Buffer.from(`${header}.${payload}`), {
        key: authorityPrivateKey,
        dsaEncoding: "der",
      }),
    ],
  ] as const) {
    await assert.rejects(
      verify(`${header}.${payload}.${wrong.toString("base64url")}`),
      { code: "signature_invalid" },
      name,
    );
  }
});

test("[SVID-01] [J16] [J17] [J20] the text is one strict compact JWS or nothing", async () => {
  const good = await authority.jwtSvid(GOOD);
  const [header = "", payload = "", signature = ""] = good.split(".");
  const last =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  const slack =
    signature.slice(0, -1) +
    (last[last.indexOf(signature.at(-1) ?? "A") ^ 1] ?? "A");
  const header64 = (text: string): string =>
    Buffer.from(text).toString("base64url");
  for (const [name, token] of [
    ["empty", ""],
    ["two segments", `${header}.${payload}`],
    ["four segments", `${good}.x`],
    ["a JWE", `${good}.x.y`],
    ["no signature", `${header}.${payload}.`],
    ["a leading space", ` ${good}`],
    [
      "a newline in the signature",
      `${header}.${payload}.${signature.slice(0, 5)}\n${signature.slice(5)}`,
    ],
    ["padding", `${good}=`],
    ["base64 alphabet", `${header}.${payload}.+/${signature.slice(2)}`],
    ["slack bits", `${header}.${payload}.${slack}`],
    [
      "JSON serialization",
      JSON.stringify({ protected: header, payload, signature }),
    ],
    [
      "[T13] repeated claim",
      forge(
        { alg: "ES256", kid: key.kid },
        `{"sub":"${SUBJECT}","sub":"${SUBJECT}"}`,
        () => signature,
      ),
    ],
    [
      "repeated header member",
      `${header64(`{"alg":"ES256","alg":"ES256","kid":"${key.kid}"}`)}.${payload}.${signature}`,
    ],
    ["a header that is null", `${header64("null")}.${payload}.${signature}`],
    ["a header that is an array", `${header64("[]")}.${payload}.${signature}`],
    [
      "a header with a byte order mark",
      `${header64("\ufeff{}")}.${payload}.${signature}`,
    ],
    [
      "a payload that is no JSON",
      `${header}.${header64("hello")}.${signature}`,
    ],
    ["exp 1e400", `${header}.${header64(`{"exp":1e400}`)}.${signature}`],
  ] as const) {
    await assert.rejects(verify(token), { code: "statement_malformed" }, name);
  }
  await assert.rejects(
    verify("a".repeat(16 * 1024 + 1)),
    { code: "statement_too_large" },
    "[J19]",
  );
  await assert.rejects(
    verify(".".repeat(1_000_000)),
    { code: "statement_too_large" },
    "[J19]",
  );
  await assert.rejects(
    verify(`${good}~`),
    { code: "credential_kind_unsupported" },
    "[DCR-TI-18] an SD-JWT",
  );
});

test("[J17] [SVID-01] a token of another form is named for what it is", async () => {
  const good = await authority.jwtSvid(GOOD);
  for (const [token, message] of [
    [`${good}.x.y`, /got five, as an encrypted token \(JWE\) has$/],
    [`${good}.x`, /of three segments, got 4$/],
    ["x", /of three segments, got one$/],
    ["..", /base64url without padding in the header/],
    [
      `${Buffer.from("{").toString("base64url")}.x.x`,
      /base64url.*in the payload/,
    ],
    [
      `${Buffer.from('{"a":1,"a":1}').toString("base64url")}.e30.AAAA`,
      /in the header: expected each member name once/,
    ],
  ] as const) {
    await assert.rejects(verify(token), message);
  }
});

test("[J16] every character that base64url has not, and every place, is refused", async () => {
  const good = await authority.jwtSvid(GOOD);
  const alphabet = /[A-Za-z0-9_-]/;
  for (let code = 0; code < 256; code++) {
    const char = String.fromCharCode(code);
    if (alphabet.test(char)) continue;
    for (const at of [0, 5, good.indexOf(".") + 1, good.length]) {
      const token = good.slice(0, at) + char + good.slice(at);
      await assert.rejects(
        verify(token),
        (error: DcrError) =>
          error.code === "statement_malformed" ||
          (char === "~" && error.code === "credential_kind_unsupported"),
        JSON.stringify(char),
      );
    }
  }
});
