import { DcrError } from "../errors.ts";
import type { JsonObject, JsonValue } from "../json/index.ts";
import { decodeMultikey } from "./did-multikey.ts";
import { isObject, issuerKeysInvalid, readObject } from "./issuer-document.ts";
import {
  judgeIssuerKey,
  type IssuerKey,
  type IssuerKeys,
  type SkippedIssuerKey,
} from "./issuer-key.ts";

/** More methods than this belong to no issuer of ours. */
const MAX_METHODS = 64;
const JWK_TYPES = new Set<unknown>(["JsonWebKey", "JsonWebKey2020"]);
/** A private key in a public document is everybody's: whatever it signs, we believe nothing of it. */
const PRIVATE_MEMBERS = [
  "privateKeyJwk",
  "secretKeyJwk",
  "privateKeyMultibase",
  "secretKeyMultibase",
  "privateKeyBase58",
  "privateKeyPem",
];

/**
 * The keys that a DID document lets make assertions: the methods that `assertionMethod` names or embeds, in
 * this document, of this DID and controlled by it (KEYR-05, X07).
 *
 * @param did - the DID that was resolved; the document has to be its own
 * @throws {DcrError} `issuer_keys_invalid`
 * @see Controlled Identifiers sections 2.2 and 2.3.2; DID Core section 5
 */
export function readDidDocument(did: string, bytes: Uint8Array): IssuerKeys {
  const document = readObject(bytes);
  if (document["id"] !== did) {
    throw issuerKeysInvalid(
      "id to be the DID that was resolved in the DID document",
      "another",
    );
  }
  const methods = collectMethods(did, listOf(document, "verificationMethod"));
  const keys: IssuerKey[] = [];
  const skipped: SkippedIssuerKey[] = [];
  const seen = new Set<string>();
  for (const [index, entry] of listOf(document, "assertionMethod").entries()) {
    const key = readAssertionMethod(did, entry, methods);
    if (typeof key === "string") skipped.push({ index, reason: key });
    else if (seen.has(key.id ?? "")) {
      throw issuerKeysInvalid(
        "each method of assertionMethod once",
        "one of them twice",
      );
    } else {
      seen.add(key.id ?? "");
      keys.push(key);
    }
  }
  return { issuer: did, keys, roots: [], skipped };
}

/** By absolute ID. Which of two methods an ID means is not ours to choose. */
function collectMethods(
  did: string,
  entries: readonly JsonValue[],
): ReadonlyMap<string, JsonObject> {
  const methods = new Map<string, JsonObject>();
  for (const entry of entries) {
    if (!isObject(entry)) continue;
    const id = absoluteId(did, entry["id"]);
    if (id === undefined) continue;
    if (methods.has(id)) {
      throw issuerKeysInvalid(
        "each method ID once in the DID document",
        "one of them twice",
      );
    }
    methods.set(id, entry);
  }
  return methods;
}

/** A key, or why the method gives none. */
function readAssertionMethod(
  did: string,
  entry: JsonValue,
  methods: ReadonlyMap<string, JsonObject>,
): IssuerKey | string {
  const id = absoluteId(did, isObject(entry) ? entry["id"] : entry);
  if (id === undefined) return "its ID is no DID URL of this document";
  if (isObject(entry) && methods.has(id)) return "two methods have its ID";
  const method = isObject(entry) ? entry : methods.get(id);
  if (method === undefined) return "the document has no such method";
  if (method["controller"] !== did) return "another controller";
  if (PRIVATE_MEMBERS.some((name) => method[name] !== undefined))
    return "it holds private key material";
  if (method["revoked"] !== undefined) return "it is revoked";
  if (method["expires"] !== undefined)
    return "it expires, which is not supported";
  const jwk = keyOf(method);
  return typeof jwk === "string" ? jwk : judgeIssuerKey(id, jwk);
}

function keyOf(method: JsonObject): JsonObject | string {
  const { type, publicKeyJwk, publicKeyMultibase } = method;
  if (JWK_TYPES.has(type))
    return isObject(publicKeyJwk) ? publicKeyJwk : "no publicKeyJwk";
  if (type !== "Multikey") return "unknown type of method";
  if (typeof publicKeyMultibase !== "string") return "no publicKeyMultibase";
  try {
    return decodeMultikey(publicKeyMultibase);
  } catch (error) {
    if (error instanceof DcrError) return error.message;
    throw error;
  }
}

/** `#key` and `did:…#key` of this very DID; undefined for anything else. */
function absoluteId(
  did: string,
  id: JsonValue | undefined,
): string | undefined {
  if (typeof id !== "string") return undefined;
  const absolute = id.startsWith("#") ? did + id : id;
  const fragment = absolute.slice(did.length + 1);
  return absolute.startsWith(`${did}#`) &&
    /^[\w.~:@!$&'()*+,;=-]+$/.test(fragment)
    ? absolute
    : undefined;
}

function listOf(document: JsonObject, name: string): readonly JsonValue[] {
  const list = document[name];
  if (list === undefined) return [];
  if (!Array.isArray(list) || list.length > MAX_METHODS) {
    throw issuerKeysInvalid(
      `${name} to be an array of at most ${MAX_METHODS} entries`,
      "something else",
    );
  }
  return list as readonly JsonValue[];
}
