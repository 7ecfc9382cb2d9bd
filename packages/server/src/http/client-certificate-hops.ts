import { BlockList, isIP } from "node:net";

/** How a proxy hands a certificate on: RFC 9440's `Client-Cert`, or Envoy's `X-Forwarded-Client-Cert`. */
export type CertificateHeader = "client_cert" | "xfcc";

/** A proxy that ends TLS, asks for client certificates and replaces the header whatever came in. */
export interface CertificateHop {
  /** IP addresses, CIDR blocks, or `loopback`: the peers that are this hop. */
  readonly addresses: readonly string[];
  readonly header: CertificateHeader;
}

/** Whether the text is an IP address, a CIDR block or `loopback`. */
export function isHopAddress(text: string): boolean {
  return readAddress(text) !== undefined;
}

/**
 * Makes the look-up of the header that a peer may speak through; undefined for every other peer, and for one
 * without an address. The first hop that has the address decides.
 *
 * @throws {TypeError} for an address that {@link isHopAddress} refuses
 */
export function hopFinder(
  hops: readonly CertificateHop[],
): (remote: string | undefined) => CertificateHeader | undefined {
  const lists = hops.map(({ addresses, header }) => ({
    header,
    list: listOf(addresses),
  }));
  if (lists.length === 0) return () => undefined;
  return (remote = "") => {
    // A link-local peer comes with its zone.
    const address = remote.split("%", 1)[0] ?? "";
    const version = isIP(address);
    if (version === 0) return undefined;
    const family = version === 6 ? "ipv6" : "ipv4";
    return lists.find(({ list }) => list.check(address, family))?.header;
  };
}

interface Block {
  readonly address: string;
  readonly family: "ipv4" | "ipv6";
  readonly prefix: number;
}

const LOOPBACK: readonly Block[] = [
  { address: "127.0.0.0", family: "ipv4", prefix: 8 },
  { address: "::1", family: "ipv6", prefix: 128 },
];

function readAddress(text: string): readonly Block[] | undefined {
  if (text === "loopback") return LOOPBACK;
  const [address = "", length, ...more] = text.split("/");
  const version = isIP(address);
  if (version === 0 || address.includes("%") || more.length > 0)
    return undefined;
  const bits = version === 6 ? 128 : 32;
  const prefix = length === undefined ? bits : Number(length);
  if (length !== undefined && !/^(0|[1-9][0-9]{0,2})$/.test(length))
    return undefined;
  if (prefix > bits) return undefined;
  return [{ address, family: version === 6 ? "ipv6" : "ipv4", prefix }];
}

function listOf(addresses: readonly string[]): BlockList {
  const list = new BlockList();
  for (const text of addresses) {
    const blocks = readAddress(text);
    if (blocks === undefined)
      throw new TypeError("expected an IP address, a CIDR block or loopback");
    for (const { address, prefix, family } of blocks)
      list.addSubnet(address, prefix, family);
  }
  return list;
}
