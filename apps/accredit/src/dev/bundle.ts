import type { JWK } from "jose";
import type { DevAuthorities } from "./authorities.ts";
import { publicJwk } from "./signing-key.ts";
import { rootCertificate } from "./x509-authority.ts";
import { X509Certificate } from "node:crypto";

/**
 * Renders the SPIFFE bundle: the published authorities of every kind, its sequence and its refresh hint.
 *
 * @see SPIFFE Trust Domain and Bundle, section 4; X509-SVID, section 6.1
 */
export function renderBundle(
  authorities: DevAuthorities,
  refreshHintSeconds: number,
): string {
  return JSON.stringify({
    keys: [
      ...authorities
        .published("x509")
        .map((one) => x509Entry(rootCertificate(one))),
      ...authorities
        .published("jwt")
        .map((key) => ({ ...publicJwk(key), use: "jwt-svid" })),
      ...authorities
        .published("wit")
        .map((key) => ({ ...publicJwk(key), use: "wit-svid" })),
    ],
    spiffe_sequence: authorities.sequence(),
    spiffe_refresh_hint: refreshHintSeconds,
  });
}

/** The JWK Set alone: over the Workload API a key has no `use`, and the set no sequence. */
export function renderKeys(
  authorities: DevAuthorities,
  kind: "jwt" | "wit",
): string {
  return JSON.stringify({ keys: authorities.published(kind).map(publicJwk) });
}

/** The roots as the Workload API gives them: DER, one after the other. */
export function renderRoots(authorities: DevAuthorities): Uint8Array {
  return Buffer.concat(authorities.published("x509").map(rootCertificate));
}

/** No `kid`, and the one certificate in plain base64 (BNDL-05). */
function x509Entry(certificate: Uint8Array): JWK {
  const { kty, crv, x, y } = new X509Certificate(certificate).publicKey.export({
    format: "jwk",
  });
  return {
    kty,
    crv,
    x,
    y,
    use: "x509-svid",
    x5c: [Buffer.from(certificate).toString("base64")],
  } as JWK;
}
