import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { DcrError } from "@accredit/core/errors";
import { parseSpiffeBundle, parseTrustDomainName } from "@accredit/core/spiffe";
import { decodeCompactJws } from "../../src/lib/compact-jws.ts";
import {
  checkAlgorithm,
  checkHeader,
} from "../../src/spiffe/jwt-svid-header.ts";
import {
  candidateKeys,
  verifyWithOneOf,
} from "../../src/spiffe/jwt-svid-keys.ts";

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

/**
 * What the verifier makes of a vector, by its own steps but for the claims: the vectors carry none. A
 * bundle's keys say `jwt-svid` where the vectors say `sig` or nothing; every other use stays as it is.
 */
async function judge(token: string, group: Group): Promise<string> {
  try {
    return (await verifies(token, group)) ? "valid" : "signature_invalid";
  } catch (error) {
    assert.ok(error instanceof DcrError, String(error));
    return error.code;
  }
}

async function verifies(token: string, group: Group): Promise<boolean> {
  const material = group.public ?? group.private;
  const keys = (
    Array.isArray(material["keys"]) ? material["keys"] : [material]
  ) as Key[];
  const bundle = await parseSpiffeBundle(
    Buffer.from(
      JSON.stringify({
        keys: keys.map((key) => ({
          kid: "unnamed",
          ...key,
          use: (key["use"] ?? "sig") === "sig" ? "jwt-svid" : key["use"],
        })),
      }),
    ),
  );
  const trustDomain = parseTrustDomainName("wycheproof.example");
  const source = {
    trustDomain,
    issuer: { mode: "ignore", values: [] },
    keyId: "optional",
    bundle,
  } as const;
  const jws = decodeCompactJws(token);
  const keyId = checkHeader(jws.header);
  const algorithm = checkAlgorithm(jws.header["alg"]);
  const candidates = candidateKeys({ source, bundle }, keyId, algorithm);
  const authority = await verifyWithOneOf(
    { ...jws, payload: {} },
    candidates,
    algorithm,
  );
  return authority !== undefined;
}

const SYMMETRIC =
  "HMAC: a JWT-SVID has no symmetric algorithms, right key or not";
const EMPTY = "an empty payload: a JWT's payload is a JSON object";
const LABEL = "the key's alg label is not the algorithm of the token";
const BASE64 = "base64url that is not canonical";

/** Vectors called valid that we refuse, with the code and the reason. None called invalid is accepted. */
const DIFFERENCES: Readonly<
  Record<
    string,
    readonly (readonly [ids: readonly number[], code: string, reason: string])[]
  >
> = {
  json_web_signature_test: [
    [
      [1, 348, 352, 357, 358, 359, 376, 377],
      "algorithm_not_allowed",
      SYMMETRIC,
    ],
    [[259, 264, 268, 272, 320, 325], "statement_malformed", EMPTY],
    [[346, 347, 350, 351], "key_not_found", LABEL],
    [[372, 373], "statement_malformed", BASE64],
  ],
  json_web_key_test: [[[2, 13, 14, 15], "algorithm_not_allowed", SYMMETRIC]],
};

for (const [name, differences] of Object.entries(DIFFERENCES)) {
  const file = new URL(`${name}.json`, VECTORS);
  const skip = existsSync(file)
    ? false
    : "Wycheproof's vectors are not beside the repository";
  test(
    `[SVID-02] [SVID-03] [J14] [J23] Wycheproof's ${name} has our verdicts`,
    { skip },
    async () => {
      const expected = new Map(
        differences.flatMap(([ids, code, reason]) =>
          ids.map((id) => [id, { code, reason }] as const),
        ),
      );
      const { testGroups } = JSON.parse(readFileSync(file, "utf8")) as {
        testGroups: readonly Group[];
      };
      let seen = 0;
      for (const group of testGroups) {
        for (const { tcId, jws, result } of group.tests) {
          seen++;
          const verdict = await judge(jws, group);
          const difference = expected.get(tcId);
          if (difference === undefined) {
            assert.equal(
              verdict === "valid",
              result === "valid",
              `${tcId}: ${verdict}`,
            );
          } else {
            const { code, reason } = difference;
            assert.deepEqual(
              [result, verdict],
              ["valid", code],
              `${tcId}: ${reason}`,
            );
          }
          expected.delete(tcId);
        }
      }
      assert.ok(seen > 0);
      assert.deepEqual(
        [...expected.keys()],
        [],
        "differences that are no vectors",
      );
    },
  );
}
