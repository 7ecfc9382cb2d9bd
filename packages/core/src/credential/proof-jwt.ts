import { createHash } from "node:crypto";
import { DcrError } from "../errors.ts";
import type { JsonObject, JsonValue } from "../json/index.ts";
import { parseCompactJws, type UnverifiedJws } from "../lib/compact-jws.ts";

/** A proof is small: what is larger is refused unread. */
const MAX_PROOF_BYTES = 8 * 1024;

/** What a proof JWT has to say of its time. Seconds. */
export interface ProofWindow {
  /** Epoch seconds. */
  readonly now: number;
  readonly clockToleranceSeconds: number;
  /** Ceiling for how long a proof is good. */
  readonly maxLifetimeSeconds: number;
}

/**
 * Takes a proof apart, strictly, and checks that its header holds nothing but what it may.
 *
 * @throws {DcrError} `statement_malformed`, `statement_too_large`, `header_invalid`
 */
export function parseProof(
  token: string,
  types: readonly (string | undefined)[],
  members: readonly string[],
): UnverifiedJws {
  const jws = parseCompactJws(token, MAX_PROOF_BYTES);
  const { typ } = jws.header;
  const isAbsent = typ === undefined && types.includes(undefined);
  const isKnown =
    typeof typ === "string" &&
    types.includes(typ.toLowerCase().replace(/^application\//, ""));
  if (!isAbsent && !isKnown) {
    throw new DcrError(
      "header_invalid",
      `expected typ ${types.map((each) => each ?? "none").join(" or ")}, got another`,
    );
  }
  const others = Object.keys(jws.header).filter(
    (name) => !members.includes(name),
  );
  if (others.length > 0) {
    throw new DcrError(
      "header_invalid",
      `expected header members of ${members.join(", ")}, got another`,
    );
  }
  return jws;
}

/** A text claim of a proof, at most as long as an identifier may be. */
export function textClaim(payload: JsonObject, name: string): string {
  const value = payload[name];
  if (typeof value === "string" && value !== "" && value.length <= 2048)
    return value;
  throw new DcrError("claims_invalid", `expected ${name} as a text, got none`);
}

/** A time claim of a proof, epoch seconds; undefined where it is absent. */
export function timeClaim(
  payload: JsonObject,
  name: string,
): number | undefined {
  const value: JsonValue | undefined = payload[name];
  if (value === undefined) return undefined;
  if (typeof value === "number" && Number.isFinite(value) && value >= 0)
    return value;
  throw new DcrError(
    "claims_invalid",
    `expected ${name} as epoch seconds, got another value`,
  );
}

/**
 * When a proof with `exp` or, lacking that, `iat` ends; it must be good now, and not for too long.
 *
 * @throws {DcrError} `claims_invalid`, `credential_expired`, `credential_not_yet_valid`,
 * `credential_lifetime_too_long`
 */
export function proofEnd(payload: JsonObject, window: ProofWindow): number {
  const { now, clockToleranceSeconds, maxLifetimeSeconds } = window;
  const issuedAt = timeClaim(payload, "iat");
  const notBefore = timeClaim(payload, "nbf");
  const stated = timeClaim(payload, "exp");
  const end =
    stated ??
    (issuedAt === undefined ? undefined : issuedAt + maxLifetimeSeconds);
  if (end === undefined)
    throw new DcrError("claims_invalid", "expected exp or iat, got neither");
  if (Math.max(issuedAt ?? 0, notBefore ?? 0) > now + clockToleranceSeconds) {
    throw new DcrError(
      "credential_not_yet_valid",
      "the proof is not valid yet by the server's clock",
    );
  }
  if (end + clockToleranceSeconds <= now)
    throw new DcrError("credential_expired", "the proof has expired");
  if (end - now > maxLifetimeSeconds + clockToleranceSeconds) {
    throw new DcrError(
      "credential_lifetime_too_long",
      `expected a proof that is good for at most ${maxLifetimeSeconds} seconds, got one for longer`,
    );
  }
  return end;
}

/** Names a proof in logs and audit without being it. */
export function proofFingerprint({ signingInput }: UnverifiedJws): string {
  return createHash("sha256").update(signingInput).digest("base64url");
}
