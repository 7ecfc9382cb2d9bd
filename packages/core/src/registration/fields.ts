import type { DcrErrorCode } from "../errors.ts";
import type { JsonObject, JsonValue } from "../json/index.ts";
import { jwkSetProblem } from "./jwk-set.ts";
import { redirectUriProblem } from "./redirect-uri.ts";
import { kindOf } from "../lib/quote.ts";
import { type Mismatch } from "./reason.ts";
import { isAddressOrLocal, readWebUrl } from "./web-url.ts";

/** What is wrong with one value of a field; undefined where nothing is. */
type Check = (value: JsonValue) => Mismatch | undefined;

/** How one client metadata field is checked, and the code of the refusal. */
interface Field {
  readonly code: DcrErrorCode;
  readonly check: Check;
}

/** Characters (UTF-16 units) of a text for people, and of an identifier. */
const MAX_TEXT = 1024;
/** Characters of a scope, a URL and a name of the protocol. */
const MAX_TOKEN_TEXT = 2048;
/** Values of an array. */
const MAX_ITEMS = 64;
/** RFC 5646 section 4.4.1 counts on tags of up to 35 characters. */
const MAX_LANGUAGE_TAG = 35;
/** RFC 6749 section 3.3: tokens with one space between them. */
const SPACED_TOKENS =
  /^[\x21\x23-\x5b\x5d-\x7e]+(?: [\x21\x23-\x5b\x5d-\x7e]+)*$/;
const TOKEN = /^[\x21-\x7e]+$/;
/**
 * Characters that make text say something else than it shows: control characters, line separators, and
 * those without a shape, direction marks among them. The joiners U+200C and U+200D and the variation
 * selectors stay: scripts and emoji need them.
 */
const DECEPTIVE =
  /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\ufff9-\ufffb[\p{DI}--[\u200c\u200d\p{VS}]]]/v;
/** A character that a reader sees; U+2800 is a symbol by class and a blank by looks. */
const VISIBLE = /[[\p{L}\p{N}\p{P}\p{S}]--[\p{DI}\u2800]]/v;
/** RFC 5646 section 2.1, as far as a registration needs it. */
const LANGUAGE_TAG = /^[A-Za-z]{2,8}(?:-[A-Za-z0-9]{1,8})*$/;
const LOCALIZED: ReadonlySet<string> = new Set([
  "client_name",
  "client_uri",
  "logo_uri",
  "tos_uri",
  "policy_uri",
]);

/**
 * Every client metadata field the server knows. A name that is not here, another spelling included, is
 * dropped (DCR-07); what the server itself sets (`client_id` and the like) and the JWT's own claims are not
 * here, so neither body nor statement can set them (DCR-08).
 *
 * @see RFC 7591 section 2; RFC 8705 section 3.4; OpenID Connect Registration section 2;
 * draft-ietf-oauth-spiffe-client-auth section 5.1
 */
const FIELDS: ReadonlyMap<string, Field> = new Map(
  Object.entries({
    redirect_uris: {
      code: "redirect_uri_invalid",
      check: list(redirectUriProblem),
    },
    token_endpoint_auth_method: field(
      matching(TOKEN, "the name of an authentication method"),
    ),
    grant_types: field(list(matching(TOKEN, "names of grant types"))),
    response_types: field(
      list(matching(SPACED_TOKENS, "names of response types")),
    ),
    scope: field(scopeProblem),
    client_name: field(nameProblem),
    client_uri: field(httpsProblem),
    logo_uri: field(httpsProblem),
    tos_uri: field(httpsProblem),
    policy_uri: field(httpsProblem),
    contacts: field(list(nameProblem)),
    jwks_uri: field(httpsProblem),
    jwks: field(jwkSetProblem),
    software_id: field(nameProblem),
    software_version: field(nameProblem),
    application_type: field(matching(/^(?:web|native)$/, "web or native")),
    spiffe_id: field(matching(TOKEN, "a SPIFFE ID")),
    spiffe_bundle_endpoint: field(httpsProblem),
    tls_client_certificate_bound_access_tokens: field((value) =>
      typeof value === "boolean"
        ? undefined
        : { expected: "true or false", got: kindOf(value) },
    ),
  } satisfies Record<string, Field>),
);

/** Whether a metadata field of this name exists, language variants included. */
export function isMetadataField(name: string): boolean {
  return fieldOf(name) !== undefined;
}

/** What is wrong with a value for this field, and the error code; undefined if nothing, or no such field. */
export function fieldProblem(
  name: string,
  value: JsonValue,
): ({ readonly code: DcrErrorCode } & Mismatch) | undefined {
  const known = fieldOf(name);
  const mismatch = known?.check(value);
  return known === undefined || mismatch === undefined
    ? undefined
    : { code: known.code, ...mismatch };
}

/** The fields that an object holds a value for, in its order; everything else in it is dropped. */
export function pickMetadata(
  source: JsonObject,
): readonly (readonly [name: string, value: JsonValue])[] {
  return Object.entries(source).filter(([name]) => isMetadataField(name));
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
  const tag = name.slice(hash + 1);
  return LOCALIZED.has(base) &&
    tag.length <= MAX_LANGUAGE_TAG &&
    LANGUAGE_TAG.test(tag)
    ? base
    : undefined;
}

function fieldOf(name: string): Field | undefined {
  return FIELDS.get(baseName(name) ?? "");
}

function field(check: Check): Field {
  return { code: "metadata_invalid", check };
}

/** An array of at most 64 values, each once and each as `check` wants it. */
function list(check: Check): Check {
  return (value) => {
    const expected = "an array of strings";
    if (!Array.isArray(value)) return { expected, got: kindOf(value) };
    if (value.length > MAX_ITEMS) {
      return {
        expected: `at most ${MAX_ITEMS} values`,
        got: `${value.length}`,
      };
    }
    for (const [index, item] of (value as readonly JsonValue[]).entries()) {
      const mismatch = check(item);
      if (mismatch !== undefined)
        return { ...mismatch, got: `${mismatch.got} at [${index}]` };
    }
    return new Set(value).size === value.length
      ? undefined
      : { expected: "each value once", got: "one repeated" };
  };
}

function matching(pattern: RegExp, expected: string): Check {
  return (value) => {
    if (typeof value !== "string") return { expected, got: kindOf(value) };
    if (value.length > MAX_TOKEN_TEXT) {
      return {
        expected: `${expected}, of at most ${MAX_TOKEN_TEXT} characters`,
        got: `${value.length}`,
      };
    }
    return pattern.test(value) ? undefined : { expected, got: "another text" };
  };
}

const scopeText = matching(
  SPACED_TOKENS,
  "scope tokens with one space between them",
);

/** META-05. */
function scopeProblem(value: JsonValue): Mismatch | undefined {
  const mismatch = scopeText(value);
  if (mismatch !== undefined || typeof value !== "string") return mismatch;
  const tokens = value.split(" ");
  return new Set(tokens).size === tokens.length
    ? undefined
    : { expected: "each scope token once", got: "one repeated" };
}

/** Text for people: something in it, not too long, nothing that hides or reorders what it says (META-06). */
function nameProblem(value: JsonValue): Mismatch | undefined {
  const expected = `text of 1 to ${MAX_TEXT} characters, none of them a control, direction or invisible one`;
  if (typeof value !== "string") return { expected, got: kindOf(value) };
  return VISIBLE.test(value) &&
    value.length <= MAX_TEXT &&
    !DECEPTIVE.test(value)
    ? undefined
    : { expected, got: "another text" };
}

/**
 * Links are recorded and shown, never fetched; still only https ones, on a host by name: an address, or
 * this machine's own name, has no place in a public record and would be a trap for whoever does fetch
 * (META-07, META-09, META-12, SEC-07).
 */
function httpsProblem(value: JsonValue): Mismatch | undefined {
  const expected = `an https URL of at most ${MAX_TOKEN_TEXT} characters with the name of a host, without user information`;
  if (typeof value !== "string") return { expected, got: kindOf(value) };
  const url = value.length <= MAX_TOKEN_TEXT ? readWebUrl(value) : undefined;
  return url?.scheme === "https" && !isAddressOrLocal(url.host)
    ? undefined
    : { expected, got: "another text" };
}
