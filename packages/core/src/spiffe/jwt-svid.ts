import { createHash } from "node:crypto";
import type { CheckListener } from "../credential/checks.ts";
import { DcrError, type DcrErrorCode } from "../errors.ts";
import type { JsonObject, JsonValue } from "../json/index.ts";
import {
  parseCompactJws,
  verifySignature,
  type UnverifiedJws,
} from "../lib/compact-jws.ts";
import { kindOf, quote } from "../lib/quote.ts";
import type { SpiffeTrust, TrustSource } from "../trust/index.ts";
import type { JwtAuthority } from "./bundle.ts";
import { parseSpiffeId, type SpiffeId } from "./id.ts";

/** The algorithms of JWT-SVID section 2.1 (SVID-02). */
export const JWT_SVID_ALGORITHMS = [
  "RS256",
  "RS384",
  "RS512",
  "ES256",
  "ES384",
  "ES512",
  "PS256",
  "PS384",
  "PS512",
] as const;
export type JwtSvidAlgorithm = (typeof JWT_SVID_ALGORITHMS)[number];

/** The named checks and their requirements, in the order they run; `explain` lists them. */
export const JWT_SVID_CHECKS = {
  form: "SVID-01",
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
  readonly tokenId: string | undefined;
  /** base64url SHA-256 of `header.payload`: names the token in logs and audit without being it. */
  readonly fingerprint: string;
}

const HEADER_MEMBERS = new Set(["alg", "kid", "typ"]);
const MAX_KEY_ID_LENGTH = 256;
/** Without a `kid`, how many keys one token may cost us (AMB-16). */
const MAX_KEYS_TRIED = 8;

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
  const source = step("trust", "trust domain is configured and has keys", () =>
    findTrust(subject, trust),
  );
  const candidates = step("key", "key of that trust domain fits", () =>
    candidateKeys(source, keyId, algorithm),
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
    checkIssuer(jws.payload["iss"], source, requirements.purpose),
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

/** Runs a check under its name and tells the listener how it went. */
function stepper(listener: CheckListener | undefined) {
  return <T>(check: CheckName, expectation: string, run: () => T): T => {
    if (listener === undefined) return run();
    const requirement = JWT_SVID_CHECKS[check];
    try {
      const result = run();
      listener({ check, verdict: "pass", detail: expectation, requirement });
      return result;
    } catch (error) {
      const detail = error instanceof Error ? error.message : "failed";
      listener({ check, verdict: "fail", detail, requirement });
      throw error;
    }
  };
}

/** The profile's issuer may send no header but these; `crit`, `jku`, `jwk` and the like have no place. */
function checkHeader(header: JsonObject): string | undefined {
  for (const name of Object.keys(header)) {
    if (!HEADER_MEMBERS.has(name)) {
      fail(
        "header_invalid",
        "only alg, kid and typ in the JOSE header",
        `${quote(name)} too`,
      );
    }
  }
  const { typ, kid } = header;
  if (typ !== undefined && typ !== "JWT" && typ !== "JOSE") {
    fail("credential_kind_unsupported", "typ JWT or JOSE, or none", shown(typ));
  }
  if (kid === undefined) return undefined;
  if (typeof kid !== "string" || kid === "" || kid.length > MAX_KEY_ID_LENGTH) {
    fail(
      "header_invalid",
      `kid to be a string of 1 to ${MAX_KEY_ID_LENGTH} characters`,
      kindOf(kid),
    );
  }
  return kid;
}

function checkAlgorithm(alg: JsonValue | undefined): JwtSvidAlgorithm {
  const algorithm = JWT_SVID_ALGORITHMS.find((allowed) => allowed === alg);
  return (
    algorithm ??
    fail(
      "algorithm_not_allowed",
      `alg to be one of ${JWT_SVID_ALGORITHMS.join(" ")}`,
      shown(alg),
    )
  );
}

function checkSubject(sub: JsonValue | undefined): SpiffeId {
  if (typeof sub !== "string")
    fail("subject_invalid", "sub to be a SPIFFE ID", kindOf(sub));
  let subject: SpiffeId;
  try {
    subject = parseSpiffeId(sub);
  } catch (cause) {
    if (!(cause instanceof DcrError)) throw cause;
    throw new DcrError("subject_invalid", `sub: ${cause.message}`, { cause });
  }
  if (subject.path === "") {
    fail(
      "subject_not_a_workload",
      "sub to name a workload",
      "the SPIFFE ID of a trust domain",
    );
  }
  return subject;
}

function findTrust(
  subject: SpiffeId,
  trust: TrustSource,
): SpiffeTrust & { readonly bundle: object } {
  const source = trust.spiffe(subject.trustDomain);
  if (source === undefined) {
    throw new DcrError(
      "issuer_untrusted",
      `trust domain ${subject.trustDomain} is not one this server trusts`,
    );
  }
  const { bundle } = source;
  if (bundle === undefined) {
    throw new DcrError(
      "source_unavailable",
      `the keys of trust domain ${subject.trustDomain} are not available now; try again later`,
      { data: { trustDomain: subject.trustDomain } },
    );
  }
  return { ...source, bundle };
}

function candidateKeys(
  source: SpiffeTrust,
  keyId: string | undefined,
  algorithm: JwtSvidAlgorithm,
): readonly JwtAuthority[] {
  const authorities =
    source.bundle?.jwtAuthorities ?? new Map<string, JwtAuthority>();
  if (keyId === undefined && source.keyId === "required") {
    fail(
      "key_id_missing",
      `kid in the header, as the trust source ${source.trustDomain} requires`,
      "none",
    );
  }
  // A kid names its key: no other is tried when that one is absent or does not verify (J08).
  const named =
    keyId === undefined ? [...authorities.values()] : [authorities.get(keyId)];
  const fitting = named.filter(
    (authority): authority is JwtAuthority =>
      authority?.algorithms.includes(algorithm) === true,
  );
  if (fitting.length === 0) {
    const which = keyId === undefined ? "any key" : `key ${quote(keyId)}`;
    fail(
      "key_not_found",
      `${which} for ${algorithm} in the bundle of ${source.trustDomain}`,
      "no such key",
    );
  }
  return fitting.slice(0, MAX_KEYS_TRIED);
}

async function verifyWithOneOf(
  { token }: UnverifiedJws,
  candidates: readonly JwtAuthority[],
  algorithm: JwtSvidAlgorithm,
): Promise<JwtAuthority | undefined> {
  for (const authority of candidates) {
    if (await verifySignature(token, authority.jwk, algorithm))
      return authority;
  }
  return undefined;
}

function checkTimes(
  { exp, iat, nbf }: JsonObject,
  {
    purpose,
    now,
    clockToleranceSeconds: tolerance,
    maxLifetimeSeconds,
    maxAgeSeconds,
  }: JwtSvidRequirements,
): { readonly issuedAt: number | undefined; readonly expiresAt: number } {
  if (exp === undefined) fail("claims_invalid", "an exp claim", "none");
  const expiresAt = numericDate(exp, "exp");
  if (iat === undefined && purpose === "registration") {
    fail("claims_invalid", "an iat claim, which registration requires", "none");
  }
  const issuedAt = iat === undefined ? undefined : numericDate(iat, "iat");
  const notBefore = nbf === undefined ? undefined : numericDate(nbf, "nbf");

  if (now >= expiresAt + tolerance) {
    fail("credential_expired", `exp after ${now}`, `${expiresAt}`);
  }
  if (notBefore !== undefined && notBefore > now + tolerance) {
    fail("credential_not_yet_valid", `nbf not after ${now}`, `${notBefore}`);
  }
  if (issuedAt !== undefined) {
    if (issuedAt > now + tolerance)
      fail("credential_not_yet_valid", `iat not after ${now}`, `${issuedAt}`);
    if (issuedAt > expiresAt)
      fail(
        "claims_invalid",
        "iat not after exp",
        `iat ${issuedAt}, exp ${expiresAt}`,
      );
    if (now - issuedAt > maxAgeSeconds + tolerance) {
      fail(
        "credential_too_old",
        `a credential issued at most ${maxAgeSeconds} s ago`,
        `${now - issuedAt} s`,
      );
    }
  }
  const lifetime = expiresAt - (issuedAt ?? now);
  const slack = issuedAt === undefined ? tolerance : 0;
  if (lifetime > maxLifetimeSeconds + slack) {
    fail(
      "credential_lifetime_too_long",
      `a lifetime of at most ${maxLifetimeSeconds} s`,
      `${lifetime} s`,
    );
  }
  return { issuedAt, expiresAt };
}

/** A NumericDate in whole seconds: a fraction or an exponent would be a trap for other parsers. */
function numericDate(value: JsonValue, name: string): number {
  if (typeof value !== "number" || !Number.isSafeInteger(value) || value < 0) {
    return fail(
      "claims_invalid",
      `${name} to be whole epoch seconds`,
      kindOf(value),
    );
  }
  return value;
}

function checkAudience(
  aud: JsonValue | undefined,
  accepted: readonly string[],
): string {
  const values = Array.isArray(aud) ? (aud as readonly JsonValue[]) : [aud];
  const [value] = values;
  if (values.length !== 1 || typeof value !== "string") {
    fail(
      "audience_mismatch",
      `${accepted[0]} as the only aud`,
      Array.isArray(aud) ? `${values.length} values` : kindOf(aud),
    );
  }
  if (!accepted.includes(value)) {
    fail(
      "audience_mismatch",
      `${accepted.join(" or ")} as the only aud`,
      shown(value),
    );
  }
  return value;
}

function checkIssuer(
  iss: JsonValue | undefined,
  { issuer: rule, trustDomain }: SpiffeTrust,
  purpose: JwtSvidRequirements["purpose"],
): string | undefined {
  if (rule.mode === "ignore") return typeof iss === "string" ? iss : undefined;
  if (iss === undefined) {
    if (purpose === "client-authentication" || rule.mode === "if_present")
      return undefined;
    throw new DcrError(
      "issuer_mismatch",
      `expected iss to be ${rule.values.join(" or ")}, got none: set jwt_issuer in SPIRE, or iss.mode: if_present for ${trustDomain} here`,
    );
  }
  if (typeof iss !== "string" || !rule.values.includes(iss)) {
    fail(
      "issuer_mismatch",
      `iss to be ${rule.values.join(" or ")}`,
      shown(iss),
    );
  }
  return iss;
}

function fail(code: DcrErrorCode, expected: string, came: string): never {
  throw new DcrError(code, `expected ${expected}, got ${came}`);
}

/** A value of the caller's, as far as a message may quote it. */
function shown(value: JsonValue | undefined): string {
  return typeof value === "string" ? quote(value) : kindOf(value);
}
