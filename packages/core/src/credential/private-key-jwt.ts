import { DcrError } from "../errors.ts";
import { verifySignature } from "../lib/compact-jws.ts";
import { quote } from "../lib/quote.ts";
import type { RegisteredClient } from "../registration/client.ts";
import { readClientKeys } from "../registration/client-keys.ts";
import { checkIssuerAlgorithm, findIssuerKey } from "../vc/issuer-key.ts";
import {
  parseProof,
  proofEnd,
  proofFingerprint,
  textClaim,
  type ProofWindow,
} from "./proof-jwt.ts";

/** RFC 7523 section 2.2. */
export const JWT_BEARER_ASSERTION_TYPE =
  "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/** What the server wants of a `private_key_jwt` assertion. */
export interface PrivateKeyJwtRequirements extends ProofWindow {
  /** The only audience: the issuer identifier, or the `registration_client_uri` to manage a registration. */
  readonly audience: string;
}

/** An assertion whose every check passed. */
export interface VerifiedPrivateKeyJwt {
  readonly kind: "private_key_jwt";
  readonly keyId: string;
  readonly algorithm: string;
  /** Single use: whoever takes the assertion claims it. */
  readonly tokenId: string;
  /** Epoch seconds. */
  readonly expiresAt: number;
  readonly fingerprint: string;
}

const TYPES = [undefined, "jwt", "client-authentication+jwt"];
const HEADER = ["alg", "kid", "typ"];

/**
 * The client that an assertion says it is from, before anything of it is verified: to find its keys by.
 *
 * @throws {DcrError} `statement_malformed`, `statement_too_large`, `header_invalid`, `claims_invalid`
 */
export function readAssertionClient(assertion: string): string {
  const { payload } = parseProof(assertion, TYPES, HEADER);
  const subject = textClaim(payload, "sub");
  if (payload["iss"] !== subject) {
    throw new DcrError(
      "claims_invalid",
      "expected iss and sub to be the client_id, got two values",
    );
  }
  return subject;
}

/**
 * Verifies a `private_key_jwt` assertion with the keys that the client registered, and no others.
 *
 * @throws {DcrError} why not
 * @see RFC 7523 section 3; draft-ietf-oauth-rfc7523bis
 */
export async function verifyPrivateKeyJwt(
  assertion: string,
  client: RegisteredClient,
  requirements: PrivateKeyJwtRequirements,
): Promise<VerifiedPrivateKeyJwt> {
  const jws = parseProof(assertion, TYPES, HEADER);
  const { header, payload } = jws;
  const algorithm = checkIssuerAlgorithm(header["alg"]);
  const { kid } = header;
  if (kid !== undefined && typeof kid !== "string")
    throw new DcrError("header_invalid", "expected kid as a text");
  const { keys } = readClientKeys(client.metadata);
  const issuer = client.clientId;
  const key = findIssuerKey({ issuer, keys }, kid, algorithm);
  if (!(await verifySignature(assertion, key.jwk, algorithm))) {
    throw new DcrError(
      "signature_invalid",
      "expected a signature by a key of the client, got one that does not verify",
    );
  }
  if (payload["iss"] !== issuer || payload["sub"] !== issuer) {
    throw new DcrError(
      "client_mismatch",
      "expected iss and sub to be the client_id",
    );
  }
  checkSoleAudience(payload["aud"], requirements.audience);
  if (payload["exp"] === undefined)
    throw new DcrError("claims_invalid", "expected exp, got none");
  const expiresAt = proofEnd(payload, requirements);
  return {
    kind: "private_key_jwt",
    keyId: key.id ?? "",
    algorithm,
    tokenId: textClaim(payload, "jti"),
    expiresAt,
    fingerprint: proofFingerprint(jws),
  };
}

/** One audience, as text or as a list of one; compared byte for byte. */
function checkSoleAudience(aud: unknown, wanted: string): void {
  const values: readonly unknown[] = Array.isArray(aud) ? aud : [aud];
  if (values.length === 1 && values[0] === wanted) return;
  throw new DcrError(
    "audience_mismatch",
    `expected ${quote(wanted)} as the only audience, got another`,
  );
}
