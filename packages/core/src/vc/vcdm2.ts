import type { JsonObject } from "../json/index.ts";
import { refuse } from "../lib/refuse.ts";
import {
  agree,
  checkContext,
  readIdentifier,
  readIssuer,
  readOptionalIdentifier,
  readSubject,
  readTypes,
  refuseMetadataTwice,
  type CredentialContent,
} from "./credential-content.ts";
import { readStatusReferences } from "./credential-status.ts";
import { readDateTime } from "./date-time.ts";

const CONTEXT = "https://www.w3.org/ns/credentials/v2";

/**
 * Reads a credential of the data model 2.0, which is the whole payload of a `vc+jwt`. The JWT's own claims
 * are about the signature; those that mean the same as a property have to say the same.
 *
 * @throws {DcrError} `claims_invalid`, `credential_conflict`
 * @see Verifiable Credentials Data Model 2.0 section 4; vc-jose-cose section 3.1.1
 */
export function readVcdm2(payload: JsonObject): CredentialContent {
  if (payload["vc"] !== undefined || payload["vp"] !== undefined)
    refuse("claims_invalid", "neither a vc nor a vp claim", "one");
  checkContext(payload["@context"], CONTEXT);
  const types = readTypes(payload["type"]);
  const credentialSubject = readSubject(payload["credentialSubject"]);
  refuseMetadataTwice(credentialSubject, payload);
  const { validFrom, validUntil, exp } = payload;
  if (exp === undefined && validUntil === undefined)
    refuse("claims_invalid", "validUntil or exp", "neither");
  const subject = readIdentifier(
    credentialSubject["id"],
    "credentialSubject.id",
  );
  agree(
    readOptionalIdentifier(payload["sub"], "sub"),
    subject,
    "sub and credentialSubject.id",
  );
  const credentialId = readOptionalIdentifier(payload["id"], "id");
  agree(
    readOptionalIdentifier(payload["jti"], "jti"),
    credentialId,
    "jti and id",
  );
  return {
    subject,
    credentialId,
    types,
    claims: credentialSubject,
    validFrom:
      validFrom === undefined
        ? undefined
        : readDateTime(validFrom, "validFrom"),
    validUntil:
      validUntil === undefined
        ? undefined
        : readDateTime(validUntil, "validUntil"),
    status: readStatusReferences(
      payload["credentialStatus"],
      payload["status"],
    ),
  };
}

/**
 * The issuer of a data model 2.0 credential.
 *
 * @throws {DcrError} `claims_invalid`, `credential_conflict`
 * @see vc-jose-cose section 4
 */
export function readVcdm2Issuer({ issuer, iss }: JsonObject): string {
  return (
    agree(
      readOptionalIdentifier(iss, "iss"),
      readIssuer(issuer, "issuer") ??
        refuse("claims_invalid", "an issuer", "none"),
      "iss and issuer",
    ) ?? ""
  );
}

/**
 * What `vc+jwt` adds for the key (VC-06): the key of an issuer that is a DID is named by its `kid`, and
 * without an `iss` the `kid` is a whole URL.
 *
 * @throws {DcrError} `key_id_missing`, `header_invalid`
 * @see vc-jose-cose section 4.1.1
 */
export function checkVcdm2KeyId(
  kid: string | undefined,
  issuer: string,
  { iss }: JsonObject,
): void {
  const needed = iss === undefined || issuer.startsWith("did:");
  if (needed && kid === undefined)
    refuse(
      "key_id_missing",
      "kid to name a verification method, as there is no iss or the issuer is a DID",
      "none",
    );
  if (
    iss === undefined &&
    kid !== undefined &&
    !/^[a-z][a-z0-9+.-]*:./.test(kid)
  )
    refuse(
      "header_invalid",
      "kid to be an absolute URL, as there is no iss",
      "another",
    );
}
