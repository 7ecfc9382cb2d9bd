import type { IncomingMessage } from "node:http";
import { DcrError } from "@accredit/core/errors";
import { readClientCertField } from "./client-certificate-field.ts";
import { hopFinder, type CertificateHop } from "./client-certificate-hops.ts";
import { readTlsCertificates } from "./client-certificate-tls.ts";
import { readXfcc } from "./client-certificate-xfcc.ts";
import { headerLines } from "./header-lines.ts";

/** A certificate chain that the peer holds the key of: DER, the leaf first. Nothing else of it is verified. */
export type CertificateChain = readonly Uint8Array[];

/** Where client certificates may come from. */
export interface ClientCertificateOptions {
  /** Whether a listener of ours asks TLS clients for their certificate. */
  readonly listener: boolean;
  /** Proxies that end TLS and hand the certificate on. */
  readonly hops: readonly CertificateHop[];
}

/** Reads the certificate chain of a request; undefined where it has none. */
export type ReadClientCertificates = (
  request: IncomingMessage,
) => CertificateChain | undefined;

/**
 * Makes the reader of client certificates. A header counts only where the TCP peer is a configured hop, and
 * only the one that this hop writes; from everyone else it is as if it were not there (SEC-09, A17). What a
 * hop sends never falls back to the hop's own certificate.
 *
 * The reader throws `DcrError` `certificate_malformed` for what a hop cannot have meant.
 *
 * @see RFC 9440 section 2; RFC 8705 section 2
 */
export function clientCertificateReader(
  options: ClientCertificateOptions,
): ReadClientCertificates {
  const findHop = hopFinder(options.hops);
  return (request) => {
    const header = findHop(request.socket.remoteAddress);
    if (header === undefined)
      return options.listener ? readTlsCertificates(request.socket) : undefined;
    const names = HEADERS[header];
    refuseHopByHop(request, names);
    return header === "client_cert"
      ? readClientCertField(
          headerLines(request, "client-cert"),
          headerLines(request, "client-cert-chain"),
        )
      : readXfcc(headerLines(request, "x-forwarded-client-cert"));
  };
}

const HEADERS = {
  client_cert: ["client-cert", "client-cert-chain"],
  xfcc: ["x-forwarded-client-cert"],
} as const;

/** A `Connection` header that names ours tells some proxies to take it away, or to let one through (A19). */
function refuseHopByHop(
  request: IncomingMessage,
  names: readonly string[],
): void {
  const options = headerLines(request, "connection").flatMap((line) =>
    line.split(",").map((option) => option.trim().toLowerCase()),
  );
  if (options.some((option) => names.includes(option))) {
    throw new DcrError(
      "certificate_malformed",
      "expected the certificate's header to be end-to-end, got its name in Connection",
    );
  }
}
