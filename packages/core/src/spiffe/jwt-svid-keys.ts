import { DcrError } from "../errors.ts";
import { verifySignature, type UnverifiedJws } from "../lib/compact-jws.ts";
import { quote } from "../lib/quote.ts";
import { refuse } from "../lib/refuse.ts";
import type { SpiffeTrust, TrustSource } from "../trust/index.ts";
import type { JwtAuthority, SpiffeBundle } from "./bundle.ts";
import type { SpiffeId } from "./id.ts";
import type { JwtSvidAlgorithm } from "./jwt-svid-header.ts";

/** Without a `kid`, how many keys one token may cost us (AMB-16). */
const MAX_KEYS_TRIED = 8;

/** A trust domain that holds keys now. */
export interface LoadedTrust {
  readonly source: SpiffeTrust;
  readonly bundle: SpiffeBundle;
}

/**
 * What the server holds of the subject's trust domain. Nothing in a token makes it fetch.
 *
 * @throws {DcrError} `issuer_untrusted`, `source_unavailable`
 * @see SPIFFE Federation section 7.3
 */
export function findTrust(subject: SpiffeId, trust: TrustSource): LoadedTrust {
  const source = trust.spiffe(subject.trustDomain);
  if (source === undefined) {
    throw new DcrError(
      "issuer_untrusted",
      `trust domain ${subject.trustDomain} is not one this server trusts`,
    );
  }
  const { bundle } = source;
  if (bundle === undefined) {
    throw new DcrError(
      "source_unavailable",
      `the keys of trust domain ${subject.trustDomain} are not available now; try again later`,
      { data: { trustDomain: subject.trustDomain } },
    );
  }
  return { source, bundle };
}

/**
 * As {@link findTrust}, and where the bundle lacks the key that a token names, once more after the source was
 * read again: a key may be younger than the last poll. The source bounds how often that happens.
 *
 * @throws {DcrError} `issuer_untrusted`, `source_unavailable`
 */
export async function findTrustFor(
  keyId: string | undefined,
  subject: SpiffeId,
  trust: TrustSource,
): Promise<LoadedTrust> {
  const held = findTrust(subject, trust);
  if (keyId === undefined || held.bundle.jwtAuthorities.has(keyId)) return held;
  if (held.source.refreshUnknownKey === undefined) return held;
  await held.source.refreshUnknownKey();
  // Asked anew even where the bundle is the same: the read may have failed, which makes a refusal an outage.
  return findTrust(subject, trust);
}

/**
 * The keys that may have signed: the one its `kid` names, or without a `kid` all that fit, eight at most.
 *
 * @throws {DcrError} `key_id_missing`, `key_not_found`; `source_unavailable` while the bundle cannot be refreshed
 * @see JWT-SVID section 2.2
 */
export function candidateKeys(
  { source, bundle }: LoadedTrust,
  keyId: string | undefined,
  algorithm: JwtSvidAlgorithm,
): readonly JwtAuthority[] {
  const authorities = bundle.jwtAuthorities;
  if (keyId === undefined && source.keyId === "required") {
    refuse(
      "key_id_missing",
      `kid in the header, as the trust source ${source.trustDomain} requires`,
      "none",
    );
  }
  // A kid names its key: no other is tried when that one is absent or does not verify (J08).
  const named =
    keyId === undefined ? [...authorities.values()] : [authorities.get(keyId)];
  const fitting = named.filter(
    (authority): authority is JwtAuthority =>
      authority?.algorithms.includes(algorithm) === true,
  );
  if (fitting.length === 0) {
    const which = keyId === undefined ? "any key" : `key ${quote(keyId)}`;
    // The key may be published and only unknown to us: that is our outage, not the caller's mistake (Q10).
    const isUnknown = keyId === undefined || !authorities.has(keyId);
    refuse(
      source.refreshFails === true && isUnknown
        ? "source_unavailable"
        : "key_not_found",
      `${which} for ${algorithm} in the bundle of ${source.trustDomain}`,
      "no such key",
    );
  }
  return fitting.slice(0, MAX_KEYS_TRIED);
}

/** The first of the keys that the signature verifies with. */
export async function verifyWithOneOf(
  { token }: UnverifiedJws,
  candidates: readonly JwtAuthority[],
  algorithm: JwtSvidAlgorithm,
): Promise<JwtAuthority | undefined> {
  for (const authority of candidates) {
    if (await verifySignature(token, authority.jwk, algorithm))
      return authority;
  }
  return undefined;
}
