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

/**
 * The Workload API's address from the variable that the standard names for it. The caller passes the
 * environment (`process.env`); nothing else of it is read.
 *
 * @returns the variable's value, which is an address that `parseWorkloadApiAddress` takes
 * @throws {WorkloadApiError} `address_missing`, `address_invalid`
 * @see SPIFFE Workload Endpoint, section 4
 */
export function workloadApiAddressFromEnvironment(
  env: Readonly<Record<string, string | undefined>>,
): string {
  return requireAddress(env["SPIFFE_ENDPOINT_SOCKET"]);
}

/**
 * An address that is there and can be parsed.
 *
 * @throws {WorkloadApiError} `address_missing`, `address_invalid`
 */
export function requireAddress(address: string | undefined): string {
  if (address === undefined || address === "") {
    throw new WorkloadApiError(
      "address_missing",
      "no Workload API address: give one, or set SPIFFE_ENDPOINT_SOCKET to unix:///absolute/path",
    );
  }
  parseWorkloadApiAddress(address);
  return address;
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
