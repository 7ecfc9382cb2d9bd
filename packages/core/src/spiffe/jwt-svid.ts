import { createHash } from "node:crypto";
import type { CheckListener } from "../credential/checks.ts";
import { DcrError } from "../errors.ts";
import type { JsonObject } from "../json/index.ts";
import { parseCompactJws } from "../lib/compact-jws.ts";
import type { TrustSource } from "../trust/index.ts";
import type { SpiffeId } from "./id.ts";
import {
  checkAudience,
  checkIssuer,
  checkSubject,
  checkTimes,
} from "./jwt-svid-claims.ts";
import {
  checkAlgorithm,
  checkHeader,
  checkKind,
  type JwtSvidAlgorithm,
} from "./jwt-svid-header.ts";
import {
  candidateKeys,
  findTrustFor,
  verifyWithOneOf,
} from "./jwt-svid-keys.ts";

/** The named checks and their requirements, in the order they run; `explain` lists them. */
export const JWT_SVID_CHECKS = {
  form: "SVID-01",
  kind: "DCR-TI-18",
  header: "SVID-05",
  algorithm: "SVID-02",
  subject: "SVID-06",
  trust: "DCR-TI-02",
  key: "SVID-03",
  signature: "DCR-TI-07",
  time: "DCR-TI-06",
  audience: "SVID-07",
  issuer: "DCR-TI-04",
} as const;
type CheckName = keyof typeof JWT_SVID_CHECKS;

/** What one endpoint wants of a JWT-SVID. All times in seconds. */
export interface JwtSvidRequirements {
  /** Registration demands `iss` (per trust source) and `iat`; authentication does not (CAUTH-03). */
  readonly purpose: "registration" | "client-authentication";
  /** One of these must be the sole value of `aud`, compared byte for byte. */
  readonly audiences: readonly string[];
  /** Epoch seconds. */
  readonly now: number;
  readonly clockToleranceSeconds: number;
  /** Ceiling for exp - iat (or exp - now where there is no iat). */
  readonly maxLifetimeSeconds: number;
  /** Ceiling for now - iat, where there is an iat. */
  readonly maxAgeSeconds: number;
  readonly onCheck?: CheckListener | undefined;
}

declare const verified: unique symbol;

/** A JWT-SVID whose every check passed. Only {@link verifyJwtSvid} makes one. */
export interface VerifiedJwtSvid {
  readonly [verified]: true;
  readonly kind: "jwt-svid";
  readonly subject: SpiffeId;
  /** All claims of the payload, parsed once by the strict parser. */
  readonly claims: JsonObject;
  readonly algorithm: JwtSvidAlgorithm;
  /** The `kid` of the key that verified it. */
  readonly keyId: string;
  readonly issuer: string | undefined;
  readonly audience: string;
  readonly issuedAt: number | undefined;
  readonly expiresAt: number;
  /** Undefined where `jti` is absent or no string: nothing rests on it (SVID-10). */
  readonly tokenId: string | undefined;
  /** base64url SHA-256 of `header.payload`: names the token in logs and audit without being it. */
  readonly fingerprint: string;
}

/**
 * Verifies a JWT-SVID with the bundle of the trust domain in its `sub` and no other.
 *
 * The order is a security property: form before content, the key's origin before the signature, the
 * signature before any verdict on time, audience or issuer (DCR-TI-01).
 *
 * @throws {DcrError} one code for each check that fails; `source_unavailable` when no bundle is held
 * @see JWT-SVID sections 2 to 5; draft-kasselman-oauth-dcr-trusted-issuer-token section 5.1
 */
export async function verifyJwtSvid(
  token: string,
  trust: TrustSource,
  requirements: JwtSvidRequirements,
): Promise<VerifiedJwtSvid> {
  const step = stepper(requirements.onCheck);

  // 1. What it is, before anything in it is believed.
  const jws = step("form", "strict compact JWS", () => parseCompactJws(token));
  step("kind", "a JWT-SVID by its own account", () => checkKind(jws));
  const keyId = step("header", "header members as the profile allows", () =>
    checkHeader(jws.header),
  );
  const algorithm = step("algorithm", "allowed algorithm", () =>
    checkAlgorithm(jws.header["alg"]),
  );

  // 2. Whose keys decide: the trust domain in sub, and that alone.
  const subject = step("subject", "SPIFFE ID of a workload", () =>
    checkSubject(jws.payload["sub"]),
  );
  const found = await findTrustFor(keyId, subject, trust).catch(asDcrError);
  const held = step("trust", "trust domain is configured and has keys", () => {
    if (found instanceof DcrError) throw found;
    return found;
  });
  const candidates = step("key", "key of that trust domain fits", () =>
    candidateKeys(held, keyId, algorithm),
  );

  // 3. The signature.
  const authority = await verifyWithOneOf(jws, candidates, algorithm);
  step("signature", "signature verifies", () => {
    if (authority !== undefined) return;
    throw new DcrError(
      "signature_invalid",
      `expected a signature by a key of trust domain ${subject.trustDomain}, got one that does not verify`,
    );
  });

  // 4. What the token says of itself, now that it is known who says it.
  const times = step("time", "inside its validity", () =>
    checkTimes(jws.payload, requirements),
  );
  const audience = step("audience", "for this endpoint alone", () =>
    checkAudience(jws.payload["aud"], requirements.audiences),
  );
  const issuer = step("issuer", "issuer as the trust source says", () =>
    checkIssuer(jws.payload["iss"], held.source, requirements.purpose),
  );
  const tokenId = jws.payload["jti"];

  return {
    kind: "jwt-svid",
    subject,
    claims: jws.payload,
    algorithm,
    keyId: authority?.kid ?? "",
    issuer,
    audience,
    ...times,
    tokenId: typeof tokenId === "string" ? tokenId : undefined,
    fingerprint: createHash("sha256")
      .update(jws.signingInput)
      .digest("base64url"),
  } as VerifiedJwtSvid;
}

/** A refusal as a value, for the check that it belongs to; anything else goes on. */
function asDcrError(error: unknown): DcrError {
  if (error instanceof DcrError) return error;
  throw error;
}

/** Runs a check under its name and tells the listener how it went. */
function stepper(listener: CheckListener | undefined) {
  return <T>(check: CheckName, expectation: string, run: () => T): T => {
    if (listener === undefined) return run();
    const requirement = JWT_SVID_CHECKS[check];
    let result: T;
    try {
      result = run();
    } catch (error) {
      const detail = error instanceof Error ? error.message : "failed";
      listener({ check, verdict: "fail", detail, requirement });
      throw error;
    }
    listener({ check, verdict: "pass", detail: expectation, requirement });
    return result;
  };
}
