import { isIP } from "node:net";
import { WorkloadApiError } from "./error.ts";
import { printable } from "./printable.ts";

/** Where a Workload API listens: a Unix domain socket, or TCP on an IP address. */
export type WorkloadApiAddress =
  | { readonly kind: "unix"; readonly path: string }
  | { readonly kind: "tcp"; readonly host: string; readonly port: number };

/**
 * Parses a Workload API address: `unix:///absolute/path`, `unix:/absolute/path` or `tcp://<IP>:<port>`.
 *
 * It is a URI, so `%20` in a path stands for a space. Nothing is repaired or looked up: a host name, a
 * relative path, a query or a fragment is refused.
 *
 * @throws {WorkloadApiError} `address_invalid`
 * @see SPIFFE Workload Endpoint, section 4
 */
export function parseWorkloadApiAddress(text: string): WorkloadApiAddress {
  if (text.startsWith("unix:")) return parseUnix(text);
  if (text.startsWith("tcp:")) return parseTcp(text);
  throw invalid(text, "the scheme is neither unix nor tcp");
}

function parseUnix(text: string): WorkloadApiAddress {
  const rest = text.slice("unix:".length);
  if (/[?#]/.test(rest)) throw invalid(text, "it has a query or a fragment");
  const hasAuthority = rest.startsWith("//");
  const encoded = hasAuthority ? rest.slice(2) : rest;
  if (!encoded.startsWith("/")) {
    throw invalid(
      text,
      hasAuthority ? "it names a host" : "the path is not absolute",
    );
  }
  const path = decode(encoded);
  if (path === undefined || path.includes("\0")) {
    throw invalid(text, "the path is not validly percent-encoded");
  }
  if (path.endsWith("/")) throw invalid(text, "the path names no socket");
  return { kind: "unix", path };
}

function parseTcp(text: string): WorkloadApiAddress {
  const match = /^tcp:\/\/(?:\[([^\]]*)\]|([^:/?#]*)):([0-9]{1,5})$/.exec(text);
  if (match === null) throw invalid(text, "it is not just an IP and a port");
  const [, ipv6, ipv4, digits] = match;
  const host = ipv6 ?? ipv4 ?? "";
  if (isIP(host) !== (ipv6 === undefined ? 4 : 6) || host.includes("%")) {
    throw invalid(text, "the host is not an IP address");
  }
  const port = Number(digits);
  if (port < 1 || port > 65_535) throw invalid(text, "the port is not 1-65535");
  return { kind: "tcp", host, port };
}

function decode(encoded: string): string | undefined {
  try {
    return decodeURIComponent(encoded);
  } catch {
    return undefined;
  }
}

function invalid(text: string, why: string): WorkloadApiError {
  return new WorkloadApiError(
    "address_invalid",
    `Workload API address: expected unix:///absolute/path or tcp://IP:port, got "${printable(text)}": ${why}`,
  );
}
