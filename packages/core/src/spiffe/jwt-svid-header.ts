import type { JsonObject, JsonValue } from "../json/index.ts";
import type { UnverifiedJws } from "../lib/compact-jws.ts";
import { kindOf, quote, shown } from "../lib/quote.ts";
import { refuse } from "../lib/refuse.ts";

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

const HEADER_MEMBERS = new Set(["alg", "kid", "typ"]);
const MAX_KEY_ID_LENGTH = 256;

/**
 * Refuses what is another kind of credential by its own account, before any key is chosen (DCR-TI-18): a
 * `typ` of another kind, or the `vc` object that makes a plain JWT a Verifiable Credential.
 *
 * @throws {DcrError} `credential_kind_unsupported`
 * @see JWT-SVID section 2.3; RFC 8725 section 3.11
 */
export function checkKind({ header, payload }: UnverifiedJws): void {
  const { typ } = header;
  if (typ !== undefined && typ !== "JWT" && typ !== "JOSE") {
    refuse(
      "credential_kind_unsupported",
      "a JWT-SVID, whose typ is JWT, JOSE or absent",
      `typ ${shown(typ)}`,
    );
  }
  const { vc } = payload;
  if (typeof vc === "object" && vc !== null) {
    refuse(
      "credential_kind_unsupported",
      "a JWT-SVID",
      "a Verifiable Credential, as its vc claim says",
    );
  }
}

/**
 * The profile's issuer may send no header but these; `crit`, `jku`, `jwk` and the like have no place.
 *
 * @returns the `kid`, where there is one
 * @throws {DcrError} `header_invalid`
 * @see JWT-SVID section 2
 */
export function checkHeader(header: JsonObject): string | undefined {
  for (const name of Object.keys(header)) {
    if (!HEADER_MEMBERS.has(name)) {
      refuse(
        "header_invalid",
        "only alg, kid and typ in the JOSE header",
        `${quote(name)} too`,
      );
    }
  }
  const { kid } = header;
  if (kid === undefined) return undefined;
  if (typeof kid !== "string" || kid === "" || kid.length > MAX_KEY_ID_LENGTH) {
    refuse(
      "header_invalid",
      `kid to be a string of 1 to ${MAX_KEY_ID_LENGTH} characters`,
      kindOf(kid),
    );
  }
  return kid;
}

/**
 * @throws {DcrError} `algorithm_not_allowed`
 * @see JWT-SVID section 2.1
 */
export function checkAlgorithm(alg: JsonValue | undefined): JwtSvidAlgorithm {
  const algorithm = JWT_SVID_ALGORITHMS.find((allowed) => allowed === alg);
  return (
    algorithm ??
    refuse(
      "algorithm_not_allowed",
      `alg to be one of ${JWT_SVID_ALGORITHMS.join(" ")}`,
      shown(alg),
    )
  );
}
