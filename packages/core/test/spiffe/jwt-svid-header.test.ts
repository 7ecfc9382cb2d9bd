import assert from "node:assert/strict";
import { test } from "node:test";
import type { DcrErrorCode } from "@accredit/core/errors";
import { authority, GOOD, verify } from "./jwt-svid-fixture.ts";

const headers: readonly (readonly [
  name: string,
  header: Readonly<Record<string, unknown>>,
  code: DcrErrorCode,
])[] = [
  ...[
    "at+jwt",
    "dpop+jwt",
    "vc+jwt",
    "dc+sd-jwt",
    "kb+jwt",
    "statuslist+jwt",
    "logout+jwt",
    "wit+jwt",
    "secevent+jwt",
    "jwt",
    "Jwt",
    "JWT ",
    "",
  ].map(
    (typ) =>
      [
        `[J22] typ ${JSON.stringify(typ)}`,
        { typ },
        "credential_kind_unsupported",
      ] as const,
  ),
  [
    "[SVID-04] typ of a wrong type",
    { typ: ["JWT"] },
    "credential_kind_unsupported",
  ],
  ["[J04] jku", { jku: "https://attacker.example/jwks" }, "header_invalid"],
  ["[J04] x5u", { x5u: "https://attacker.example/x" }, "header_invalid"],
  ["[J05] x5c", { x5c: ["AAAA"] }, "header_invalid"],
  ["[SVID-05] jwk", { jwk: { kty: "EC" } }, "header_invalid"],
  ["[SVID-05] an unknown member", { foo: 1 }, "header_invalid"],
  ["[J20] ALG beside alg", { ALG: "none" }, "header_invalid"],
  ["kid of a wrong type", { kid: 7 }, "header_invalid"],
  ["an empty kid", { kid: "" }, "header_invalid"],
  ["a kid of 257 characters", { kid: "k".repeat(257) }, "header_invalid"],
  ["a kid of 256 characters", { kid: "k".repeat(256) }, "key_not_found"],
  ["[J08] a kid nobody has", { kid: "nobody" }, "key_not_found"],
];
for (const [name, header, code] of headers) {
  test(`${name}: ${code}`, async () => {
    await assert.rejects(verify(await authority.jwtSvid(GOOD, header)), {
      name: "DcrError",
      code,
    });
  });
}

test("[SVID-04] typ JWT, JOSE or none", async () => {
  for (const typ of ["JWT", "JOSE", undefined])
    await verify(await authority.jwtSvid(GOOD, { typ }));
});
