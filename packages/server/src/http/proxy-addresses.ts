import { BlockList, isIP } from "node:net";

/** Whether the text is one IP address, without a zone. */
export function isIpAddress(text: string): boolean {
  return isIP(text) !== 0 && !text.includes("%");
}

/** Whether the text is an IP address, a CIDR block or `loopback`. */
export function isProxyAddress(text: string): boolean {
  return readAddress(text) !== undefined;
}

/**
 * Makes the check whether an address, as Node gives a peer's, is one of these; one that is none never is.
 *
 * @throws {TypeError} for an address that {@link isProxyAddress} refuses
 */
export function addressMatcher(
  addresses: readonly string[],
): (remote: string | undefined) => boolean {
  if (addresses.length === 0) return () => false;
  const list = listOf(addresses);
  return (remote = "") => {
    // A link-local peer comes with its zone.
    const address = remote.split("%", 1)[0] ?? "";
    const version = isIP(address);
    return (
      version !== 0 && list.check(address, version === 6 ? "ipv6" : "ipv4")
    );
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
