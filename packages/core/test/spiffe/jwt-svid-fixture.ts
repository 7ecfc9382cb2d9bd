import assert from "node:assert/strict";
import type { VerifiedJwtSvid } from "@accredit/core/spiffe";
import {
  verifyClientAssertion,
  verifySoftwareStatement,
} from "@accredit/core/credential";
import { FakeAuthority, staticTrust } from "@accredit/testkit";

/** The one good JWT-SVID that every test changes in one way, and what the endpoint wants of it. */
export const NOW = 1_800_000_000;
export const AUDIENCE = "https://as.example/register";
export const ISSUER = "https://as.example";
export const SUBJECT = "spiffe://example.org/ns/prod/agent/alice";
export const REQUIREMENTS = {
  audiences: [AUDIENCE],
  now: NOW,
  clockToleranceSeconds: 60,
  maxLifetimeSeconds: 3600,
  maxAgeSeconds: 3600,
};
export const GOOD = {
  sub: SUBJECT,
  iss: "spiffe://example.org",
  aud: AUDIENCE,
  iat: NOW - 10,
  exp: NOW + 290,
};

export const authority = await FakeAuthority.create({
  trustDomain: "example.org",
});
export const other = await FakeAuthority.create({
  trustDomain: "other.example",
});
export const trust = await staticTrust([authority, other]);

/** No issuer of Verifiable Credentials is trusted here. */
export async function verify(token: string): Promise<VerifiedJwtSvid> {
  const verified = await verifySoftwareStatement(token, trust, REQUIREMENTS);
  assert.equal(verified.kind, "jwt-svid");
  return verified;
}
export const authenticate = (token: string) =>
  verifyClientAssertion(token, trust, { ...REQUIREMENTS, audiences: [ISSUER] });
