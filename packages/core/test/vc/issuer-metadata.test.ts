import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { test } from "node:test";
import {
  findIssuerKey,
  jwtVcIssuerUrl,
  readIssuerJwks,
  readJwtVcIssuer,
} from "@accredit/core/vc";

const ISSUER = "https://issuer.example/tenant";
const jwk = (curve = "P-256"): Readonly<Record<string, unknown>> => ({
  ...generateKeyPairSync("ec", { namedCurve: curve }).publicKey.export({
    format: "jwk",
  }),
});
const KEY = jwk();
const RSA = {
  ...generateKeyPairSync("rsa", { modulusLength: 2048 }).publicKey.export({
    format: "jwk",
  }),
};
const bytes = (value: unknown): Buffer =>
  Buffer.from(typeof value === "string" ? value : JSON.stringify(value));

test("[KEYR-01] the metadata is at a well-known path between host and path", () => {
  for (const [issuer, url] of [
    [
      "https://issuer.example",
      "https://issuer.example/.well-known/jwt-vc-issuer",
    ],
    [
      "https://issuer.example/",
      "https://issuer.example/.well-known/jwt-vc-issuer",
    ],
    [
      "https://issuer.example/tenant/1234",
      "https://issuer.example/.well-known/jwt-vc-issuer/tenant/1234",
    ],
    [
      "https://issuer.example/tenant/",
      "https://issuer.example/.well-known/jwt-vc-issuer/tenant",
    ],
    [
      "https://issuer.example:8443/t",
      "https://issuer.example:8443/.well-known/jwt-vc-issuer/t",
    ],
  ] as const)
    assert.equal(jwtVcIssuerUrl(issuer).href, url);
  for (const issuer of [
    "http://issuer.example",
    "https://u@issuer.example",
    "https://issuer.example/?x",
    "https://issuer.example/#x",
    "https://issuer.example?",
    "https:issuer.example",
    "https://127.1/",
    "did:web:issuer.example",
    "",
    `https://issuer.example/${"a".repeat(2048)}`,
  ])
    assert.throws(
      () => jwtVcIssuerUrl(issuer),
      { code: "issuer_keys_invalid" },
      issuer,
    );
});

test("[KEYR-01] the keys are in exactly one place, and the metadata is the issuer's own", () => {
  const inline = readJwtVcIssuer(
    ISSUER,
    bytes({ issuer: ISSUER, jwks: { keys: [{ ...KEY, kid: "a" }] } }),
  );
  assert.ok(inline.kind === "jwks" && inline.keys.keys[0]?.id === "a");
  const elsewhere = readJwtVcIssuer(
    ISSUER,
    bytes({ issuer: ISSUER, jwks_uri: "https://keys.example/jwks" }),
  );
  assert.ok(
    elsewhere.kind === "jwks_uri" &&
      elsewhere.url.href === "https://keys.example/jwks",
  );
  for (const [name, document] of [
    [
      "another issuer",
      { issuer: "https://issuer.example", jwks_uri: "https://k.example/" },
    ],
    [
      "a trailing slash",
      { issuer: `${ISSUER}/`, jwks_uri: "https://k.example/" },
    ],
    ["no issuer", { jwks_uri: "https://k.example/" }],
    ["neither", { issuer: ISSUER }],
    [
      "both",
      { issuer: ISSUER, jwks_uri: "https://k.example/", jwks: { keys: [] } },
    ],
    ["an http URL", { issuer: ISSUER, jwks_uri: "http://k.example/" }],
    ["no URL", { issuer: ISSUER, jwks_uri: 7 }],
    ["keys in an array", { issuer: ISSUER, jwks: [KEY] }],
    [
      "members twice",
      `{"issuer":"${ISSUER}","issuer":"x","jwks_uri":"https://k.example/"}`,
    ],
    ["an array", []],
    ["a web page", "<html>"],
  ] as const)
    assert.throws(
      () => readJwtVcIssuer(ISSUER, bytes(document)),
      { code: "issuer_keys_invalid" },
      name,
    );
});

test("[KEYR-01] [J13] [J14] keys that may not verify are skipped, and the reason is told", () => {
  const { keys, skipped } = readIssuerJwks(
    ISSUER,
    bytes({
      keys: [
        { ...KEY, kid: "a", use: "sig", alg: "ES256", key_ops: ["verify"] },
        { ...KEY, kid: "b", use: "enc" },
        { ...KEY, kid: "c", key_ops: ["sign"] },
        { ...KEY, kid: "d", d: KEY["x"] },
        { kty: "oct", k: "AAAA", kid: "e" },
        { ...KEY, kid: "f", alg: "ES384" },
        { ...KEY, kid: 7 },
        "g",
        { ...KEY, kid: "h", use: "jwt-svid" },
        jwk("P-384"),
      ],
    }),
  );
  assert.deepEqual(
    keys.map(({ id, algorithms }) => [id, algorithms]),
    [
      ["a", ["ES256"]],
      [undefined, ["ES384"]],
    ],
  );
  assert.deepEqual(
    skipped.map(({ index }) => index),
    [1, 2, 3, 4, 5, 6, 7, 8],
  );
});

test("[J08] one kid names one key; a key listed for each of its algorithms stays one", () => {
  for (const other of [jwk(), { ...jwk(), use: "enc" }, jwk("P-384")])
    assert.throws(
      () =>
        readIssuerJwks(
          ISSUER,
          bytes({
            keys: [
              { ...KEY, kid: "a" },
              { ...other, kid: "a" },
            ],
          }),
        ),
      { code: "issuer_keys_invalid" },
    );
  const set = readIssuerJwks(
    ISSUER,
    bytes({
      keys: [
        { ...RSA, kid: "a", alg: "RS256" },
        { ...RSA, kid: "a", alg: "PS256" },
      ],
    }),
  );
  assert.equal(set.keys.length, 1);
  assert.equal(
    findIssuerKey(set, "a", "PS256"),
    findIssuerKey(set, "a", "RS256"),
  );
  assert.throws(() => findIssuerKey(set, "a", "RS512"), {
    code: "key_not_found",
  });
});

test("[J10] without a kid, only the one key that fits is meant", () => {
  const keys = [
    { ...KEY, kid: "a" },
    { ...jwk("P-384"), kid: "b" },
  ];
  const set = readIssuerJwks(ISSUER, bytes({ keys }));
  assert.equal(findIssuerKey(set, undefined, "ES384").id, "b");
  const more = readIssuerJwks(ISSUER, bytes({ keys: [...keys, jwk()] }));
  assert.throws(() => findIssuerKey(more, undefined, "ES256"), {
    code: "key_id_missing",
  });
});
