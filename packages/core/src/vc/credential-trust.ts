import { DcrError } from "../errors.ts";
import { quote } from "../lib/quote.ts";
import { refuse } from "../lib/refuse.ts";
import type { TrustSource } from "../trust/index.ts";
import type { CredentialContent } from "./credential-content.ts";
import {
  onlyFittingKey,
  type IssuerAlgorithm,
  type IssuerKey,
} from "./issuer-key.ts";
import { ANY_TYPE } from "./trust.ts";
import type {
  CredentialFormat,
  CredentialIssuerTrust,
  IssuerKeySource,
  KeyHint,
} from "./trust.ts";
import { keyOfCertificates } from "./x5c.ts";

/**
 * The issuer that a credential names, if the server was told to trust it. That keys could be found for
 * another means nothing (VC-01).
 *
 * @throws {DcrError} `issuer_untrusted`
 * @see draft-kasselman-oauth-dcr-trusted-issuer-token section 4.2
 */
export function findCredentialIssuer(
  issuer: string,
  trust: TrustSource,
): CredentialIssuerTrust {
  const source = trust.credentialIssuer?.(issuer);
  return source?.issuer === issuer
    ? source
    : refuse("issuer_untrusted", "an issuer this server trusts", quote(issuer));
}

/**
 * @throws {DcrError} `credential_type_not_allowed`
 * @see RFC 7591 section 3.2.2
 */
export function checkFormat(
  format: CredentialFormat,
  { formats, issuer }: CredentialIssuerTrust,
): void {
  if (!formats.includes(format))
    refuse(
      "credential_type_not_allowed",
      `a credential of ${quote(issuer)} as ${formats.join(" or ") || "nothing"}`,
      format,
    );
}

/**
 * The type gate: a diploma of a trusted issuer registers no client (VC-13, V04).
 *
 * @throws {DcrError} `credential_type_not_allowed`
 */
export function checkType(
  { types }: CredentialContent,
  { types: allowed, issuer }: CredentialIssuerTrust,
): void {
  if (allowed.includes(ANY_TYPE)) return;
  if (!types.some((type) => allowed.includes(type)))
    refuse(
      "credential_type_not_allowed",
      `a credential of ${quote(issuer)} of a type that may register clients`,
      types.length === 0 ? "none" : types.slice(0, 4).map(quote).join(" "),
    );
}

/**
 * The one key that may have signed: that of the certificates which came along, where the issuer has roots
 * for them; else the one its `kid` names; else the only one that fits. Several are never tried (J08, J10).
 *
 * @throws {DcrError} `source_unavailable`, `key_not_found`, `key_id_missing`, and for certificates
 *   `certificate_malformed`, `certificate_invalid`, `certificate_not_trusted`
 * @see RFC 7515 sections 4.1.4 and 4.1.6
 */
export async function findCredentialKey(
  { keys, issuer }: CredentialIssuerTrust,
  hint: KeyHint & { readonly algorithm: IssuerAlgorithm },
  now: number,
): Promise<IssuerKey> {
  const { roots = [] } = keys;
  if (hint.x5c !== undefined && roots.length > 0) {
    const key = await keyOfCertificates(hint.x5c, { issuer, roots }, now);
    return onlyFittingKey([key], hint.algorithm, issuer);
  }
  let candidates = heldKeys(keys, hint, issuer);
  // A new key may be in use before we have seen it; only its name makes us look again.
  if (
    candidates.length === 0 &&
    hint.kid !== undefined &&
    (await keys.refreshUnknownKey?.()) === true
  )
    candidates = heldKeys(keys, hint, issuer);
  return onlyFittingKey(candidates, hint.algorithm, issuer);
}

function heldKeys(
  keys: IssuerKeySource,
  hint: KeyHint,
  issuer: string,
): readonly IssuerKey[] {
  const candidates = keys.candidates(hint);
  if (candidates !== undefined) return candidates;
  throw new DcrError(
    "source_unavailable",
    `the keys of ${quote(issuer)} are not available now; try again later`,
    { data: { issuer } },
  );
}
