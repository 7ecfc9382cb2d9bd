import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { test } from "node:test";
import fc from "fast-check";
import { DcrError } from "@accredit/core";
import { findIssuerKey, readDidDocument } from "@accredit/core/vc";

const DID = "did:web:issuer.example";
const jwk = {
  ...generateKeyPairSync("ec", { namedCurve: "P-256" }).publicKey.export({
    format: "jwk",
  }),
};
const METHOD = {
  id: `${DID}#k1`,
  type: "JsonWebKey",
  controller: DID,
  publicKeyJwk: jwk,
};

function read(change: object, did = DID): ReturnType<typeof readDidDocument> {
  const document = {
    id: DID,
    verificationMethod: [METHOD],
    assertionMethod: [METHOD.id],
    ...change,
  };
  return readDidDocument(did, Buffer.from(JSON.stringify(document)));
}

test("[KEYR-05] takes the keys that may make assertions, by absolute ID", () => {
  for (const [name, change] of [
    ["a reference", {}],
    ["a relative reference", { assertionMethod: ["#k1"] }],
    ["a relative method", { verificationMethod: [{ ...METHOD, id: "#k1" }] }],
    [
      "an embedded method",
      { verificationMethod: [], assertionMethod: [METHOD] },
    ],
    [
      "an embedded relative method",
      {
        verificationMethod: undefined,
        assertionMethod: [{ ...METHOD, id: "#k1" }],
      },
    ],
    [
      "JsonWebKey2020",
      { verificationMethod: [{ ...METHOD, type: "JsonWebKey2020" }] },
    ],
    [
      "other methods beside it",
      {
        verificationMethod: [
          METHOD,
          { id: `${DID}#k2`, type: "Unknown" },
          7,
          null,
        ],
      },
    ],
    [
      "other members",
      {
        "@context": ["https://www.w3.org/ns/did/v1"],
        service: [{}],
        authentication: ["#k9"],
      },
    ],
  ] as const) {
    const { issuer, keys } = read(change);
    assert.equal(issuer, DID, name);
    assert.deepEqual(
      keys,
      [{ id: `${DID}#k1`, jwk, algorithms: ["ES256"] }],
      name,
    );
  }
  const multikey = {
    ...METHOD,
    type: "Multikey",
    publicKeyMultibase: "z6MkhaXgBZDvotDkL5257faiztiGiC2QtKLGpbnnEGta2doK",
  };
  assert.deepEqual(
    read({ verificationMethod: [multikey] }).keys[0]?.algorithms,
    ["EdDSA", "Ed25519"],
  );
});

test("[KEYR-05] [X07] a method that is not this DID's to assert with gives no key, and the reason is told", () => {
  const other = "did:web:other.example";
  const method = (change: object): object => ({
    verificationMethod: [{ ...METHOD, ...change }],
  });
  for (const [name, change, reason] of [
    [
      "not in assertionMethod",
      { assertionMethod: [], authentication: [METHOD.id] },
      undefined,
    ],
    ["no assertionMethod", { assertionMethod: undefined }, undefined],
    ["another controller", method({ controller: other }), /controller/],
    ["no controller", method({ controller: undefined }), /controller/],
    ["controllers in an array", method({ controller: [DID] }), /controller/],
    [
      "a reference to another DID",
      { assertionMethod: [`${other}#k1`] },
      /DID URL/,
    ],
    [
      "a method of another DID",
      { ...method({ id: `${other}#k1` }), assertionMethod: [`${other}#k1`] },
      /DID URL/,
    ],
    [
      "a DID that only begins like it",
      { ...method({ id: `${DID}:x#k1` }), assertionMethod: [`${DID}:x#k1`] },
      /DID URL/,
    ],
    ["a path", { assertionMethod: [`${DID}/x#k1`] }, /DID URL/],
    ["a query", { assertionMethod: [`${DID}?x#k1`] }, /DID URL/],
    ["no fragment", { assertionMethod: [DID] }, /DID URL/],
    ["an empty fragment", { assertionMethod: ["#"] }, /DID URL/],
    ["two fragments", { assertionMethod: ["#k1#k1"] }, /DID URL/],
    ["an unknown method", { assertionMethod: ["#k2"] }, /no such/],
    [
      "an embedded method with a taken ID",
      { assertionMethod: [{ ...METHOD, publicKeyJwk: {} }] },
      /two methods/,
    ],
    [
      "a private key",
      method({ publicKeyJwk: { ...jwk, d: jwk.x } }),
      /private/,
    ],
    ["a private key beside", method({ secretKeyMultibase: "z1" }), /private/],
    [
      "a revoked method",
      method({ revoked: "2020-01-01T00:00:00Z" }),
      /revoked/,
    ],
    [
      "a method that expires",
      method({ expires: "2020-01-01T00:00:00Z" }),
      /expires/,
    ],
    [
      "another type",
      method({ type: "EcdsaSecp256k1VerificationKey2019" }),
      /type/,
    ],
    ["no key", method({ publicKeyJwk: undefined }), /publicKeyJwk/],
    ["a weak key", method({ publicKeyJwk: { ...jwk, y: jwk.x } }), /curve/],
    [
      "a key for encryption",
      method({ publicKeyJwk: { ...jwk, use: "enc" } }),
      /use/,
    ],
    [
      "a bad multikey",
      method({ type: "Multikey", publicKeyMultibase: "z1" }),
      /expected/,
    ],
    ["a number", { assertionMethod: [7] }, /DID URL/],
  ] as const) {
    const { keys, skipped } = read(change);
    assert.equal(keys.length, 0, name);
    if (reason === undefined) assert.equal(skipped.length, 0, name);
    else assert.match(skipped[0]?.reason ?? "", reason, name);
  }
});

test("[KEYR-05] a document that is not the DID's, or says two things, is refused", () => {
  for (const [name, change] of [
    ["another id", { id: "did:web:other.example" }],
    ["no id", { id: undefined }],
    ["a DID URL as id", { id: `${DID}#k1` }],
    ["a method twice", { verificationMethod: [METHOD, METHOD] }],
    [
      "a method twice, once relative",
      { verificationMethod: [METHOD, { ...METHOD, id: "#k1" }] },
    ],
    ["an assertion method twice", { assertionMethod: [METHOD.id, "#k1"] }],
    ["methods in an object", { verificationMethod: {} }],
    [
      "too many methods",
      { verificationMethod: Array.from({ length: 65 }, () => 1) },
    ],
  ] as const)
    assert.throws(() => read(change), { code: "issuer_keys_invalid" }, name);
  assert.throws(() => read({}, "did:web:issuer.example:x"), {
    code: "issuer_keys_invalid",
  });
});

test("[J08] [J10] a kid names its key, and nobody guesses", () => {
  const second = { ...METHOD, id: `${DID}#k2` };
  const one = read({});
  const two = read({
    verificationMethod: [METHOD, second],
    assertionMethod: ["#k1", "#k2"],
  });
  for (const kid of [`${DID}#k1`, "#k1"])
    assert.equal(findIssuerKey(two, kid, "ES256").id, `${DID}#k1`);
  assert.equal(findIssuerKey(one, undefined, "ES256").id, `${DID}#k1`);
  assert.throws(() => findIssuerKey(two, undefined, "ES256"), {
    code: "key_id_missing",
  });
  for (const kid of ["k1", "#k3", "", "did:web:other.example#k1", `${DID}#K1`])
    assert.throws(
      () => findIssuerKey(two, kid, "ES256"),
      { code: "key_not_found" },
      kid,
    );
  assert.throws(() => findIssuerKey(one, "#k1", "ES384"), {
    code: "key_not_found",
  });
});

test("[KEYR-05] whatever a DID document is, it gives keys or one typed error", () => {
  const value = fc.oneof(
    fc.json().map((text): unknown => JSON.parse(text)),
    fc.constantFrom(METHOD, [METHOD], "#k1", DID, jwk),
  );
  fc.assert(
    fc.property(
      fc.dictionary(
        fc.constantFrom("id", "verificationMethod", "assertionMethod"),
        value,
      ),
      (change) => {
        try {
          for (const key of read(change).keys)
            assert.ok(key.id?.startsWith(`${DID}#`));
        } catch (error) {
          assert.ok(
            error instanceof DcrError && error.code === "issuer_keys_invalid",
          );
        }
      },
    ),
  );
});
