import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { test } from "node:test";
import type { CheckResult } from "@accredit/core/credential";
import { DcrError } from "@accredit/core/errors";
import { readIssuerJwks, verifyCredential } from "@accredit/core/vc";
import { credentialTrust, FakeCredentialIssuer } from "@accredit/testkit";

/** The W3C's test suite for vc-jose-cose, which stands beside the repository where it is present. */
const VECTORS = new URL(
  "../../../../../shared/vectors/w3c-vc-jose-cose/",
  import.meta.url,
);
const skip = existsSync(VECTORS)
  ? false
  : "the W3C's vectors are not beside the repository";
const ISSUER = "https://example.issuer/vc-jose-cose";
/** Inside the validity of the one vector that has an end. */
const NOW = Date.UTC(2026, 0, 1) / 1000;

const read = (name: string) => readFileSync(new URL(name, VECTORS), "utf8");

async function trust() {
  const keys = ["p256", "p384", "p521", "ed25519"].map((name) => {
    const { publicKeyJwk } = JSON.parse(read(`vm-${name}.json`)) as {
      readonly publicKeyJwk: object;
    };
    return publicKeyJwk;
  });
  const held = readIssuerJwks(ISSUER, Buffer.from(JSON.stringify({ keys })));
  assert.deepEqual(held.skipped, []);
  const issuer = await FakeCredentialIssuer.create({ issuer: ISSUER });
  return credentialTrust([
    issuer.trusted({
      types: ["ExampleAlumniCredential"],
      maxLifetimeSeconds: Infinity,
      keys: {
        candidates: ({ kid }) => held.keys.filter(({ id }) => id === kid),
      },
    }),
  ]);
}

/** How far a vector comes: the last check that passed, and what stopped it. */
async function judge(token: string) {
  const passed: string[] = [];
  const onCheck = ({ check, verdict }: CheckResult) => {
    if (verdict === "pass") passed.push(check);
  };
  const options = {
    audiences: ["https://as.example/register"],
    now: NOW,
    clockToleranceSeconds: 60,
    onCheck,
  };
  try {
    await verifyCredential(token, await trust(), options);
    return { passed, code: undefined, message: "" };
  } catch (error) {
    assert.ok(error instanceof DcrError, String(error));
    return { passed, code: error.code, message: error.message };
  }
}

/**
 * The suite's verdict on the proof, and ours on the credential. None of its credentials ends, and their
 * `iat` is text where RFC 7519 wants a number: we accept none, and say of each why.
 */
const CASES: readonly (readonly [
  name: string,
  proof: "good" | "bad",
  code: string,
  reason: RegExp,
])[] = [
  ["credential-jose-minimal", "good", "claims_invalid", /validUntil or exp/],
  [
    "credential-jose-unknown-extensions",
    "good",
    "claims_invalid",
    /validUntil or exp/,
  ],
  [
    "credential-issuer-match-signed",
    "good",
    "claims_invalid",
    /validUntil or exp/,
  ],
  // The proof holds; the claims it covers must not be there (VC-04).
  ["credential-jose-vc-vp-claims", "good", "claims_invalid", /vc nor a vp/],
  ["credential-jose-bad-signature", "bad", "signature_invalid", /signature/],
  [
    "credential-jose-bad-media-type",
    "bad",
    "credential_kind_unsupported",
    /bad\+typ/,
  ],
  // A data model 2.0 credential as SD-JWT, which is not an SD-JWT VC: it has no vct.
  ["credential-sdjwt-selective", "good", "claims_invalid", /vct/],
  ["credential-sdjwt-nested", "good", "claims_invalid", /vct/],
  ["credential-sdjwt-bad-signature", "bad", "signature_invalid", /signature/],
  [
    "credential-sdjwt-bad-media-type",
    "bad",
    "credential_kind_unsupported",
    /bad\+typ/,
  ],
];

for (const [name, proof, code, reason] of CASES) {
  test(
    `[VC-02] [VC-04] [VC-05] [VC-11] W3C's ${name}: a ${proof} proof, and ${code}`,
    { skip },
    async () => {
      const verdict = await judge(read(`${name}.txt`).trim());
      assert.equal(verdict.code, code, verdict.message);
      assert.match(verdict.message, reason);
      assert.equal(verdict.passed.includes("signature"), proof === "good");
      // The disclosures of the good ones are taken apart without complaint.
      assert.equal(
        verdict.passed.includes("disclosures"),
        proof === "good" && name.includes("sdjwt"),
      );
    },
  );
}

/** One of the suite's unsigned inputs, signed here in its own issuer's name. */
async function take(name: string, type: string, change: object) {
  const issuer = await FakeCredentialIssuer.create({ issuer: ISSUER });
  const credential = JSON.parse(read(`${name}.json`)) as object;
  return verifyCredential(
    await issuer.vcJwt({ ...credential, ...change }),
    credentialTrust([
      issuer.trusted({ types: [type], maxLifetimeSeconds: Infinity }),
    ]),
    { audiences: [], now: NOW, clockToleranceSeconds: 60 },
  );
}

for (const [name, type] of [
  ["credential-minimal", "ExampleAlumniCredential"],
  ["credential-unknown-extensions", "ExampleAlumniCredential"],
  ["credential-selective", "IdentityCredential"],
  ["credential-nested-selective", "EmploymentCredential"],
] as const) {
  test(
    `[VC-05] [VC-08] W3C's ${name} is taken once it ends`,
    { skip },
    async () => {
      const { subject, types } = await take(name, type, { exp: NOW + 60 });
      assert.match(subject, /^did:example:/);
      assert.deepEqual(types, [type]);
    },
  );
}

test(
  "[STAT-07] W3C's credential-full names no list to look its status up in",
  { skip },
  async () => {
    const type = "UniversityDegreeCredential";
    await assert.rejects(take("credential-full", type, {}), {
      code: "claims_invalid",
      message: /statusListCredential/,
    });
    await take("credential-full", type, { credentialStatus: undefined });
  },
);

test(
  "[J16] a vector file's last line break is no part of the credential",
  { skip },
  async () => {
    const { code } = await judge(
      `${read("credential-jose-minimal.txt").trim()}\n`,
    );
    assert.equal(code, "statement_malformed");
  },
);
