import type { JsonObject } from "../json/index.ts";
import { kindOf, shown } from "../lib/quote.ts";
import { refuse } from "../lib/refuse.ts";
import { refuseForbiddenMembers } from "../vc/credential-header.ts";

/** WIT-SVID section 2.3, and what client attestation calls the same thing (CAUTH-09). */
const TYPES = ["wit+jwt", "oauth-client-attestation+jwt"];
const MAX_KEY_ID_LENGTH = 256;

/**
 * What a WIT-SVID is has to be in its `typ`, since the claims of other tokens look alike (J22).
 *
 * @throws {DcrError} `credential_kind_unsupported`
 * @see WIT-SVID section 2.3; draft-ietf-oauth-attestation-based-client-auth section 5.1
 */
export function checkWitKind({ typ }: JsonObject): void {
  if (typeof typ === "string" && TYPES.includes(typ)) return;
  refuse(
    "credential_kind_unsupported",
    `a WIT-SVID, whose typ is ${TYPES.join(" or ")}`,
    `typ ${shown(typ)}`,
  );
}

/**
 * Reads the header. Members that nobody knows are ignored, as the profile wants; those that bring a key or
 * change how the token is read are not.
 *
 * @returns the `kid`
 * @throws {DcrError} `header_invalid`, `key_id_missing`
 * @see WIT-SVID section 2
 */
export function checkWitHeader(header: JsonObject): string {
  refuseForbiddenMembers(header);
  if (header["x5c"] !== undefined)
    refuse("header_invalid", "no x5c in the JOSE header", "one");
  const { kid } = header;
  if (kid === undefined)
    refuse("key_id_missing", "kid in the header of a WIT-SVID", "none");
  if (typeof kid !== "string" || kid === "" || kid.length > MAX_KEY_ID_LENGTH) {
    refuse(
      "header_invalid",
      `kid to be a string of 1 to ${MAX_KEY_ID_LENGTH} characters`,
      kindOf(kid),
    );
  }
  return kid;
}
