import { createPublicKey } from "node:crypto";
import type { JWK } from "jose";
import type { JsonObject, JsonValue } from "../json/index.ts";
import { quote } from "../lib/quote.ts";
import { refuse } from "../lib/refuse.ts";
import { JWT_SVID_ALGORITHMS } from "../spiffe/jwt-svid-header.ts";
import { judgeVerificationKey } from "../spiffe/key-quality.ts";
import type { X509Authority } from "../spiffe/x509-authority.ts";
import { isStrongEd25519Key } from "./ed25519-point.ts";

/** The algorithms of credentials and status lists (VC-02). `Ed25519` is the newer name of `EdDSA`. */
export const ISSUER_ALGORITHMS = [
  ...JWT_SVID_ALGORITHMS,
  "EdDSA",
  "Ed25519",
] as const;
export type IssuerAlgorithm = (typeof ISSUER_ALGORITHMS)[number];

/** One public key of an issuer, checked to be one we would trust. */
export interface IssuerKey {
  /** The `kid` of a JWK Set, or the absolute DID URL of a verification method; undefined where it has none. */
  readonly id: string | undefined;
  /** Frozen; the same object every time, so that jose imports it once. */
  readonly jwk: Readonly<JWK>;
  /** What this key may verify: bound to its type and curve, never to what a token says. */
  readonly algorithms: readonly IssuerAlgorithm[];
}

/** A key of a document that is not used, and why. */
export interface SkippedIssuerKey {
  readonly index: number;
  readonly reason: string;
}

/** The keys of one issuer of credentials; never pooled with another's (X02). */
export interface IssuerKeys {
  /** The issuer that the configuration names. */
  readonly issuer: string;
  readonly keys: readonly IssuerKey[];
  /** Roots of the chains that its tokens carry in `x5c`; only where the configuration says so (KEYR-02). */
  readonly roots: readonly X509Authority[];
  readonly skipped: readonly SkippedIssuerKey[];
}

/** Members that only a private key has, in whichever form it is written down. */
const PRIVATE_MEMBERS = [
  "d",
  "p",
  "q",
  "dp",
  "dq",
  "qi",
  "oth",
  "k",
  "priv",
] as const;

/**
 * Judges a JWK as an issuer's key, as strictly as a key of a SPIFFE bundle, Ed25519 beside it; or says why
 * it may not verify. `use` is absent or `sig` (J13).
 *
 * @see RFC 7517 section 4; RFC 8037
 */
export function judgeIssuerKey(
  id: string | undefined,
  jwk: JsonObject,
): IssuerKey | string {
  if (jwk["use"] !== undefined && jwk["use"] !== "sig") return "use is not sig";
  if (jwk["kty"] === "OKP") return judgeEd25519(id, jwk);
  const verdict = judgeVerificationKey(jwk);
  return verdict.usable
    ? Object.freeze({ id, jwk: verdict.jwk, algorithms: verdict.algorithms })
    : verdict.reason;
}

function judgeEd25519(
  id: string | undefined,
  { crv, x, alg, key_ops: operations, ...others }: JsonObject,
): IssuerKey | string {
  if (PRIVATE_MEMBERS.some((name) => others[name] !== undefined))
    return "it holds private or symmetric key material";
  if (
    operations !== undefined &&
    !(Array.isArray(operations) && operations.includes("verify"))
  )
    return "key_ops does not hold verify";
  if (crv !== "Ed25519") return "unknown curve";
  const bytes = typeof x === "string" ? Buffer.from(x, "base64url") : undefined;
  if (bytes?.length !== 32 || bytes.toString("base64url") !== x)
    return "expected x as 32 bytes of canonical base64url";
  if (!isStrongEd25519Key(bytes)) return "no point that a key may be";
  const algorithms = (["EdDSA", "Ed25519"] as const).filter(
    (algorithm) => alg === undefined || alg === algorithm,
  );
  if (algorithms.length === 0) return "alg does not fit the key";
  const jwk = Object.freeze({ kty: "OKP", crv, x });
  createPublicKey({ key: { ...jwk }, format: "jwk" });
  return Object.freeze({ id, jwk, algorithms });
}

/**
 * @throws {DcrError} `algorithm_not_allowed`
 * @see RFC 8725 section 3.1
 */
export function checkIssuerAlgorithm(
  alg: JsonValue | undefined,
): IssuerAlgorithm {
  return (
    ISSUER_ALGORITHMS.find((allowed) => allowed === alg) ??
    refuse(
      "algorithm_not_allowed",
      `alg to be one of ${ISSUER_ALGORITHMS.join(" ")}`,
      typeof alg === "string" ? quote(alg) : "no string",
    )
  );
}

/**
 * The keys that a token's header may mean. A `kid` names its key, absolute or, as a DID URL may be written, as
 * the fragment alone; no other is tried when that one is absent or does not verify (J08).
 */
export function keysNamed(
  { issuer, keys }: Pick<IssuerKeys, "issuer" | "keys">,
  keyId: string | undefined,
): readonly IssuerKey[] {
  const wanted = keyId?.startsWith("#") === true ? issuer + keyId : keyId;
  return wanted === undefined ? keys : keys.filter(({ id }) => id === wanted);
}

/**
 * The one key among those named that fits an algorithm: without a `kid`, the issuer has to have exactly one
 * (J10).
 *
 * @throws {DcrError} `key_id_missing`, `key_not_found`
 */
export function onlyFittingKey(
  named: readonly IssuerKey[],
  algorithm: IssuerAlgorithm,
  issuer: string,
): IssuerKey {
  const fitting = named.filter((key) => key.algorithms.includes(algorithm));
  const [key] = fitting;
  if (key === undefined) {
    return refuse(
      "key_not_found",
      `the key of the header for ${algorithm} among the keys of ${quote(issuer)}`,
      "no such key",
    );
  }
  return fitting.length === 1
    ? key
    : refuse(
        "key_id_missing",
        `a kid that names one key of ${quote(issuer)}`,
        `${fitting.length} keys that fit`,
      );
}

/**
 * {@link onlyFittingKey} of {@link keysNamed}.
 *
 * @throws {DcrError} `key_id_missing`, `key_not_found`
 */
export function findIssuerKey(
  keys: Pick<IssuerKeys, "issuer" | "keys">,
  keyId: string | undefined,
  algorithm: IssuerAlgorithm,
): IssuerKey {
  return onlyFittingKey(keysNamed(keys, keyId), algorithm, keys.issuer);
}
