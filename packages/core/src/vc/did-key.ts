import { DcrError } from "../errors.ts";
import { parseStrictJson, type JsonObject } from "../json/index.ts";
import { decodeMultikey } from "./did-multikey.ts";
import { MAX_DID_LENGTH } from "./did-web.ts";
import { judgeIssuerKey, type IssuerKeys } from "./issuer-key.ts";

/**
 * The key that a did:key is (KEYR-04); its ID repeats the value as fragment.
 *
 * @throws {DcrError} `did_invalid`
 * @see did:key method specification section 3
 */
export function readDidKey(did: string): IssuerKeys {
  const value = afterPrefix(did, "did:key:");
  return oneKey(did, value, decodeMultikey(value));
}

/**
 * The key that a did:jwk holds (KEYR-04). Its only verification method is `#0`, whatever `kid` the key has.
 *
 * @throws {DcrError} `did_invalid`
 * @see did:jwk method specification
 */
export function readDidJwk(did: string): IssuerKeys {
  const value = afterPrefix(did, "did:jwk:");
  const bytes = Buffer.from(value, "base64url");
  if (value === "" || bytes.toString("base64url") !== value)
    throw invalid("canonical base64url after did:jwk:", "something else");
  let jwk;
  try {
    jwk = parseStrictJson(bytes, { maxBytes: MAX_DID_LENGTH, maxDepth: 8 });
  } catch (cause) {
    throw invalid("a JWK in did:jwk", "no strict JSON", cause);
  }
  if (jwk === null || typeof jwk !== "object" || Array.isArray(jwk))
    throw invalid("a JWK in did:jwk", "no JSON object");
  return oneKey(did, "0", jwk as JsonObject);
}

function afterPrefix(did: string, prefix: string): string {
  if (did.length > MAX_DID_LENGTH || !did.startsWith(prefix)) {
    throw invalid(
      `a DID of at most ${MAX_DID_LENGTH} characters that begins with ${prefix}`,
      "another",
    );
  }
  return did.slice(prefix.length);
}

function oneKey(did: string, fragment: string, jwk: JsonObject): IssuerKeys {
  const key = judgeIssuerKey(`${did}#${fragment}`, jwk);
  if (typeof key === "string")
    throw invalid("a key that may verify in the DID", key);
  return { issuer: did, keys: [key], roots: [], skipped: [] };
}

function invalid(expected: string, came: string, cause?: unknown): DcrError {
  return new DcrError(
    "did_invalid",
    `expected ${expected}, got ${came}`,
    cause === undefined ? undefined : { cause },
  );
}
