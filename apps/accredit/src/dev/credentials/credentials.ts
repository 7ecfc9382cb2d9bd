import { createHash, randomBytes, sign } from "node:crypto";
import { SDJwtInstance } from "@sd-jwt/core";
import type { JWK } from "jose";
import { signToken, type StoredSigningKey } from "../signing-key.ts";
import type { CredentialFormat } from "./issuer-state.ts";
import {
  bitstringStatus,
  isoTime,
  tokenStatus,
  type StatusUrls,
} from "./status-lists.ts";

/** The type of every credential of a development issuer: `type` of the data models, `vct` of SD-JWT VCs. */
export const CREDENTIAL_TYPE = "OAuthClientCredential";
export const CREDENTIAL_VCT = "urn:example:oauth-client";

/** What a credential says. Times in epoch seconds. */
export interface CredentialContent {
  readonly issuer: string;
  readonly subject: string;
  readonly metadata: Readonly<Record<string, unknown>>;
  /** The public key of its holder; undefined for a bearer credential. */
  readonly holder: JWK | undefined;
  readonly index: number;
  readonly urls: StatusUrls;
  readonly issuedAt: number;
  readonly expiresAt: number;
}

/** Makes a credential: what its format wants, where it wants it. */
export const MAKE_CREDENTIAL: Readonly<
  Record<
    CredentialFormat,
    (key: StoredSigningKey, content: CredentialContent) => Promise<string>
  >
> = { jwt_vc: jwtVc, "vc+jwt": vcJwt, "dc+sd-jwt": sdJwtVc };

/** Verifiable Credentials data model 1.1, section 6.3.1. */
function jwtVc(
  key: StoredSigningKey,
  content: CredentialContent,
): Promise<string> {
  return signToken(key, "JWT", {
    iss: content.issuer,
    sub: content.subject,
    iat: content.issuedAt,
    nbf: content.issuedAt,
    exp: content.expiresAt,
    ...confirmation(content),
    vc: {
      "@context": ["https://www.w3.org/2018/credentials/v1"],
      type: ["VerifiableCredential", CREDENTIAL_TYPE],
      credentialSubject: { ...content.metadata },
      credentialStatus: bitstringStatus(content.index, content.urls),
    },
  });
}

/** Securing Verifiable Credentials using JOSE and COSE, section 3.1.1. */
function vcJwt(
  key: StoredSigningKey,
  content: CredentialContent,
): Promise<string> {
  return signToken(key, "vc+jwt", {
    "@context": ["https://www.w3.org/ns/credentials/v2"],
    type: ["VerifiableCredential", CREDENTIAL_TYPE],
    issuer: content.issuer,
    iss: content.issuer, // without it `kid` would have to be a URL
    validFrom: isoTime(content.issuedAt),
    validUntil: isoTime(content.expiresAt),
    credentialSubject: { id: content.subject, ...content.metadata },
    credentialStatus: bitstringStatus(content.index, content.urls),
    ...confirmation(content),
  });
}

/** SD-JWT-based Verifiable Credentials, section 3; each member of the metadata can be disclosed by itself. */
async function sdJwtVc(
  key: StoredSigningKey,
  content: CredentialContent,
): Promise<string> {
  const sdJwt = new SDJwtInstance<Record<string, unknown>>({
    signAlg: "ES256",
    signer: (data) =>
      sign("sha256", Buffer.from(data), {
        key: key.jwk,
        format: "jwk",
        dsaEncoding: "ieee-p1363",
      }).toString("base64url"),
    hashAlg: "sha-256",
    hasher: (data) =>
      createHash("sha256")
        .update(typeof data === "string" ? data : Buffer.from(data))
        .digest(),
    saltGenerator: (length) => randomBytes(length).toString("base64url"),
  });
  return sdJwt.issue(
    {
      iss: content.issuer,
      sub: content.subject,
      vct: CREDENTIAL_VCT,
      iat: content.issuedAt,
      exp: content.expiresAt,
      status: tokenStatus(content.index, content.urls),
      ...confirmation(content),
      ...content.metadata,
    },
    { _sd: Object.keys(content.metadata) } as object,
    { header: { typ: "dc+sd-jwt", kid: key.id } },
  );
}

function confirmation({ holder }: CredentialContent) {
  return holder === undefined ? {} : { cnf: { jwk: holder } };
}
