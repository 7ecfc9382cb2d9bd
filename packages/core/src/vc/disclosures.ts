import { createHash } from "node:crypto";
import { decodeSdJwtSync, getClaimsSync } from "@sd-jwt/decode";
import { DcrError } from "../errors.ts";
import {
  parseStrictJson,
  type JsonObject,
  type JsonValue,
} from "../json/index.ts";
import { MAX_TOKEN_BYTES } from "../lib/compact-jws.ts";
import { shown } from "../lib/quote.ts";
import { isObject, type SdJwtParts } from "./kind.ts";

/** The hash functions an SD-JWT may name, and what the platform calls them. */
const HASHES: ReadonlyMap<string, DigestHash> = new Map([
  ["sha-256", { name: "sha256", bytes: 32 }],
  ["sha-384", { name: "sha384", bytes: 48 }],
  ["sha-512", { name: "sha512", bytes: 64 }],
]);
const MAX_DEPTH = 32;
/** Names that structure an SD-JWT, or that objects of the language give a meaning. */
const RESERVED_NAMES: ReadonlySet<string> = new Set([
  "_sd",
  "_sd_alg",
  "...",
  "__proto__",
]);

/** The hash that an SD-JWT's digests are made with, as `node:crypto` names it, and the length of a digest. */
export interface DigestHash {
  readonly name: string;
  readonly bytes: number;
}

/** One disclosure, read strictly: `name` is undefined where it is an element of an array. */
interface Disclosure {
  readonly digest: string;
  readonly name: string | undefined;
  readonly value: JsonValue;
}

/**
 * The hash that an SD-JWT names, or SHA-256.
 *
 * @throws {DcrError} `disclosure_invalid`
 * @see RFC 9901 section 4.1.1
 */
export function digestHash(payload: JsonObject): DigestHash {
  const { _sd_alg: named = "sha-256" } = payload;
  const hash = typeof named === "string" ? HASHES.get(named) : undefined;
  return (
    hash ??
    invalid(
      `_sd_alg to be one of ${[...HASHES.keys()].join(" ")}`,
      shown(named),
    )
  );
}

/**
 * The claims of an SD-JWT with what its disclosures disclose. Everything that could make two readers differ
 * is refused before the library puts the claims together: it would take a disclosure that nothing refers to,
 * a digest that stands twice, a name that is there already, a digest list that is no list, an array element
 * where a member belongs.
 *
 * @param openClaims - claims of the outermost object that must not be disclosed selectively, nor in part
 * @throws {DcrError} `disclosure_invalid`
 * @see RFC 9901 section 7.1
 */
export function discloseClaims(
  issuerJwt: string,
  payload: JsonObject,
  { disclosures }: Pick<SdJwtParts, "disclosures">,
  openClaims: ReadonlySet<string>,
): JsonObject {
  const hash = digestHash(payload);
  const read = new Map<string, Disclosure>();
  for (const text of disclosures) {
    const disclosure = readDisclosure(text, hash);
    if (read.has(disclosure.digest))
      invalid("each disclosure once", "one again");
    read.set(disclosure.digest, disclosure);
  }
  new Walk(read, hash, openClaims).root(payload);

  const hasher = (data: string | ArrayBuffer) => digestOf(data as string, hash);
  const decoded = decodeSdJwtSync(
    [issuerJwt, ...disclosures, ""].join("~"),
    hasher,
  );
  const claims = getClaimsSync(
    decoded.jwt.payload,
    decoded.disclosures,
    hasher,
  );
  return parse(Buffer.from(JSON.stringify(claims))) as JsonObject;
}

function readDisclosure(text: string, hash: DigestHash): Disclosure {
  const bytes = Buffer.from(text, "base64url");
  if (text === "" || bytes.toString("base64url") !== text)
    invalid("disclosures in canonical base64url without padding", "another");
  const parts = parse(bytes);
  if (!Array.isArray(parts) || parts.length < 2 || parts.length > 3)
    return invalid("a disclosure to be an array of two or three", "another");
  const [salt, second, third] = parts as readonly JsonValue[];
  if (typeof salt !== "string" || salt === "")
    invalid("a disclosure to begin with a salt", shown(salt));
  const digest = digestOf(text, hash).toString("base64url");
  if (parts.length === 2)
    return { digest, name: undefined, value: second as JsonValue };
  if (typeof second !== "string" || second === "" || RESERVED_NAMES.has(second))
    return invalid("a disclosure to name a claim", shown(second));
  return { digest, name: second, value: third as JsonValue };
}

function digestOf(text: string, hash: DigestHash): Buffer {
  return createHash(hash.name).update(text).digest();
}

function parse(bytes: Uint8Array): JsonValue {
  try {
    return parseStrictJson(bytes, {
      maxBytes: 8 * MAX_TOKEN_BYTES,
      maxDepth: MAX_DEPTH,
    });
  } catch (cause) {
    if (!(cause instanceof DcrError)) throw cause;
    throw new DcrError("disclosure_invalid", `disclosure: ${cause.message}`, {
      cause,
    });
  }
}

/** One pass over the payload and, where a digest is found, over what it stands for. */
class Walk {
  readonly #disclosures: ReadonlyMap<string, Disclosure>;
  readonly #digestBytes: number;
  readonly #openClaims: ReadonlySet<string>;
  readonly #digests = new Set<string>();
  #found = 0;

  constructor(
    disclosures: ReadonlyMap<string, Disclosure>,
    { bytes }: DigestHash,
    openClaims: ReadonlySet<string>,
  ) {
    this.#disclosures = disclosures;
    this.#digestBytes = bytes;
    this.#openClaims = openClaims;
  }

  root(payload: JsonObject): void {
    const { _sd_alg: _, ...claims } = payload;
    this.#object(claims, 1, this.#openClaims);
    if (this.#found !== this.#disclosures.size)
      invalid("every disclosure to be referred to", "one that is not");
  }

  /** @param open - names of members that must be in the open; undefined where everything must. */
  #object(
    object: JsonObject,
    depth: number,
    open: ReadonlySet<string> | undefined,
  ): void {
    const { _sd: digests, ...members } = object;
    for (const [name, value] of Object.entries(members)) {
      if (RESERVED_NAMES.has(name))
        invalid("no claim of a name that SD-JWT reserves", shown(name));
      this.#value(
        value,
        depth,
        open?.has(name) === true ? undefined : open && NONE,
      );
    }
    if (digests === undefined) return;
    if (open === undefined) this.#refuseHidden();
    if (!Array.isArray(digests))
      invalid("_sd to be an array of digests", "another");
    const names = new Set(Object.keys(members));
    for (const digest of digests as readonly JsonValue[]) {
      const disclosure = this.#resolve(digest);
      if (disclosure === undefined) continue;
      const { name, value } = disclosure;
      if (name === undefined)
        return invalid(
          "a member of an object where _sd refers to it",
          "an element",
        );
      if (names.has(name))
        invalid("each claim once", "a disclosure of another");
      if (open?.has(name)) this.#refuseHidden();
      names.add(name);
      this.#value(value, depth, NONE);
    }
  }

  #value(
    value: JsonValue,
    depth: number,
    open: ReadonlySet<string> | undefined,
  ): void {
    if (value === null || typeof value !== "object") return;
    if (depth >= MAX_DEPTH)
      invalid(`at most ${MAX_DEPTH} levels of arrays and objects`, "one more");
    if (isObject(value)) this.#object(value, depth + 1, open);
    else this.#array(value, depth + 1, open);
  }

  #array(
    array: readonly JsonValue[],
    depth: number,
    open: ReadonlySet<string> | undefined,
  ): void {
    for (const element of array) {
      if (!isObject(element) || element["..."] === undefined) {
        this.#value(element, depth, open);
        continue;
      }
      if (open === undefined) this.#refuseHidden();
      if (Object.keys(element).length !== 1)
        invalid("a hidden element to be its digest alone", "more");
      const disclosure = this.#resolve(element["..."]);
      if (disclosure === undefined) continue;
      if (disclosure.name !== undefined)
        invalid("an element of an array where its digest stands", "a member");
      this.#value(disclosure.value, depth, NONE);
    }
  }

  #resolve(digest: JsonValue): Disclosure | undefined {
    if (typeof digest !== "string" || !isDigest(digest, this.#digestBytes))
      return invalid(
        `a digest to be ${this.#digestBytes} bytes in base64url`,
        shown(digest),
      );
    if (this.#digests.has(digest)) invalid("each digest once", "one again");
    this.#digests.add(digest);
    const disclosure = this.#disclosures.get(digest);
    if (disclosure !== undefined) this.#found++;
    return disclosure;
  }

  #refuseHidden(): never {
    return invalid(
      `${[...this.#openClaims].join(" ")} in the open`,
      "one of them behind a digest",
    );
  }
}

/** A decoy is one too; any other text might be the name of something in a reader's language. */
function isDigest(text: string, length: number): boolean {
  const bytes = Buffer.from(text, "base64url");
  return bytes.length === length && bytes.toString("base64url") === text;
}

const NONE: ReadonlySet<string> = new Set();

function invalid(expected: string, came: string): never {
  throw new DcrError("disclosure_invalid", `expected ${expected}, got ${came}`);
}
