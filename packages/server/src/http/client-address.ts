import type { IncomingMessage } from "node:http";
import { headerLines } from "./header-lines.ts";
import { addressMatcher, isIpAddress } from "./proxy-addresses.ts";

/** Reads whose request it is, as an IP address; null where the connection has none. */
export type ReadClientAddress = (request: IncomingMessage) => string | null;

/**
 * Makes the reader of the caller's address: the peer's of the connection, unless that is a proxy we were told to
 * believe. Each such proxy adds to `X-Forwarded-For` whom it was called by, so the list is read from its end: the
 * last address that no such proxy has is the caller's. What stands before it the caller wrote, and is not looked at
 * (D11).
 *
 * @param trustedProxies IP addresses, CIDR blocks or `loopback`
 * @throws {TypeError} for an address that is none
 */
export function clientAddressReader(
  trustedProxies: readonly string[],
): ReadClientAddress {
  const isProxy = addressMatcher(trustedProxies);
  return (request) => {
    let caller = request.socket.remoteAddress ?? null;
    if (caller === null || !isProxy(caller)) return caller;
    const said = headerLines(request, "x-forwarded-for").join(",");
    for (let end = said.length; end > 0 && isProxy(caller);) {
      const start = said.lastIndexOf(",", end - 1);
      const address = withoutPort(said.slice(start + 1, end).trim());
      // Of whoever called the proxy that wrote this, nothing is known.
      if (!isIpAddress(address)) return caller;
      caller = address;
      end = start;
    }
    return caller;
  };
}

/** Some proxies write the port too: `192.0.2.1:4711`, `[2001:db8::1]:4711`. */
function withoutPort(text: string): string {
  const [, address = text] =
    /^\[([^\]]*)\](?::\d+)?$/.exec(text) ?? /^([\d.]+):\d+$/.exec(text) ?? [];
  return address;
}
