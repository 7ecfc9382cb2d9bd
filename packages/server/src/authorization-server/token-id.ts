import { createHash } from "node:crypto";
import type { RegisteredClient } from "@accredit/core/registration";
import type { IssuedToken } from "./issued-tokens.ts";

/** 96 bits in base64url. */
const TIE_LENGTH = 16;

/**
 * The `jti` of a token: a random text, and a hash that ties it to the registration that it is issued under. To
 * everyone else it is one opaque text (RFC 7519 section 4.1.7).
 */
export function tiedTokenId(
  random: string,
  { registrationId }: RegisteredClient,
): string {
  const tie = createHash("sha256")
    .update(JSON.stringify([random, registrationId]))
    .digest("base64url");
  return `${random}.${tie.slice(0, TIE_LENGTH)}`;
}

/**
 * Whether a token was issued under the registration that its client has now, and not under one that was deleted
 * before the client came again (MGMT-06). No clocks are compared: the nodes' own differ.
 */
export function isOfRegistration(
  { tokenId, issuedAt }: IssuedToken,
  client: RegisteredClient,
): boolean {
  const [random = "", tie] = tokenId.split(".", 2);
  // One of an older release, whose ids had no dot, has only its time.
  return tie === undefined
    ? issuedAt >= client.issuedAt
    : tokenId === tiedTokenId(random, client);
}
