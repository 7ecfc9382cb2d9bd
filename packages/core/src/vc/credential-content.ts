import type { JsonObject, JsonValue } from "../json/index.ts";
import { kindOf, shown } from "../lib/quote.ts";
import { refuse } from "../lib/refuse.ts";
import { isMetadataField } from "../registration/fields.ts";
import { isObject } from "./kind.ts";
import type { StatusReference } from "./status-reference.ts";

/** What a credential says, whichever data model says it. */
export interface CredentialContent {
  readonly subject: string;
  readonly credentialId: string | undefined;
  /** The types that the gate looks at; `VerifiableCredential`, which every one is, is not among them. */
  readonly types: readonly string[];
  /** Where client metadata is looked for, and nowhere else (AMB-14). */
  readonly claims: JsonObject;
  /** Of the data model's own dates, in epoch seconds with their fraction. */
  readonly validFrom: number | undefined;
  readonly validUntil: number | undefined;
  readonly status: readonly StatusReference[];
}

const MAX_IDENTIFIER_LENGTH = 2048;
const MAX_TYPES = 32;

/**
 * An identifier: visible ASCII without spaces, so that it is one string in logs, policies and databases.
 *
 * @throws {DcrError} `claims_invalid`
 */
export function readIdentifier(
  value: JsonValue | undefined,
  name: string,
): string {
  return typeof value === "string" &&
    value.length <= MAX_IDENTIFIER_LENGTH &&
    /^[\x21-\x7e]+$/.test(value)
    ? value
    : refuse(
        "claims_invalid",
        `${name} to be an identifier of 1 to ${MAX_IDENTIFIER_LENGTH} visible ASCII characters`,
        kindOf(value),
      );
}

/** {@link readIdentifier}, where there is one. */
export function readOptionalIdentifier(
  value: JsonValue | undefined,
  name: string,
): string | undefined {
  return value === undefined ? undefined : readIdentifier(value, name);
}

/**
 * The one value that a JWT claim and a property of the credential say in common (V01).
 *
 * @throws {DcrError} `credential_conflict`
 */
export function agree<T>(
  claim: T | undefined,
  property: T | undefined,
  names: string,
): T | undefined {
  if (claim !== undefined && property !== undefined && claim !== property)
    refuse("credential_conflict", `${names} to say the same`, "two values");
  return claim ?? property;
}

/**
 * The context that makes an object a credential of a data model.
 *
 * @throws {DcrError} `claims_invalid`
 * @see Verifiable Credentials Data Model 2.0 section 4.3
 */
export function checkContext(
  context: JsonValue | undefined,
  first: string,
): void {
  const [came] = Array.isArray(context)
    ? (context as readonly JsonValue[])
    : [];
  if (came !== first)
    refuse("claims_invalid", `@context to begin with ${first}`, shown(came));
}

/**
 * The types beside `VerifiableCredential`, which has to be there.
 *
 * @throws {DcrError} `claims_invalid`
 * @see Verifiable Credentials Data Model 2.0 section 4.5
 */
export function readTypes(type: JsonValue | undefined): readonly string[] {
  const types = readTexts(typeof type === "string" ? [type] : type, "type");
  if (!types.includes(BASE_TYPE))
    refuse("claims_invalid", `type to hold ${BASE_TYPE}`, "others");
  return types.filter((name) => name !== BASE_TYPE);
}
const BASE_TYPE = "VerifiableCredential";

/** @throws {DcrError} `claims_invalid` */
export function readTexts(
  value: JsonValue | undefined,
  name: string,
): readonly string[] {
  return Array.isArray(value) &&
    value.length <= MAX_TYPES &&
    value.every((item) => typeof item === "string" && item !== "")
    ? (value as readonly string[])
    : refuse(
        "claims_invalid",
        `${name} to be an array of at most ${MAX_TYPES} strings`,
        kindOf(value),
      );
}

/**
 * The one subject of a credential; several would be several clients (V05).
 *
 * @throws {DcrError} `claims_invalid`
 * @see Verifiable Credentials Data Model 2.0 section 4.8
 */
export function readSubject(subject: JsonValue | undefined): JsonObject {
  const subjects = Array.isArray(subject)
    ? (subject as readonly JsonValue[])
    : [subject];
  const [only] = subjects;
  return subjects.length === 1 && isObject(only)
    ? only
    : refuse(
        "claims_invalid",
        "credentialSubject to be one object",
        Array.isArray(subject) ? `${subjects.length} of them` : kindOf(subject),
      );
}

/**
 * `issuer` as the data models write it: a URL, or an object that has it as `id`.
 *
 * @throws {DcrError} `claims_invalid`
 * @see Verifiable Credentials Data Model 2.0 section 4.7
 */
export function readIssuer(
  issuer: JsonValue | undefined,
  name: string,
): string | undefined {
  return readOptionalIdentifier(
    isObject(issuer) ? (issuer["id"] ?? null) : issuer,
    name,
  );
}

/**
 * Client metadata stands in the subject; a name of it elsewhere too would leave open which was meant (AMB-14).
 *
 * @throws {DcrError} `credential_conflict`
 */
export function refuseMetadataTwice(
  subject: JsonObject,
  ...others: readonly JsonObject[]
): void {
  const names = new Set(Object.keys(subject).map(withoutLanguage));
  for (const member of others.flatMap((object) => Object.keys(object))) {
    const name = withoutLanguage(member);
    if (names.has(name) && isMetadataField(name))
      refuse(
        "credential_conflict",
        `${name} in one place`,
        "it in credentialSubject and outside it",
      );
  }
}

/** `client_name` of `client_name#ja`: one language here and another there would be two places too. */
function withoutLanguage(name: string): string {
  return name.split("#", 1)[0] ?? name;
}
