import type { JsonObject, JsonValue } from "../json/index.ts";
import { readWebUrl } from "../registration/web-url.ts";
import { isObject, issuerKeysInvalid, readObject } from "./issuer-document.ts";
import {
  judgeIssuerKey,
  type IssuerKey,
  type IssuerKeys,
  type SkippedIssuerKey,
} from "./issuer-key.ts";

const MAX_KEYS = 64;
const MAX_URL_LENGTH = 2048;

/** Where an issuer's metadata says its keys are. */
export type IssuerKeyPlace =
  | { readonly kind: "jwks"; readonly keys: IssuerKeys }
  | { readonly kind: "jwks_uri"; readonly url: URL };

/**
 * The URL of an issuer's JWT VC Issuer Metadata: the well-known path between its host and its path (KEYR-01).
 *
 * @throws {DcrError} `issuer_keys_invalid`
 * @see SD-JWT VC section 4
 */
export function jwtVcIssuerUrl(issuer: string): URL {
  const url = httpsUrl(issuer, "the issuer");
  if (/[?#]/.test(issuer)) {
    throw issuerKeysInvalid(
      "the issuer to be a URL without query and fragment",
      "one with it",
    );
  }
  const path = url.pathname.replace(/\/$/, "");
  return new URL(`${url.origin}/.well-known/jwt-vc-issuer${path}`);
}

/**
 * Reads JWT VC Issuer Metadata: of this issuer, to the byte, and with its keys in exactly one place.
 *
 * @throws {DcrError} `issuer_keys_invalid`
 * @see SD-JWT VC section 4.2
 */
export function readJwtVcIssuer(
  issuer: string,
  bytes: Uint8Array,
): IssuerKeyPlace {
  const metadata = readObject(bytes);
  if (metadata["issuer"] !== issuer) {
    throw issuerKeysInvalid(
      "issuer to be identical to the issuer of the credentials in its metadata",
      "another",
    );
  }
  const { jwks, jwks_uri: uri } = metadata;
  if ((jwks === undefined) === (uri === undefined)) {
    throw issuerKeysInvalid(
      "exactly one of jwks and jwks_uri in the issuer metadata",
      jwks === undefined ? "none" : "both",
    );
  }
  if (uri !== undefined)
    return { kind: "jwks_uri", url: httpsUrl(uri, "jwks_uri") };
  if (!isObject(jwks))
    throw issuerKeysInvalid("jwks to be an object", "another value");
  return { kind: "jwks", keys: readKeys(issuer, jwks) };
}

/**
 * Reads the JWK Set of an issuer: each key with its `kid`, where it has one, and what it may verify. Keys
 * that may not are skipped with a reason.
 *
 * @throws {DcrError} `issuer_keys_invalid`, also where one `kid` names two keys
 * @see RFC 7517 section 5
 */
export function readIssuerJwks(issuer: string, bytes: Uint8Array): IssuerKeys {
  return readKeys(issuer, readObject(bytes));
}

function readKeys(issuer: string, { keys: entries }: JsonObject): IssuerKeys {
  if (!Array.isArray(entries) || entries.length > MAX_KEYS) {
    throw issuerKeysInvalid(
      `a keys array of at most ${MAX_KEYS} entries`,
      Array.isArray(entries) ? `${entries.length}` : "none",
    );
  }
  const keys: IssuerKey[] = [];
  const skipped: SkippedIssuerKey[] = [];
  const materials = new Map<string, string>();
  for (const [index, entry] of (entries as readonly JsonValue[]).entries()) {
    const key = readKey(entry, materials);
    if (typeof key === "string") skipped.push({ index, reason: key });
    else addKey(keys, key);
  }
  return { issuer, keys, roots: [], skipped };
}

/** A key may be listed once for each of its algorithms; it stays one key. */
function addKey(keys: IssuerKey[], key: IssuerKey): void {
  const at = keys.findIndex(({ id }) => id !== undefined && id === key.id);
  const known = keys[at];
  if (known === undefined) {
    keys.push(key);
    return;
  }
  const algorithms = [...new Set([...known.algorithms, ...key.algorithms])];
  keys[at] = Object.freeze({ ...known, algorithms });
}

function readKey(
  entry: JsonValue,
  materials: Map<string, string>,
): IssuerKey | string {
  if (!isObject(entry)) return "not a JSON object";
  const { kid } = entry;
  if (kid !== undefined && (typeof kid !== "string" || kid === ""))
    return "kid is no text";
  if (kid !== undefined) {
    // Before its strength is judged: which of two keys a kid means is not ours to choose.
    const { kty, crv, x, y, n, e } = entry;
    const material = JSON.stringify([kty, crv, x, y, n, e]);
    if ((materials.get(kid) ?? material) !== material) {
      throw issuerKeysInvalid(
        "each kid to name one key",
        "two different keys under one kid",
      );
    }
    materials.set(kid, material);
  }
  return judgeIssuerKey(kid, entry);
}

/** Read from its text, before a parser repairs it. */
function httpsUrl(value: JsonValue, what: string): URL {
  if (
    typeof value !== "string" ||
    value.length > MAX_URL_LENGTH ||
    readWebUrl(value)?.scheme !== "https"
  ) {
    throw issuerKeysInvalid(`${what} to be an https URL`, "something else");
  }
  return new URL(value);
}
