import type { JsonObject } from "../json/index.ts";
import { refuse } from "../lib/refuse.ts";
import {
  agree,
  checkContext,
  readIssuer,
  readOptionalIdentifier,
  readSubject,
  readTypes,
  refuseMetadataTwice,
  type CredentialContent,
} from "./credential-content.ts";
import { readStatusReferences } from "./credential-status.ts";
import { readDateTime, readNumericDate } from "./date-time.ts";
import { isObject } from "./kind.ts";

const CONTEXT = "https://www.w3.org/2018/credentials/v1";

/**
 * Reads a VC-JWT of the data model 1.1: the credential is the `vc` claim, and the JWT's claims stand for
 * some of its properties. Where both are there they have to agree.
 *
 * @throws {DcrError} `claims_invalid`, `credential_conflict`
 * @see Verifiable Credentials Data Model 1.1 section 6.3.1
 */
export function readJwtVc(payload: JsonObject): CredentialContent {
  const { vc, vp, exp, nbf, iss, sub, jti } = payload;
  if (!isObject(vc) || vp !== undefined)
    return refuse("claims_invalid", "a vc claim and no vp claim", "another");
  checkContext(vc["@context"], CONTEXT);
  const types = readTypes(vc["type"]);
  const credentialSubject = readSubject(vc["credentialSubject"]);
  refuseMetadataTwice(credentialSubject, vc, payload);
  if (exp === undefined) refuse("claims_invalid", "an exp claim", "none");

  const { expirationDate, issuanceDate } = vc;
  const validUntil =
    expirationDate === undefined
      ? undefined
      : readDateTime(expirationDate, "expirationDate");
  const validFrom =
    issuanceDate === undefined
      ? undefined
      : readDateTime(issuanceDate, "issuanceDate");
  agree(
    readNumericDate(exp, "exp"),
    whole(validUntil),
    "exp and expirationDate",
  );
  if (nbf !== undefined)
    agree(
      readNumericDate(nbf, "nbf"),
      whole(validFrom),
      "nbf and issuanceDate",
    );
  agree(
    readOptionalIdentifier(iss, "iss"),
    readIssuer(vc["issuer"], "vc.issuer"),
    "iss and vc.issuer",
  );
  const subject = agree(
    readOptionalIdentifier(sub, "sub"),
    readOptionalIdentifier(credentialSubject["id"], "credentialSubject.id"),
    "sub and credentialSubject.id",
  );
  if (subject === undefined)
    return refuse("claims_invalid", "sub or credentialSubject.id", "neither");
  return {
    subject,
    credentialId: agree(
      readOptionalIdentifier(jti, "jti"),
      readOptionalIdentifier(vc["id"], "vc.id"),
      "jti and vc.id",
    ),
    types,
    claims: credentialSubject,
    validFrom,
    validUntil,
    status: readStatusReferences(vc["credentialStatus"], payload["status"]),
  };
}

/** A NumericDate has no fraction here; that of a date is left out of the comparison. */
function whole(seconds: number | undefined): number | undefined {
  return seconds === undefined ? undefined : Math.floor(seconds);
}
