import { TAG, type DerValue } from "./x509-der.ts";

/** The names of a certificate that we identify anybody by, as they stand there. */
export interface SubjectNames {
  readonly uris: readonly string[];
  readonly dnsNames: readonly string[];
}

/** GeneralName's choices as identifier octets: some simple, some constructed (RFC 5280 section 4.2.1.6). */
export const DNS_NAME = 0x82;
export const URI_NAME = 0x86;
const OTHERS: ReadonlySet<number> = new Set([
  0xa0, 0x81, 0xa3, 0xa4, 0xa5, 0x87, 0x88,
]);

/**
 * The text of a GeneralName of one kind, byte for byte: what is no ASCII is for the parsers of names to
 * refuse. Undefined for another kind.
 */
export function nameOf(
  { tag, content }: DerValue,
  kind: number,
): string | undefined {
  return tag === kind ? Buffer.from(content).toString("latin1") : undefined;
}

/** Whether a value is a GeneralName at all. */
export function isGeneralName({ tag }: DerValue): boolean {
  return tag === DNS_NAME || tag === URI_NAME || OTHERS.has(tag);
}

/** Reads the subject alternative name extension; undefined where it cannot be read. */
export function readNames(
  value: DerValue | undefined,
): SubjectNames | undefined {
  if (value === undefined) return { uris: [], dnsNames: [] };
  const { tag, children } = value;
  if (tag !== TAG.sequence || !children.every(isGeneralName)) return undefined;
  const all = (kind: number): readonly string[] =>
    children
      .map((name) => nameOf(name, kind))
      .filter((name) => name !== undefined);
  return { uris: all(URI_NAME), dnsNames: all(DNS_NAME) };
}
