import assert from "node:assert/strict";
import type { DcrErrorCode } from "@accredit/core/errors";
import {
  verifyCredential,
  type CredentialIssuerTrust,
  type CredentialRequirements,
  type VerifiedVc,
} from "@accredit/core/vc";
import {
  credentialTrust,
  FakeCredentialIssuer,
  fakeKey,
  type FakeSdJwtChoice,
} from "@accredit/testkit";

/** The good credential of each format, which every test changes in one way, and what the endpoint wants of it. */
export const NOW = 1_800_000_000;
export const AUDIENCE = "https://as.example/register";
export const SUBJECT = "did:example:agent-7";
export const REQUIREMENTS: CredentialRequirements = {
  audiences: [AUDIENCE],
  now: NOW,
  clockToleranceSeconds: 60,
};

export const issuer = await FakeCredentialIssuer.create();
export const other = await FakeCredentialIssuer.create({
  issuer: "https://other.example",
});
export const holder = await fakeKey();
/** The holder's public key as `cnf` names it. */
export const CNF = { jwk: holder.publicJwk };

const METADATA = { client_name: "Agent 7", scope: "read" };
export type Members = Readonly<Record<string, unknown>>;

export const GOOD_JWT_VC: Members = {
  iss: issuer.issuer,
  sub: SUBJECT,
  jti: "urn:example:1",
  nbf: NOW - 100,
  exp: NOW + 3600,
  vc: {
    "@context": ["https://www.w3.org/2018/credentials/v1"],
    type: ["VerifiableCredential", "SoftwareCredential"],
    credentialSubject: METADATA,
  },
};

/** {@link GOOD_JWT_VC} with other members in `vc`. */
export function withVc(vc: Members, claims: Members = {}): Members {
  return {
    ...GOOD_JWT_VC,
    ...claims,
    vc: { ...(GOOD_JWT_VC["vc"] as Members), ...vc },
  };
}

export const GOOD_VC_JWT: Members = {
  "@context": ["https://www.w3.org/ns/credentials/v2"],
  id: "urn:example:2",
  type: ["VerifiableCredential", "SoftwareCredential"],
  issuer: issuer.issuer,
  validFrom: "2027-01-15T07:00:00Z",
  validUntil: "2027-01-15T09:00:00Z",
  credentialSubject: { id: SUBJECT, ...METADATA },
};

export const GOOD_SD_JWT_VC: Members = {
  iss: issuer.issuer,
  sub: SUBJECT,
  iat: NOW - 100,
  exp: NOW + 3600,
  vct: "https://issuer.example/types/software",
  ...METADATA,
};

export const jwtVc = (claims: Members, header?: Members) =>
  issuer.jwtVc({ ...GOOD_JWT_VC, ...claims }, header);
export const vcJwt = (claims: Members, header?: Members) =>
  issuer.vcJwt({ ...GOOD_VC_JWT, ...claims }, header);
export const sdJwtVc = (claims: Members = {}, choice?: FakeSdJwtChoice) =>
  issuer.sdJwtVc({ ...GOOD_SD_JWT_VC, ...claims }, choice);
export const sdJwtText = async (claims?: Members, choice?: FakeSdJwtChoice) =>
  (await sdJwtVc(claims, choice)).presented;

export function verify(
  statement: string,
  trusted: Partial<CredentialIssuerTrust> = {},
  requirements: Partial<CredentialRequirements> = {},
): Promise<VerifiedVc> {
  return verifyCredential(
    statement,
    credentialTrust([issuer.trusted(trusted), other.trusted()]),
    { ...REQUIREMENTS, ...requirements },
  );
}

export async function refused(
  statement: string,
  code: DcrErrorCode,
  trusted: Partial<CredentialIssuerTrust> = {},
  requirements: Partial<CredentialRequirements> = {},
): Promise<void> {
  await assert.rejects(verify(statement, trusted, requirements), { code });
}
