import { createPublicKey, verify, webcrypto } from "node:crypto";
import { verifyJwtSvid } from "@accredit/core/spiffe";
import { FakeAuthority, staticTrust } from "@accredit/testkit";
import type { BenchRow } from "./row.ts";
import { timeInTurns } from "./timing.ts";

const ALGORITHMS = ["ES256", "RS256"] as const;
const AUDIENCE = "https://as.example";
const SIZE = 300;
const { subtle } = webcrypto;
/** What Web Crypto wants to hear, of a key and of a signature. */
const IMPORTED = {
  ES256: { name: "ECDSA", namedCurve: "P-256" },
  RS256: { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" },
};
const VERIFIED = {
  ES256: { name: "ECDSA", hash: "SHA-256" },
  RS256: { name: "RSASSA-PKCS1-v1_5" },
};

/**
 * A JWT-SVID verified by every rule, over its signature alone, one after the other. The same signature by Web
 * Crypto, which is what the verification uses, tells the price of the interface from that of the rules.
 */
export const verification: BenchRow = {
  name: "jwt-svid verification",
  async run({ options }) {
    const batches = options.quick ? 2 : 3 * options.rounds;
    const rows: string[][] = [];
    for (const algorithm of ALGORITHMS) {
      const authority = await FakeAuthority.create({ algorithm });
      const trust = await staticTrust([authority]);
      const now = Math.floor(Date.now() / 1000);
      const tokens = await Promise.all(
        Array.from({ length: (batches + 1) * SIZE }, (_, n) =>
          authority.jwtSvid({
            sub: `spiffe://example.org/agent/${n}`,
            aud: AUDIENCE,
            iat: now,
            exp: now + 600,
          }),
        ),
      );
      const [own] = authority.keys;
      if (own === undefined) throw new Error("expected a key");
      const key = {
        key: createPublicKey({ key: own.publicJwk, format: "jwk" }),
        dsaEncoding: "ieee-p1363" as const,
      };
      const subtleKey = await subtle.importKey(
        "jwk",
        own.publicJwk,
        IMPORTED[algorithm],
        false,
        ["verify"],
      );
      const [whole = NaN, bare = NaN, web = NaN] = await timeInTurns(
        [
          {
            name: "whole",
            run: (n) =>
              verifyJwtSvid(tokens[n] ?? "", trust, {
                purpose: "client-authentication",
                audiences: [AUDIENCE],
                now,
                clockToleranceSeconds: 60,
                maxLifetimeSeconds: 3600,
                maxAgeSeconds: 3600,
              }),
          },
          {
            name: "bare",
            run(n) {
              const { input, signature } = partsOf(tokens[n]);
              expectTrue(verify("sha256", input, key, signature));
            },
          },
          {
            name: "web",
            run: async (n) => {
              const { input, signature } = partsOf(tokens[n]);
              expectTrue(
                await subtle.verify(
                  VERIFIED[algorithm],
                  subtleKey,
                  signature,
                  input,
                ),
              );
            },
          },
        ],
        { batches, size: SIZE },
      );
      rows.push([
        algorithm,
        whole.toFixed(1),
        bare.toFixed(1),
        web.toFixed(1),
        (whole / bare).toFixed(2),
        (whole / web).toFixed(2),
      ]);
    }
    return {
      title: "a JWT-SVID verified, over bare crypto.verify of its signature",
      head: [
        "algorithm",
        "verifyJwtSvid us",
        "crypto.verify us",
        "Web Crypto us",
        "over crypto.verify",
        "over Web Crypto",
      ],
      rows,
    };
  },
};

function partsOf(token = ""): {
  readonly input: Buffer<ArrayBuffer>;
  readonly signature: Buffer<ArrayBuffer>;
} {
  const dot = token.lastIndexOf(".");
  return {
    input: Buffer.from(token.slice(0, dot)),
    signature: Buffer.from(token.slice(dot + 1), "base64url"),
  };
}

function expectTrue(isRight: boolean): void {
  if (!isRight) throw new Error("the signature does not verify");
}
