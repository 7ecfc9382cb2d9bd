import type { JsonObject } from "../json/index.ts";
import { kindOf } from "../lib/quote.ts";
import { refuse } from "../lib/refuse.ts";
import {
  readIdentifier,
  readOptionalIdentifier,
  readTexts,
  refuseMetadataTwice,
  type CredentialContent,
} from "./credential-content.ts";
import { readStatusReferences } from "./credential-status.ts";
import { isObject } from "./kind.ts";

/** Claims that an SD-JWT VC has to show to everybody (VC-10). */
export const OPEN_CLAIMS: ReadonlySet<string> = new Set([
  "iss",
  "nbf",
  "exp",
  "cnf",
  "vct",
  "vct#integrity",
  "aka_vcts",
  "status",
  "credentialStatus",
]);

/**
 * Reads the claims of an SD-JWT VC once its disclosures are in place, or of a credential that is nothing but
 * JWT claims. `vct` is a name, even where it is a URL: nothing is fetched (V11).
 *
 * @throws {DcrError} `claims_invalid`, `credential_conflict`
 * @see SD-JWT VC section 3.2.2
 */
export function readClaimsCredential(claims: JsonObject): CredentialContent {
  const { vct, aka_vcts: others, vc, vp, credentialSubject, exp } = claims;
  if (vc !== undefined || vp !== undefined)
    refuse("claims_invalid", "neither a vc nor a vp claim", "one");
  if (typeof vct !== "string" || vct === "")
    return refuse("claims_invalid", "vct to name the type", kindOf(vct));
  if (exp === undefined) refuse("claims_invalid", "an exp claim", "none");
  if (isObject(credentialSubject))
    refuseMetadataTwice(credentialSubject, claims);
  return {
    subject: readIdentifier(claims["sub"], "sub"),
    credentialId: readOptionalIdentifier(claims["jti"], "jti"),
    types: [
      vct,
      ...(others === undefined ? [] : readTexts(others, "aka_vcts")),
    ],
    claims,
    validFrom: undefined,
    validUntil: undefined,
    status: readStatusReferences(claims["credentialStatus"], claims["status"]),
  };
}
