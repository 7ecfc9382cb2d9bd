import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { DcrError } from "@accredit/core/errors";
import { keysNamed, readIssuerJwks } from "@accredit/core/vc";
import { FakeCredentialIssuer } from "@accredit/testkit";
import {
  decodeCompactJws,
  verifySignature,
} from "../../src/lib/compact-jws.ts";
import {
  checkCredentialAlgorithm,
  checkCredentialHeader,
} from "../../src/vc/credential-header.ts";
import { findCredentialKey } from "../../src/vc/credential-trust.ts";

/** Project Wycheproof's vectors, which stand beside the repository where they are present. */
const VECTORS = new URL(
  "../../../../../shared/vectors/wycheproof/",
  import.meta.url,
);

type Key = Readonly<Record<string, unknown>>;
interface Group {
  readonly public?: Key;
  readonly private: Key;
  readonly tests: readonly {
    readonly tcId: number;
    readonly jws: string;
    readonly result: "valid" | "invalid";
  }[];
}

const issuer = await FakeCredentialIssuer.create();

/** What {@link verifyCredential} makes of a token by its own steps but for the claims: the vectors carry none. */
async function judge(token: string, keys: readonly Key[]): Promise<string> {
  try {
    const document = readIssuerJwks(
      issuer.issuer,
      Buffer.from(JSON.stringify({ keys })),
    );
    const trusted = issuer.trusted({
      keys: { candidates: ({ kid }) => keysNamed(document, kid) },
    });
    const jws = decodeCompactJws(token);
    const header = checkCredentialHeader(jws.header, "dc+sd-jwt");
    const algorithm = checkCredentialAlgorithm(
      jws.header["alg"],
      trusted.algorithms,
    );
    const { jwk } = await findCredentialKey(
      trusted,
      { ...header, algorithm },
      0,
    );
    return (await verifySignature(token, jwk, algorithm))
      ? "valid"
      : "signature_invalid";
  } catch (error) {
    assert.ok(error instanceof DcrError, String(error));
    return error.code;
  }
}

const MAC = "HMAC: a credential has no symmetric algorithms, right key or not";
const PKCS1 = "RS384 and RS512 are not among a credential's algorithms (VC-02)";
const LABEL = "the key's alg label is not the algorithm of the token";
const BASE64 = "base64url that is not canonical";
const EMPTY = "an empty payload: a credential's payload is a JSON object";

/** Vectors called valid that we refuse, with the code and the reason. None called invalid is accepted. */
const DIFFERENCES: Readonly<
  Record<
    string,
    readonly (readonly [ids: readonly number[], code: string, reason: string])[]
  >
> = {
  json_web_signature_test: [
    [[1, 348, 352, 357, 358, 359, 376, 377], "algorithm_not_allowed", MAC],
    [[259, 264, 268, 272, 320, 325], "statement_malformed", EMPTY],
    [[265, 266, 267, 269, 270, 271], "algorithm_not_allowed", PKCS1],
    [[346, 347, 350, 351], "key_not_found", LABEL],
    [[372, 373], "statement_malformed", BASE64],
  ],
  json_web_key_test: [[[2, 13, 14, 15], "algorithm_not_allowed", MAC]],
};

for (const [name, differences] of Object.entries(DIFFERENCES)) {
  const file = new URL(`${name}.json`, VECTORS);
  const skip = existsSync(file)
    ? false
    : "Wycheproof's vectors are not beside the repository";
  test(
    `[VC-02] [J14] [J23] Wycheproof's ${name} has our verdicts for credentials`,
    { skip },
    async () => {
      const expected = new Map(
        differences.flatMap(([ids, code, reason]) =>
          ids.map((id) => [id, { code, reason }] as const),
        ),
      );
      const { testGroups } = JSON.parse(readFileSync(file, "utf8")) as {
        readonly testGroups: readonly Group[];
      };
      const unexplained: string[] = [];
      let seen = 0;
      for (const group of testGroups) {
        const material = group.public ?? group.private;
        const keys = (
          Array.isArray(material["keys"]) ? material["keys"] : [material]
        ) as readonly Key[];
        for (const { tcId, jws, result } of group.tests) {
          seen++;
          const verdict = await judge(jws, keys);
          const difference = expected.get(tcId);
          expected.delete(tcId);
          if (difference?.code === verdict && result === "valid") continue;
          if ((verdict === "valid") !== (result === "valid"))
            unexplained.push(`${tcId}: ${result}, ${verdict}`);
          else if (difference !== undefined)
            unexplained.push(`${tcId}: no difference any more`);
        }
      }
      assert.ok(seen > 0);
      assert.deepEqual(unexplained, []);
      assert.deepEqual([...expected.keys()], [], "no such vectors");
    },
  );
}

/** RFC 8037 appendix A.4; Wycheproof has no JSON Web Signatures by Ed25519. */
const RFC_8037 = {
  key: {
    kty: "OKP",
    crv: "Ed25519",
    x: "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
  },
  input: "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc",
  signature:
    "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg",
};
/** The order of Ed25519's group: a signature plus this is another text for the same signature. */
const ORDER = 2n ** 252n + 27742317777372353535851937790883648493n;

test("[VC-02] Ed25519: the signature of RFC 8037, and nothing that only looks like it", async () => {
  const { key, input, signature } = RFC_8037;
  const bytes = Buffer.from(signature, "base64url");
  const scalar = BigInt(
    `0x${Buffer.from(bytes.subarray(32).toReversed()).toString("hex")}`,
  );
  const higher = (scalar + ORDER).toString(16).padStart(64, "0");
  const malleated = Buffer.concat([
    bytes.subarray(0, 32),
    Buffer.from(higher, "hex").toReversed(),
  ]);
  const judged = (changed: Uint8Array, keys: readonly Key[] = [key]) =>
    judge(`${input}.${Buffer.from(changed).toString("base64url")}`, keys);

  assert.equal(await judged(bytes), "valid");
  assert.equal(await judged(bytes, [{ ...key, alg: "EdDSA" }]), "valid");
  for (const changed of [
    malleated,
    bytes.subarray(0, 63),
    Buffer.concat([bytes, Buffer.alloc(1)]),
    Buffer.alloc(64),
    Buffer.concat([bytes.subarray(32), bytes.subarray(0, 32)]),
  ])
    assert.equal(await judged(changed), "signature_invalid");
});

test("[VC-02] [J14] Ed25519: a key of small order, off the curve or of another use verifies nothing", async () => {
  const { key, input, signature } = RFC_8037;
  const small = Buffer.alloc(32);
  small[0] = 1;
  for (const change of [
    { x: small.toString("base64url") },
    { x: Buffer.alloc(32, 0xff).toString("base64url") },
    { x: Buffer.alloc(32, 2).toString("base64url") },
    { x: `${key.x}A` },
    { use: "enc" },
    { key_ops: ["sign"] },
    { alg: "ES256" },
    { alg: "Ed25519" },
    { crv: "Ed448" },
    { crv: "X25519" },
    { d: key.x },
  ]) {
    const code = await judge(`${input}.${signature}`, [{ ...key, ...change }]);
    assert.ok(
      ["key_not_found", "issuer_keys_invalid"].includes(code),
      `${JSON.stringify(change)}: ${code}`,
    );
  }
});
