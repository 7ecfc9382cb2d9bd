import { calculateJwkThumbprint, type JWK } from "jose";
import type { JsonObject } from "../json/index.ts";
import { judgeIssuerKey, type IssuerKey } from "../vc/issuer-key.ts";
import type { ClientMetadata } from "./client.ts";

/** The keys of a client's `jwks` that it may authenticate with, and why others may not. */
export interface ClientKeys {
  readonly keys: readonly IssuerKey[];
  readonly skipped: readonly string[];
}

/** Judges the keys of a client's `jwks` as strictly as those of an issuer. */
export function readClientKeys({
  jwks,
}: Pick<ClientMetadata, "jwks">): ClientKeys {
  const judged = (jwks?.keys ?? []).map((key) =>
    judgeIssuerKey(
      typeof key["kid"] === "string" ? key["kid"] : undefined,
      key as JsonObject,
    ),
  );
  return {
    keys: judged.filter((verdict) => typeof verdict !== "string"),
    skipped: judged.filter((verdict) => typeof verdict === "string"),
  };
}

/**
 * What two registrations' keys are compared by: each with its thumbprint and with what it may be called and
 * used for, since a key under another name is one that its owner's assertions no longer find.
 */
export async function comparableKeys({
  jwks,
}: Pick<ClientMetadata, "jwks">): Promise<string> {
  const texts = await Promise.all(
    (jwks?.keys ?? []).map(async (key) =>
      JSON.stringify([
        await calculateJwkThumbprint(key as JWK).catch(() => key),
        ...["kid", "alg", "use", "key_ops"].map((name) => key[name] ?? null),
      ]),
    ),
  );
  return texts.sort().join(" ");
}
