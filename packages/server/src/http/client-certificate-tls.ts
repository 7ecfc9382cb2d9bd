import type { X509Certificate } from "node:crypto";
import type { Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import type { CertificateChain } from "./client-certificate.ts";

/** More certificates than any verifier would take are not read. */
const MAX_CHAIN = 16;

/** Reading a peer's chain empties it in OpenSSL (measured, Node 24): it is read once for each connection. */
const chains = new WeakMap<Socket, CertificateChain | null>();

/**
 * The certificates that the TLS client of this connection presented and proved to hold the key of, as they
 * were sent. A resumed session has lost all but the leaf, so nothing of it counts.
 *
 * @see RFC 8446 section 4.4.2
 */
export function readTlsCertificates(
  socket: Socket,
): CertificateChain | undefined {
  const known = chains.get(socket);
  if (known !== undefined) return known ?? undefined;
  const chain = isTls(socket) ? presented(socket) : undefined;
  chains.set(socket, chain ?? null);
  return chain;
}

function presented(socket: TLSSocket): CertificateChain | undefined {
  if (socket.isSessionReused()) return undefined;
  const chain: Uint8Array[] = [];
  let certificate: X509Certificate | undefined =
    socket.getPeerX509Certificate();
  while (certificate !== undefined && chain.length < MAX_CHAIN) {
    chain.push(certificate.raw);
    certificate = certificate.issuerCertificate;
  }
  return chain.length === 0 ? undefined : chain;
}

function isTls(socket: Socket): socket is TLSSocket {
  return "encrypted" in socket && socket.encrypted === true;
}
