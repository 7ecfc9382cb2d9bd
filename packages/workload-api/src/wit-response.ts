import { createPrivateKey, createPublicKey } from "node:crypto";
import type { JsonWebKey } from "node:crypto";
import type {
  WITBundlesResponse,
  WITSVID,
  WITSVIDResponse,
} from "./gen/workloadapi_pb.ts";
import { printable } from "./printable.ts";
import {
  bundlesByTrustDomain,
  identities,
  invalid,
  redacted,
} from "./response.ts";

/** One WIT-SVID as the Workload API gives it. */
export interface WitSvid {
  readonly spiffeId: string;
  /** The token, good for nothing without a proof of its key. */
  readonly svid: string;
  /** The key that the token is bound to, a private JWK: never to be logged. */
  readonly privateKey: JsonWebKey;
  /** Tells several identities of one workload apart; empty where the endpoint gives none. */
  readonly hint: string;
}

/**
 * Checks a FetchWITSVID message: each SVID has its mandatory fields (WAPI-10) and its key is the one in
 * the token's `cnf`. The token is not verified.
 *
 * @throws {WorkloadApiError} `response_invalid`; `redacted` where it holds no SVID
 */
export function readWitSvids(
  response: WITSVIDResponse,
  asked: string | undefined,
): readonly WitSvid[] {
  if (response.svids.length === 0) throw redacted("WIT-SVID");
  return identities("WIT-SVID", response.svids, asked).map(readSvid);
}

/**
 * Checks a FetchWITBundles message: no bundle is empty (WAPI-10). What they hold, JWK Sets as text, is
 * for the reader to judge.
 *
 * @throws {WorkloadApiError} `response_invalid`; `redacted` where it holds no bundle
 */
export function readWitBundles(
  response: WITBundlesResponse,
): ReadonlyMap<string, string> {
  const bundles = bundlesByTrustDomain(response.bundles, (bundle) => bundle);
  if (bundles.size === 0) throw redacted("bundle");
  return bundles;
}

function readSvid({ spiffeId, witSvid, witSvidKey, hint }: WITSVID): WitSvid {
  const of = `the WIT-SVID ${printable(spiffeId)}`;
  if (witSvid === "") throw invalid(`${of} lacks wit_svid`);
  if (witSvidKey === "") throw invalid(`${of} lacks wit_svid_key`);
  const privateKey = parseObject(witSvidKey);
  if (privateKey === undefined || !isKeyOf(privateKey, confirmation(witSvid))) {
    throw invalid(`the private key of ${of} is not the one in its cnf.jwk`);
  }
  return { spiffeId, svid: witSvid, privateKey, hint };
}

/** The public key that a token is bound to, unverified. */
function confirmation(token: string): unknown {
  const payload = Buffer.from(token.split(".")[1] ?? "", "base64url");
  const cnf = parseObject(payload.toString())?.["cnf"];
  return isObject(cnf) ? cnf["jwk"] : undefined;
}

/** Whether two JWKs are a key pair. */
function isKeyOf(privateKey: JsonWebKey, publicKey: unknown): boolean {
  if (!isObject(publicKey)) return false;
  try {
    const own = createPrivateKey({ key: privateKey, format: "jwk" });
    const bound = createPublicKey({ key: publicKey, format: "jwk" });
    return createPublicKey(own).equals(bound);
  } catch {
    return false;
  }
}

function parseObject(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
