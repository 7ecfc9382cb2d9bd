import { verifyWitSvid } from "@accredit/core/spiffe";
import type { VerifiedWitSvid } from "@accredit/core/spiffe";
import {
  FakeAuthority,
  FakeWitAuthority,
  staticTrust,
} from "@accredit/testkit";
import type { FakeWitChoice, FakeWitSvid } from "@accredit/testkit";

/** The one good WIT-SVID that every test changes in one way, and what the endpoint wants of it. */
export const NOW = 1_800_000_000;
export const ISSUER = "https://as.example";
export const SUBJECT = "spiffe://example.org/ns/prod/agent/alice";
export const REQUIREMENTS = { now: NOW, clockToleranceSeconds: 60 };

const now = () => NOW;
export const authority = await FakeWitAuthority.create({ now });
export const other = await FakeWitAuthority.create({
  trustDomain: "other.example",
  now,
});
/** The same trust domains' keys for JWT-SVIDs. */
export const jwtAuthority = await FakeAuthority.create();
export const trust = await trustIn([authority, other]);

/** A trust source of these authorities' trust domains, each with its WIT key and a JWT key. */
export async function trustIn(
  authorities: readonly FakeWitAuthority[],
  overrides: Parameters<typeof staticTrust>[1] = {},
) {
  const domains = await Promise.all(
    authorities.map(async (each) => {
      const { trustDomain } = each;
      const domain =
        trustDomain === jwtAuthority.trustDomain
          ? jwtAuthority
          : await FakeAuthority.create({ trustDomain });
      domain.otherKeys.splice(0, Infinity, each.bundleKey());
      return domain;
    }),
  );
  return staticTrust(domains, overrides);
}

export const mint = (choice?: FakeWitChoice): Promise<FakeWitSvid> =>
  authority.witSvid(choice);
export const verify = (token: string): Promise<VerifiedWitSvid> =>
  verifyWitSvid(token, trust, REQUIREMENTS);
