import type { CheckListener } from "../credential/checks.ts";
import type { JsonObject, JsonValue } from "../json/index.ts";
import {
  MAX_TOKEN_BYTES,
  parseCompactJws,
  type UnverifiedJws,
} from "../lib/compact-jws.ts";
import { shown } from "../lib/quote.ts";
import { refuse } from "../lib/refuse.ts";
import { CREDENTIAL_CHECKS, makeStepper } from "./steps.ts";
import type { CredentialFormat } from "./trust.ts";

/** What a software statement is, by its own account. */
export type CredentialKind = "jwt-svid" | CredentialFormat;

/** A statement taken apart; nothing about it is verified. */
export interface UnverifiedStatement {
  /** The one JWS, or the issuer-signed JWT of an SD-JWT. */
  readonly jws: UnverifiedJws;
  /** What follows the issuer-signed JWT; undefined for a plain JWS. */
  readonly sdJwt: SdJwtParts | undefined;
}

/** The parts of an SD-JWT after its issuer-signed JWT (RFC 9901 section 4). */
export interface SdJwtParts {
  /** As they are written, base64url. */
  readonly disclosures: readonly string[];
  readonly keyBindingJwt: string | undefined;
  /** Everything up to and with the last `~`: what a Key Binding JWT's `sd_hash` covers. */
  readonly presented: string;
}

/** More would be an attack: each is hashed, and each of 16 KiB's worth is at least a dozen bytes. */
const MAX_DISCLOSURES = 200;

/**
 * Says what a software statement is, before any key is chosen. Its form decides first (`~` stands in every
 * SD-JWT and in no JWS), then `typ`, then for the untyped the claim that makes a JWT a credential. What it
 * is here it has to be to the end: no verifier falls back to another kind.
 *
 * @throws {DcrError} `statement_too_large`, `statement_malformed`, `credential_kind_unsupported`
 * @see RFC 8725 sections 3.11 and 3.12
 */
export function detectCredentialKind(
  statement: string,
  onCheck?: CheckListener,
): CredentialKind {
  const failures: CheckListener = (result) => {
    if (result.verdict === "fail") onCheck?.(result);
  };
  const step = makeStepper(CREDENTIAL_CHECKS, failures);
  const parts = step("form", "", () => splitStatement(statement));
  return step("kind", "", () => kindOfStatement(parts));
}

/**
 * Takes a statement apart at its `~` signs, where it has any, and reads its JWS.
 *
 * @throws {DcrError} `statement_too_large`, `statement_malformed`
 * @see RFC 9901 section 4
 */
export function splitStatement(statement: string): UnverifiedStatement {
  if (statement.length > MAX_TOKEN_BYTES) {
    refuse(
      "statement_too_large",
      `a token of at most ${MAX_TOKEN_BYTES} bytes`,
      `${statement.length}`,
    );
  }
  const last = statement.lastIndexOf("~");
  if (last === -1) return { jws: parseCompactJws(statement), sdJwt: undefined };
  const [jwt = "", ...disclosures] = statement.slice(0, last).split("~");
  if (disclosures.length > MAX_DISCLOSURES) {
    refuse(
      "statement_malformed",
      `at most ${MAX_DISCLOSURES} disclosures`,
      `${disclosures.length}`,
    );
  }
  return {
    jws: parseCompactJws(jwt),
    sdJwt: {
      disclosures,
      keyBindingJwt: statement.slice(last + 1) || undefined,
      presented: statement.slice(0, last + 1),
    },
  };
}

/**
 * @throws {DcrError} `credential_kind_unsupported`
 * @see SD-JWT VC section 3.2.1; vc-jose-cose section 3.1.1; JWT-SVID section 2.3
 */
export function kindOfStatement({
  jws: { header, payload },
  sdJwt,
}: UnverifiedStatement): CredentialKind {
  const type = mediaType(header["typ"]);
  const isSdJwt = type === "dc+sd-jwt" || type === "vc+sd-jwt";
  if (isSdJwt !== (sdJwt !== undefined)) {
    refuse(
      "credential_kind_unsupported",
      "an SD-JWT VC to say so by its typ and to end its issuer-signed JWT with ~",
      sdJwt === undefined ? "no ~" : `typ ${shown(header["typ"])}`,
    );
  }
  if (isSdJwt) return "dc+sd-jwt";
  if (type === "vc+jwt") return "vc+jwt";
  if (type === undefined || type === "jwt" || type === "jose")
    return isObject(payload["vc"]) ? "jwt_vc" : "jwt-svid";
  return refuse(
    "credential_kind_unsupported",
    "a JWT-SVID or a Verifiable Credential as VC-JWT, vc+jwt or dc+sd-jwt",
    `typ ${shown(header["typ"])}`,
  );
}

/** A `typ` as RFC 7515 section 4.1.9 lets it be written; undefined where there is none. */
function mediaType(typ: JsonValue | undefined): string | undefined {
  if (typ === undefined) return undefined;
  return typeof typ === "string"
    ? typ.toLowerCase().replace(/^application\//, "")
    : "";
}

/** Whether a value is a JSON object. */
export function isObject(value: JsonValue | undefined): value is JsonObject {
  return value !== null && typeof value === "object" && !Array.isArray(value);
}
