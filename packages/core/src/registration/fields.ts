import type { DcrErrorCode } from "../errors.ts";
import type { JsonObject, JsonValue } from "../json/index.ts";
import { judgePublicJwkSet } from "./jwk-set.ts";
import { redirectUriProblem } from "./redirect-uri.ts";

/** How one client metadata field is checked: what was expected, or undefined where the value will do. */
interface Field {
  readonly code: DcrErrorCode;
  readonly problem: (value: JsonValue) => string | undefined;
}

const MAX_TEXT = 1024;
const MAX_ITEMS = 64;
/** RFC 6749 section 3.3. */
const SCOPE = /^[\x21\x23-\x5b\x5d-\x7e]+(?: [\x21\x23-\x5b\x5d-\x7e]+)*$/;
const TOKEN = /^[\x21-\x7e]+$/;
/** Control characters, and those that make text read in another order than it is written. */
const DECEPTIVE = /[\p{Cc}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/u;
/** RFC 5646, as far as a registration needs it. */
const LANGUAGE_TAG = /^[A-Za-z]{2,8}(?:-[A-Za-z0-9]{1,8})*$/;
const LOCALIZED = new Set([
  "client_name",
  "client_uri",
  "logo_uri",
  "tos_uri",
  "policy_uri",
]);

/**
 * Every client metadata field the server knows (RFC 7591 section 2, RFC 8705, OpenID Connect Registration,
 * draft-ietf-oauth-spiffe-client-auth section 5.1). A name that is not here is dropped (DCR-07).
 */
const FIELDS: Readonly<Record<string, Field>> = {
  redirect_uris: {
    code: "redirect_uri_invalid",
    problem: list((uri) => redirectUriProblem(uri)),
  },
  token_endpoint_auth_method: field(
    textProblem(TOKEN, "a token endpoint authentication method"),
  ),
  grant_types: field(list(textProblem(TOKEN, "grant type names"))),
  response_types: field(list(textProblem(SCOPE, "response type names"))),
  scope: field(textProblem(SCOPE, "scope tokens separated by single spaces")),
  client_name: field(nameProblem),
  client_uri: field(httpsProblem),
  logo_uri: field(httpsProblem),
  tos_uri: field(httpsProblem),
  policy_uri: field(httpsProblem),
  contacts: field(list(nameProblem)),
  jwks_uri: field(httpsProblem),
  jwks: field(judgePublicJwkSet),
  software_id: field(nameProblem),
  software_version: field(nameProblem),
  application_type: field((value) =>
    value === "web" || value === "native" ? undefined : "web or native",
  ),
  spiffe_id: field(textProblem(TOKEN, "a SPIFFE ID")),
  spiffe_bundle_endpoint: field(httpsProblem),
  tls_client_certificate_bound_access_tokens: field((value) =>
    typeof value === "boolean" ? undefined : "true or false",
  ),
};

/** Whether a metadata field of this name exists, language variants included. */
export function isMetadataField(name: string): boolean {
  return Object.hasOwn(FIELDS, baseName(name) ?? "");
}

/** What is wrong with a value for this field: the error code and what was expected; undefined if nothing. */
export function fieldProblem(
  name: string,
  value: JsonValue,
): { readonly code: DcrErrorCode; readonly expected: string } | undefined {
  const known = FIELDS[baseName(name) ?? ""];
  const expected = known?.problem(value);
  return known === undefined || expected === undefined
    ? undefined
    : { code: known.code, expected };
}

/** The fields that an object holds a value for; everything else in it is none of our business. */
export function pickMetadata(
  source: JsonObject,
): ReadonlyMap<string, JsonValue> {
  return new Map(
    Object.entries(source).filter(([name]) => isMetadataField(name)),
  );
}

/**
 * The identity of a field: language tags compare without case (BCP 47), so `client_name#de` and
 * `client_name#DE` are one.
 */
export function fieldKey(name: string): string {
  const hash = name.indexOf("#");
  return hash === -1
    ? name
    : name.slice(0, hash) + name.slice(hash).toLowerCase();
}

/** The field that a language variant varies; the name itself for others; undefined for no field at all. */
export function baseName(name: string): string | undefined {
  const hash = name.indexOf("#");
  if (hash === -1) return name;
  const base = name.slice(0, hash);
  return LOCALIZED.has(base) && LANGUAGE_TAG.test(name.slice(hash + 1))
    ? base
    : undefined;
}

function field(problem: Field["problem"]): Field {
  return { code: "metadata_invalid", problem };
}

function list(
  item: (value: JsonValue) => string | undefined,
): Field["problem"] {
  return (value) => {
    if (!Array.isArray(value)) return "an array of strings";
    if (value.length > MAX_ITEMS) return `at most ${MAX_ITEMS} values`;
    for (const entry of value as readonly JsonValue[]) {
      const expected = item(entry);
      if (expected !== undefined) return expected;
    }
    return new Set(value).size === value.length ? undefined : "each value once";
  };
}

function textProblem(pattern: RegExp, expected: string): Field["problem"] {
  return (value) =>
    typeof value === "string" &&
    value.length <= MAX_TEXT * 2 &&
    pattern.test(value)
      ? undefined
      : expected;
}

/** Text for people: something in it, not too long, nothing that hides or reorders what it says (META-06). */
function nameProblem(value: JsonValue): string | undefined {
  const fits =
    typeof value === "string" &&
    value.trim() !== "" &&
    value.length <= MAX_TEXT &&
    !DECEPTIVE.test(value);
  return fits
    ? undefined
    : `text of 1 to ${MAX_TEXT} characters without control or direction characters`;
}

/** Links are recorded and shown, never fetched; still only https ones (META-07). */
function httpsProblem(value: JsonValue): string | undefined {
  const expected = "an https URL without user information";
  if (
    typeof value !== "string" ||
    value.length > MAX_TEXT * 2 ||
    !TOKEN.test(value)
  )
    return expected;
  // On the text, since a URL parser would repair it first.
  if (!value.startsWith("https://") || value.includes("\\")) return expected;
  const url = URL.parse(value);
  return url === null || url.username !== "" || url.password !== ""
    ? expected
    : undefined;
}
