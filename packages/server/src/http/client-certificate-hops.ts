import { addressMatcher } from "./proxy-addresses.ts";

/** How a proxy hands a certificate on: RFC 9440's `Client-Cert`, or Envoy's `X-Forwarded-Client-Cert`. */
export type CertificateHeader = "client_cert" | "xfcc";

/** A proxy that ends TLS, asks for client certificates and replaces the header whatever came in. */
export interface CertificateHop {
  /** IP addresses, CIDR blocks, or `loopback`: the peers that are this hop. */
  readonly addresses: readonly string[];
  readonly header: CertificateHeader;
}

/**
 * Makes the look-up of the header that a peer may speak through; undefined for every other peer, and for one
 * without an address. The first hop that has the address decides.
 *
 * @throws {TypeError} for an address that is none
 */
export function hopFinder(
  hops: readonly CertificateHop[],
): (remote: string | undefined) => CertificateHeader | undefined {
  const known = hops.map(({ addresses, header }) => ({
    header,
    isHop: addressMatcher(addresses),
  }));
  return (remote) => known.find(({ isHop }) => isHop(remote))?.header;
}
