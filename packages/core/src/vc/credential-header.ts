import type { JsonObject, JsonValue } from "../json/index.ts";
import { kindOf, shown } from "../lib/quote.ts";
import { refuse } from "../lib/refuse.ts";
import { ISSUER_ALGORITHMS, type IssuerAlgorithm } from "./issuer-key.ts";
import type { CredentialFormat } from "./trust.ts";

/**
 * The algorithms that a credential may be signed with (VC-02): asymmetric, and of PKCS #1 v1.5 the one that
 * every issuer has.
 */
export const CREDENTIAL_ALGORITHMS: readonly IssuerAlgorithm[] =
  ISSUER_ALGORITHMS.filter((name) => name !== "RS384" && name !== "RS512");

/** Members that bring keys, fetch them, or change what the rest means. */
const FORBIDDEN_MEMBERS = ["crit", "b64", "jwk", "jku", "x5u", "zip"];
/** DID URLs are long; one of a did:jwk holds a key. */
const MAX_KEY_ID_LENGTH = 2048;
const MAX_CERTIFICATES = 8;

/** What the header says of the key. */
export interface CredentialHeader {
  readonly kid: string | undefined;
  readonly x5c: readonly string[] | undefined;
}

/**
 * Reads the header of a credential. Unlike a JWT-SVID's it may have members that nobody knows (VC-08), but
 * none that bring a key or change how the token is read (SEC-01, J04, J07).
 *
 * @throws {DcrError} `header_invalid`
 * @see RFC 8725 section 3.10; RFC 7515 section 4.1
 */
export function checkCredentialHeader(
  header: JsonObject,
  format: CredentialFormat,
): CredentialHeader {
  refuseForbiddenMembers(header);
  const { typ, cty } = header;
  if (format === "jwt_vc" && typ !== undefined && typ !== "JWT")
    refuse("header_invalid", "typ to be JWT or absent", shown(typ));
  if (cty !== undefined && !isContentType(cty, format)) {
    refuse(
      "header_invalid",
      format === "vc+jwt" ? "cty to be vc or absent" : "no JWT inside the JWT",
      `cty ${shown(cty)}`,
    );
  }
  return {
    kid: readKeyId(header["kid"]),
    x5c: readCertificates(header["x5c"]),
  };
}

/**
 * @throws {DcrError} `header_invalid`
 * @see RFC 7515 section 4.1.11
 */
export function refuseForbiddenMembers(header: JsonObject): void {
  for (const name of FORBIDDEN_MEMBERS) {
    if (header[name] !== undefined)
      refuse("header_invalid", `no ${name} in the JOSE header`, "one");
  }
}

/** The algorithm, where both this server and the issuer's configuration allow it.
 *
 * @throws {DcrError} `algorithm_not_allowed`
 * @see RFC 8725 section 3.1
 */
export function checkCredentialAlgorithm(
  alg: JsonValue | undefined,
  allowed: readonly string[] = CREDENTIAL_ALGORITHMS,
): IssuerAlgorithm {
  const algorithms = CREDENTIAL_ALGORITHMS.filter((name) =>
    allowed.includes(name),
  );
  return (
    algorithms.find((name) => name === alg) ??
    refuse(
      "algorithm_not_allowed",
      `alg to be one of ${algorithms.join(" ")}`,
      shown(alg),
    )
  );
}

function isContentType(cty: JsonValue, format: CredentialFormat): boolean {
  if (typeof cty !== "string") return false;
  const type = cty.toLowerCase().replace(/^application\//, "");
  return format === "vc+jwt"
    ? type === "vc"
    : !/(?:^|\+)(?:jwt|jwe)$/.test(type);
}

function readKeyId(kid: JsonValue | undefined): string | undefined {
  if (kid === undefined) return undefined;
  return typeof kid === "string" &&
    kid !== "" &&
    kid.length <= MAX_KEY_ID_LENGTH
    ? kid
    : refuse(
        "header_invalid",
        `kid to be a string of 1 to ${MAX_KEY_ID_LENGTH} characters`,
        kindOf(kid),
      );
}

function readCertificates(
  x5c: JsonValue | undefined,
): readonly string[] | undefined {
  if (x5c === undefined) return undefined;
  if (
    Array.isArray(x5c) &&
    x5c.length > 0 &&
    x5c.length <= MAX_CERTIFICATES &&
    x5c.every(isBase64)
  )
    return x5c as readonly string[];
  return refuse(
    "header_invalid",
    `x5c to be 1 to ${MAX_CERTIFICATES} certificates in base64`,
    "another value",
  );
}

/** RFC 7515 section 4.1.6: base64 proper, not base64url. */
function isBase64(value: JsonValue): boolean {
  return (
    typeof value === "string" &&
    value !== "" &&
    Buffer.from(value, "base64").toString("base64") === value
  );
}
