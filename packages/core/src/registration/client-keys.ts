import { calculateJwkThumbprint } from "jose";
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

/** The thumbprints of a client's keys, sorted and joined by spaces: what two registrations are compared by. */
export async function thumbprintsOf({ keys }: ClientKeys): Promise<string> {
  const thumbprints = await Promise.all(
    keys.map(({ jwk }) => calculateJwkThumbprint(jwk)),
  );
  return [...new Set(thumbprints)].sort().join(" ");
}
