import { hash } from "node:crypto";

/** Segments of a SPIFFE ID's path that share a limit: `/ns/<namespace>` where workloads are named as SPIRE does. */
const PREFIX_SEGMENTS = 2;

/** Groups of an IPv6 address that one network has: a /64 is what the smallest customer gets. */
const NETWORK_GROUPS = 4;

/**
 * The key that an attested subject shares with its neighbours: its trust domain or issuer, and for a SPIFFE
 * ID the first segments of its path, never the last. All keys are of one length, whatever was attested.
 */
export function attestedKey(trust: string, subject: string): string {
  const segments = subject.startsWith("spiffe://")
    ? subject.split("/").slice(3, -1).slice(0, PREFIX_SEGMENTS)
    : [];
  return hash("sha256", [trust, ...segments].join("/"), "base64url");
}

/** The key of one attested subject, which it shares with nobody. */
export function subjectKey(trust: string, subject: string): string {
  return hash("sha256", JSON.stringify([trust, subject]), "base64url");
}

/**
 * The key of a caller's address as Node gives it: an IPv4 address as it is, an IPv6 one as its /64, since one
 * customer has all of that (D11).
 */
export function addressKey(remote: string | null): string {
  if (remote === null) return "unknown";
  const [address = ""] = remote.split("%", 1);
  if (!address.includes(":")) return address;
  if (address.includes(".")) return address.slice(address.lastIndexOf(":") + 1);
  const [head = "", tail] = address.split("::", 2);
  const first = groups(head);
  const last = tail === undefined ? [] : groups(tail);
  const zeros = Math.max(0, 8 - first.length - last.length);
  const all = [...first, ...Array<string>(zeros).fill("0"), ...last];
  return `${all.slice(0, NETWORK_GROUPS).join(":")}::/64`;
}

function groups(text: string): readonly string[] {
  return text === ""
    ? []
    : text
        .split(":")
        .map((group) => group.toLowerCase().replace(/^0+(?=.)/, ""));
}
