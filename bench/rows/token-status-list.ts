import { randomInt } from "node:crypto";
import { deflateSync } from "node:zlib";
import type { FakeCredentialIssuer } from "@accredit/testkit";

/** Entries of the lists that are measured. */
export const ENTRIES = 1_000_000;

/** The bits of a list; a hundredth of them set, at random, packs worse than a list of none. */
export function someSet(): Buffer {
  const bytes = Buffer.alloc(ENTRIES / 8);
  for (let n = 0; n < ENTRIES / 100; n++) {
    const at = randomInt(ENTRIES);
    bytes[at >> 3] = (bytes[at >> 3] ?? 0) | (1 << (at & 7));
  }
  return bytes;
}

/** A signed Token Status List of one bit per entry. */
export async function tokenStatusList(
  issuer: FakeCredentialIssuer,
  url: string,
  bytes: Buffer,
  ttl: number,
): Promise<string> {
  const now = Math.floor(Date.now() / 1000);
  return issuer.sign(
    {
      sub: url,
      iss: issuer.issuer,
      iat: now,
      exp: now + 3600,
      ttl,
      status_list: { bits: 1, lst: deflateSync(bytes).toString("base64url") },
    },
    { typ: "statuslist+jwt" },
  );
}
