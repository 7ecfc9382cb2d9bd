import { createHash } from "node:crypto";
import type { JWK } from "jose";
import type { CheckListener } from "../credential/checks.ts";
import type { JsonObject, JsonValue } from "../json/index.ts";
import { verifySignature } from "../lib/compact-jws.ts";
import { quote } from "../lib/quote.ts";
import { refuse } from "../lib/refuse.ts";
import { checkAudience } from "../spiffe/jwt-svid-claims.ts";
import type { TrustSource } from "../trust/index.ts";
import type { CredentialContent } from "./credential-content.ts";
import {
  checkCredentialAlgorithm,
  checkCredentialHeader,
} from "./credential-header.ts";
import {
  checkProfile,
  DEFAULT_PROFILES,
  issuerOf,
  readContent,
  type CredentialProfile,
} from "./credential-profile.ts";
import {
  checkFormat,
  checkType,
  findCredentialIssuer,
  findCredentialKey,
} from "./credential-trust.ts";
import { digestHash, discloseClaims } from "./disclosures.ts";
import { readHolderKey } from "./holder-key.ts";
import type { IssuerAlgorithm, IssuerKey } from "./issuer-key.ts";
import { verifyKeyBinding, type KeyProof } from "./key-binding.ts";
import { isObject, splitStatement, type UnverifiedStatement } from "./kind.ts";
import { OPEN_CLAIMS } from "./sd-jwt-vc.ts";
import { isInformational } from "./status-list.ts";
import type { StatusReference } from "./status-reference.ts";
import { CREDENTIAL_CHECKS, makeStepper } from "./steps.ts";
import type { CredentialFormat, CredentialIssuerTrust } from "./trust.ts";
import { checkValidity } from "./validity.ts";
import { checkVcdm2KeyId } from "./vcdm2.ts";

/** What the registration endpoint wants of a credential. All times in seconds. */
export interface CredentialRequirements {
  /** Where the credential or a Key Binding JWT has an `aud`, one of these is the only one. */
  readonly audiences: readonly string[];
  /** Epoch seconds. */
  readonly now: number;
  readonly clockToleranceSeconds: number;
  /** Ceiling for the time from issuance to expiry, beside the issuer's own; undefined sets none. */
  readonly maxLifetimeSeconds?: number | undefined;
  readonly onCheck?: CheckListener | undefined;
  /** All but `vcj23` unless it says otherwise. */
  readonly profiles?: readonly CredentialProfile[] | undefined;
}

declare const verified: unique symbol;

/** A Verifiable Credential whose every check but that of its status passed. Only {@link verifyCredential} makes one. */
export interface VerifiedVc {
  readonly [verified]: true;
  readonly kind: "vc";
  readonly format: CredentialFormat;
  readonly issuer: string;
  readonly subject: string;
  readonly credentialId: string | undefined;
  readonly types: readonly string[];
  /** Where client metadata stands, and other members with it. */
  readonly claims: JsonObject;
  readonly algorithm: IssuerAlgorithm;
  /** The key that verified it, as its source names it. */
  readonly keyId: string;
  /** Epoch seconds. */
  readonly issuedAt: number | undefined;
  /** Epoch seconds: the earliest of all the ends it has. */
  readonly expiresAt: number;
  readonly audience: string | undefined;
  /** The holder's key, public and judged usable (VC-14). */
  readonly confirmationJwk: Readonly<JWK> | undefined;
  /** The Key Binding JWT by which the presenter proved to hold that key. */
  readonly keyProof: KeyProof | undefined;
  /** Where its status shows; nothing has been asked yet. Empty where the trust source says not to ask. */
  readonly status: readonly StatusReference[];
  /** base64url SHA-256 of the signed `header.payload`: names the credential in logs without being it. */
  readonly fingerprint: string;
  readonly tokenId: string | undefined;
}

/**
 * Verifies a Verifiable Credential of an issuer that the server was told to trust, by the rules of its own
 * format and no other. Its status is left to the caller, who asks only now that all else holds (STAT-01).
 *
 * The order is a security property: form before content, the issuer's trust before its keys, the signature
 * before anything the credential says (DCR-TI-01).
 *
 * @throws {DcrError} one code for each check that fails; `source_unavailable` when no keys are held
 * @see draft-kasselman-oauth-dcr-trusted-issuer-token section 5.2
 */
export async function verifyCredential(
  statement: string,
  trust: TrustSource,
  requirements: CredentialRequirements,
): Promise<VerifiedVc> {
  const step = makeStepper(CREDENTIAL_CHECKS, requirements.onCheck);

  // 1. What it is, before anything in it is believed.
  const parts = step("form", "strict compact JWS or SD-JWT", () =>
    splitStatement(statement),
  );
  const { jws, sdJwt } = parts;
  const { format, profile } = step(
    "kind",
    "a credential by its own account",
    () => checkProfile(parts, requirements.profiles ?? DEFAULT_PROFILES),
  );
  const { kid, x5c } = step("header", "no key or extension in the header", () =>
    checkCredentialHeader(jws.header, format),
  );
  step("algorithm", "an algorithm for credentials", () =>
    checkCredentialAlgorithm(jws.header["alg"]),
  );

  // 2. Whose keys decide: the issuer that it names, if the server was told to trust it.
  const source = step("trust", "issuer is configured", () =>
    findCredentialIssuer(issuerOf(jws.payload, profile), trust),
  );
  const algorithm = step(
    "format",
    "format and algorithm of this issuer",
    () => {
      checkFormat(format, source);
      return checkCredentialAlgorithm(jws.header["alg"], source.algorithms);
    },
  );
  const key = await step("key", "one key of that issuer fits", () => {
    if (profile === "vcdm2") checkVcdm2KeyId(kid, source.issuer, jws.payload);
    return findCredentialKey(source, { kid, algorithm, x5c }, requirements.now);
  });

  // 3. The signature.
  await step("signature", "signature verifies", async () => {
    if (!(await verifySignature(jws.token, key.jwk, algorithm)))
      refuse(
        "signature_invalid",
        `a signature by a key of ${quote(source.issuer)}`,
        "one that does not verify",
      );
  });

  // 4. What the credential says, now that it is known who says it.
  const payload =
    sdJwt === undefined
      ? jws.payload
      : step("disclosures", "each belongs, none hides what must be open", () =>
          discloseClaims(jws.token, jws.payload, sdJwt, OPEN_CLAIMS),
        );
  const content = step("model", "one credential of its data model", () =>
    readContent(payload, profile),
  );
  const validity = step("time", "inside its validity", () =>
    checkValidity(payload, content, {
      ...requirements,
      maxLifetimeSeconds: Math.min(
        source.maxLifetimeSeconds,
        requirements.maxLifetimeSeconds ?? Infinity,
      ),
    }),
  );
  const audience = step(
    "audience",
    "for this endpoint alone, or for any",
    () =>
      payload["aud"] === undefined
        ? undefined
        : checkAudience(payload["aud"], requirements.audiences),
  );
  step("type", "a type that may register clients", () =>
    checkType(content, source),
  );

  // 5. Whose it is.
  const holderKey = step(
    "holder",
    "holder's key as the trust source says",
    () => readHolderKey(payload["cnf"], source.keyBinding),
  );
  const keyProof = await step(
    "key binding",
    "key proven where it has to be",
    () => proveKey(parts, holderKey, source, requirements),
  );
  const status = step("status", "says where its status shows, if it must", () =>
    statusOf(content, source),
  );
  const tokenId = payload["jti"];

  return {
    kind: "vc",
    format,
    issuer: source.issuer,
    subject: content.subject,
    credentialId: content.credentialId,
    types: content.types,
    claims: content.claims,
    algorithm,
    keyId: key.id ?? kid ?? "",
    ...validity,
    audience,
    confirmationJwk: holderKey && named(holderKey.jwk, payload["cnf"]),
    keyProof,
    status,
    fingerprint: createHash("sha256")
      .update(jws.signingInput)
      .digest("base64url"),
    tokenId: typeof tokenId === "string" ? tokenId : undefined,
  } as VerifiedVc;
}

function statusOf(
  { status }: CredentialContent,
  { status: rule }: CredentialIssuerTrust,
): readonly StatusReference[] {
  if (rule === "required" && !status.some(tellsOfRevocation))
    refuse(
      "claims_invalid",
      "a status that tells of revocation, as the trust source requires",
      "none",
    );
  // Kept whatever the rule: it may be another one later.
  return status;
}

/** An entry with a purpose that refuses nobody tells nothing (STAT-10). */
function tellsOfRevocation(reference: StatusReference): boolean {
  return !("purpose" in reference && isInformational(reference.purpose));
}

/** The holder's key under the name that the credential gives it, by which its holder may call it. */
function named(jwk: Readonly<JWK>, cnf: JsonValue | undefined): Readonly<JWK> {
  const given = isObject(cnf) && isObject(cnf["jwk"]) ? cnf["jwk"] : {};
  return typeof given["kid"] === "string" ? { ...jwk, kid: given["kid"] } : jwk;
}

/**
 * The presenter's proof of the holder's key; undefined where there is none. A Key Binding JWT that is there has to be good, whether or
 * not the trust source asks for one.
 */
async function proveKey(
  { jws, sdJwt }: UnverifiedStatement,
  holderKey: IssuerKey | undefined,
  { keyBinding }: CredentialIssuerTrust,
  requirements: CredentialRequirements,
): Promise<KeyProof | undefined> {
  if (sdJwt?.keyBindingJwt === undefined) {
    return keyBinding === "kb_jwt"
      ? refuse(
          "key_binding_invalid",
          "a Key Binding JWT, as the trust source requires",
          "none",
        )
      : undefined;
  }
  const { keyBindingJwt, presented } = sdJwt;
  const hash = digestHash(jws.payload);
  return verifyKeyBinding(
    keyBindingJwt,
    { holderKey, presented, hash },
    requirements,
  );
}
