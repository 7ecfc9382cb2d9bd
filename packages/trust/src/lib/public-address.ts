import { isIP } from "node:net";
import ipaddr from "ipaddr.js";

const GLOBAL_UNICAST_IPV6: [ipaddr.IPv6, number] = [
  ipaddr.IPv6.parse("2000::"),
  3,
];

/**
 * Why an IP address is not one on the public Internet, as the name of its range; undefined where it is.
 *
 * IPv6 is public only within 2000::/3 and outside the special ranges in it: addresses that carry an IPv4
 * one (mapped, compatible, NAT64, 6to4, Teredo) could lead anywhere and are none of the public ones.
 *
 * @see IANA special-purpose address registries (RFC 6890)
 */
export function specialRange(address: string): string | undefined {
  if (isIP(address) === 0) return "not an IP address";
  const ip = ipaddr.parse(address);
  const range: string = ip.range();
  if (range !== "unicast") return range;
  if (ip.kind() === "ipv6" && !ip.match(GLOBAL_UNICAST_IPV6)) {
    return "not global unicast";
  }
  return undefined;
}
