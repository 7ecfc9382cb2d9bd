import { isIP, type LookupFunction } from "node:net";
import {
  connect,
  createSecureContext,
  getCACertificates,
  type SecureContext,
  type TLSSocket,
} from "node:tls";
import type { buildConnector } from "undici";
import { SourceError } from "../source-error.ts";

/** What a connection is allowed to be. */
export interface ConnectorOptions {
  /** The only addresses to connect to. */
  readonly addresses: readonly string[];
  readonly extraCa: string | undefined;
  /** Ends the connection, at whatever stage it is. */
  readonly signal: AbortSignal;
  /** Throws where the address that the socket really reached is not allowed. */
  readonly checkPeer: (address: string) => void;
  /**
   * Judges the endpoint's certificates (DER, the leaf first) in place of Web PKI and the host name; throws
   * where it does not trust them, and then nothing is sent.
   */
  readonly verifyPeer?:
    ((chain: readonly Uint8Array[]) => Promise<void>) | undefined;
}

/**
 * Makes undici's connections: TLS 1.2 or later to given addresses, the certificate checked against the
 * certificate authorities and the host name, whatever the process's environment says.
 *
 * @see RFC 6125
 */
export function createConnector(
  options: ConnectorOptions,
): buildConnector.connector {
  const { addresses, extraCa, signal, checkPeer, verifyPeer } = options;
  return ({ hostname, port }, callback) => {
    const host = hostname.replace(/^\[(.*)\]$/, "$1");
    let reached = false;
    let refusal: unknown;
    const socket = connect({
      host,
      port: port === "" ? 443 : Number(port),
      lookup: pinned(addresses),
      // SNI carries names only, and without the dot that ends an absolute one (RFC 6066 section 3).
      ...(isIP(host) === 0 ? { servername: host.replace(/\.$/, "") } : {}),
      ...(extraCa === undefined ? {} : { secureContext: contextWith(extraCa) }),
      ALPNProtocols: ["http/1.1"],
      minVersion: "TLSv1.2",
      // Said aloud, or NODE_TLS_REJECT_UNAUTHORIZED=0 would undo it. Off only where we judge ourselves.
      rejectUnauthorized: verifyPeer === undefined,
    });
    const onAbort = (): void => void socket.destroy();
    signal.addEventListener("abort", onAbort, { once: true });
    socket.once("close", () => signal.removeEventListener("abort", onAbort));
    socket.setNoDelay(true);
    socket.once("connect", () => {
      reached = true;
      try {
        checkPeer(socket.remoteAddress ?? "");
      } catch (error) {
        refusal = error;
        socket.destroy();
      }
    });

    let settled = false;
    const settle = (error: Error | undefined): void => {
      if (settled) return;
      settled = true;
      if (error === undefined) callback(null, socket);
      else callback(error, null);
    };
    const fail = (cause?: unknown): void => {
      if (refusal instanceof Error) settle(refusal);
      else settle(connectionError(hostname, reached, cause));
    };
    const judge = async (): Promise<void> => {
      try {
        await verifyPeer?.(presentedChain(socket));
        settle(undefined);
      } catch (error) {
        refusal = error;
        socket.destroy();
      }
    };
    socket.once("secureConnect", () => void judge());
    socket.on("error", fail);
    socket.once("close", () => fail());
    if (signal.aborted) onAbort();
  };
}

/** Contexts that are kept; more different authorities than sources have in practice. */
const MAX_CONTEXTS = 100;
const contexts = new Map<string, SecureContext>();

/**
 * The default authorities and one more. Made once: reading them all takes tens of milliseconds and megabytes,
 * and a thousand sources with one private authority poll all the time.
 */
function contextWith(extraCa: string): SecureContext {
  let context = contexts.get(extraCa);
  if (context === undefined) {
    context = createSecureContext({
      ca: [...getCACertificates("default"), extraCa],
      minVersion: "TLSv1.2",
    });
    const [oldest] = contexts.keys();
    if (contexts.size >= MAX_CONTEXTS && oldest !== undefined)
      contexts.delete(oldest);
    contexts.set(extraCa, context);
  }
  return context;
}

/** More certificates than any verifier would take are not read. */
const MAX_CHAIN = 16;

/**
 * What the endpoint sent. Each connection is one of its own and offers no session: a resumed one would have
 * lost the certificates above the leaf.
 */
function presentedChain(socket: TLSSocket): readonly Uint8Array[] {
  const chain: Uint8Array[] = [];
  let certificate = socket.getPeerX509Certificate();
  // A certificate that issued itself is its own issuer here: the walk would never end.
  while (certificate !== undefined && chain.length < MAX_CHAIN) {
    const { raw } = certificate;
    if (chain.some((seen) => raw.equals(seen))) break;
    chain.push(raw);
    certificate = certificate.issuerCertificate;
  }
  return chain;
}

/** A lookup that knows only the addresses checked before. */
function pinned(addresses: readonly string[]): LookupFunction {
  const found = addresses.map((address) => ({
    address,
    family: isIP(address),
  }));
  return (_hostname, { all }, callback) => {
    const [first] = found;
    if (all === true) callback(null, found);
    else callback(null, first?.address ?? "", first?.family);
  };
}

function connectionError(
  hostname: string,
  reached: boolean,
  cause: unknown,
): SourceError {
  const code =
    cause instanceof Error && "code" in cause
      ? String(cause.code)
      : "a closed connection";
  return reached
    ? new SourceError(
        "tls_failed",
        `expected TLS 1.2 or later with a certificate for ${hostname} from a trusted authority, got ${code}`,
        { cause },
      )
    : new SourceError(
        "connect_failed",
        `expected a connection to ${hostname}, got ${code}`,
        { cause },
      );
}
