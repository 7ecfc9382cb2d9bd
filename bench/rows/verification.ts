import { createPublicKey, verify } from "node:crypto";
import { verifyJwtSvid } from "@accredit/core/spiffe";
import { FakeAuthority, staticTrust } from "@accredit/testkit";
import type { BenchRow } from "./row.ts";
import { timeInTurns } from "./timing.ts";

const ALGORITHMS = ["ES256", "RS256"] as const;
const AUDIENCE = "https://as.example";
const SIZE = 300;

/** A JWT-SVID verified by every rule, over its signature alone, one after the other. */
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
      const [whole = Number.NaN, bare = Number.NaN] = await timeInTurns(
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
              const token = tokens[n] ?? "";
              const dot = token.lastIndexOf(".");
              const signature = Buffer.from(token.slice(dot + 1), "base64url");
              if (
                !verify(
                  "sha256",
                  Buffer.from(token.slice(0, dot)),
                  key,
                  signature,
                )
              )
                throw new Error("the signature does not verify");
            },
          },
        ],
        { batches, size: SIZE },
      );
      rows.push([
        algorithm,
        whole.toFixed(1),
        bare.toFixed(1),
        (whole / bare).toFixed(2),
      ]);
    }
    return {
      title: "a JWT-SVID verified, over bare crypto.verify of its signature",
      head: ["algorithm", "verifyJwtSvid us", "crypto.verify us", "ratio"],
      rows,
    };
  },
};
