import type { JsonObject } from "../json/index.ts";
import { refuse } from "../lib/refuse.ts";
import {
  readIdentifier,
  type CredentialContent,
} from "./credential-content.ts";
import { readJwtVc } from "./jwt-vc.ts";
import { kindOfStatement, type UnverifiedStatement } from "./kind.ts";
import { readClaimsCredential } from "./sd-jwt-vc.ts";
import type { CredentialFormat } from "./trust.ts";
import { readVcdm2, readVcdm2Issuer } from "./vcdm2.ts";

/** What a payload may mean; `vcj23` is a `vc+jwt` of plain claims, as an early draft had it (AMB-13). */
export type CredentialProfile = "vcdm1" | "vcdm2" | "sdjwtvc" | "vcj23";
/** All but `vcj23`. */
export const DEFAULT_PROFILES: readonly CredentialProfile[] = [
  "vcdm1",
  "vcdm2",
  "sdjwtvc",
];

const READERS: Readonly<
  Record<CredentialProfile, (payload: JsonObject) => CredentialContent>
> = {
  vcdm1: readJwtVc,
  vcdm2: readVcdm2,
  sdjwtvc: readClaimsCredential,
  vcj23: readClaimsCredential,
};

/**
 * What the statement says it is, if the server takes such.
 *
 * @throws {DcrError} `credential_kind_unsupported`
 */
export function checkProfile(
  parts: UnverifiedStatement,
  allowed: readonly CredentialProfile[],
): { readonly format: CredentialFormat; readonly profile: CredentialProfile } {
  const format = kindOfStatement(parts);
  if (format === "jwt-svid")
    return refuse(
      "credential_kind_unsupported",
      "a Verifiable Credential",
      "a JWT without a vc claim and without typ",
    );
  const profile = profileOf(format, parts.jws.payload);
  return allowed.includes(profile)
    ? { format, profile }
    : refuse(
        "credential_kind_unsupported",
        `a credential of the profiles ${allowed.join(" ")}`,
        profile,
      );
}

function profileOf(
  format: CredentialFormat,
  payload: JsonObject,
): CredentialProfile {
  if (format === "jwt_vc") return "vcdm1";
  if (format === "dc+sd-jwt") return "sdjwtvc";
  return payload["@context"] === undefined ? "vcj23" : "vcdm2";
}

/**
 * The issuer that a payload names, wherever its data model has it; not verified yet.
 *
 * @throws {DcrError} `claims_invalid`, `credential_conflict`
 */
export function issuerOf(
  payload: JsonObject,
  profile: CredentialProfile,
): string {
  return profile === "vcdm2"
    ? readVcdm2Issuer(payload)
    : readIdentifier(payload["iss"], "iss");
}

/**
 * What a payload says by its data model, and by no other.
 *
 * @throws {DcrError} `claims_invalid`, `credential_conflict`
 */
export function readContent(
  payload: JsonObject,
  profile: CredentialProfile,
): CredentialContent {
  return READERS[profile](payload);
}
