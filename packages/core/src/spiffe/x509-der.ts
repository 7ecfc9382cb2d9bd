/** One value of a strict DER structure. */
export interface DerValue {
  /** The identifier octet: class, whether it is constructed, and number. */
  readonly tag: number;
  /** The content octets. */
  readonly content: Uint8Array;
  /** What a constructed value holds; empty for a primitive one. */
  readonly children: readonly DerValue[];
}

/** Tags of DER, as identifier octets. */
export const TAG = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  oid: 0x06,
  sequence: 0x30,
  set: 0x31,
} as const;

/**
 * Values in one structure. Certificates come from anybody who opens a connection; those of workloads have
 * about a hundred values, or one for each of their names.
 */
const MAX_VALUES = 512;
const MAX_DEPTH = 24;

/**
 * Reads bytes that are exactly one strict DER value of moderate size: definite and shortest lengths, nothing
 * in pieces, nothing behind it. Takes time in proportion to the bytes. Or says why they are not.
 *
 * @see ITU-T X.690 sections 8 and 10
 */
export function readDer(bytes: Uint8Array): DerValue | string {
  const values = readAll(bytes, { left: MAX_VALUES }, 1);
  if (typeof values === "string") return values;
  const [value, ...more] = values;
  return value === undefined || more.length > 0
    ? `${values.length} values instead of one`
    : value;
}

function readAll(
  bytes: Uint8Array,
  budget: { left: number },
  depth: number,
): readonly DerValue[] | string {
  if (depth > MAX_DEPTH) return "too many levels";
  const values: DerValue[] = [];
  for (let offset = 0; offset < bytes.length;) {
    if (--budget.left < 0) return `more than ${MAX_VALUES} values`;
    const tag = bytes[offset] ?? 0;
    const place = readLength(bytes, offset + 1);
    // Numbers above 30 stand in no certificate.
    if (place === undefined || (tag & 0x1f) === 0x1f)
      return "a tag or a length that is not DER";
    const { start, length } = place;
    offset = start + length;
    if (offset > bytes.length) return "a value that ends beyond its bytes";
    const content = bytes.subarray(start, offset);
    const children = isConstructed(tag)
      ? readAll(content, budget, depth + 1)
      : [];
    if (typeof children === "string") return children;
    if (isInPieces(tag)) return "a simple value in pieces";
    values.push({ tag, content, children });
  }
  return values;
}

function isConstructed(tag: number): boolean {
  return (tag & 0x20) !== 0;
}

/** Of the universal types DER lets only SEQUENCE and SET be constructed, and has them always be. */
function isInPieces(tag: number): boolean {
  const isList = tag === TAG.sequence || tag === TAG.set;
  const isListNumber = (tag | 0x20) === 0x30 || (tag | 0x20) === 0x31;
  return tag < 0x40 && (isConstructed(tag) ? !isList : isListNumber);
}

/** A length in its shortest form, of at most three octets. */
function readLength(
  bytes: Uint8Array,
  offset: number,
): { readonly start: number; readonly length: number } | undefined {
  const first = bytes[offset];
  if (first === undefined) return undefined;
  if (first < 0x80) return { start: offset + 1, length: first };
  const octets = first & 0x7f;
  const start = offset + 1 + octets;
  if (octets < 1 || octets > 3 || start > bytes.length) return undefined;
  const length = toNumber(bytes.subarray(offset + 1, start));
  const isShortest = length >= 0x80 && length >= 256 ** (octets - 1);
  return isShortest ? { start, length } : undefined;
}

/** An object identifier in dotted form; undefined for anything else. */
export function readOid(value: DerValue | undefined): string | undefined {
  if (value?.tag !== TAG.oid) return undefined;
  const arcs: number[] = [];
  let arc = 0;
  for (const [index, octet] of value.content.entries()) {
    const isFirst =
      index === 0 || ((value.content[index - 1] ?? 0) & 0x80) === 0;
    if (isFirst && octet === 0x80) return undefined;
    arc = arc * 128 + (octet & 0x7f);
    if (!Number.isSafeInteger(arc)) return undefined;
    if ((octet & 0x80) !== 0) continue;
    arcs.push(arc);
    arc = 0;
  }
  const [first] = arcs;
  const isComplete = ((value.content.at(-1) ?? 0x80) & 0x80) === 0;
  if (first === undefined || !isComplete) return undefined;
  const top = Math.min(2, Math.floor(first / 40));
  return [top, first - top * 40, ...arcs.slice(1)].join(".");
}

/** A truth value; undefined for anything else. */
export function readBoolean(value: DerValue | undefined): boolean | undefined {
  if (value?.tag !== TAG.boolean || value.content.length !== 1)
    return undefined;
  const [octet] = value.content;
  return octet === 0xff ? true : octet === 0 ? false : undefined;
}

/** A whole number from 0, Infinity where it is beyond all counting here; undefined for anything else. */
export function readCount(value: DerValue | undefined): number | undefined {
  if (value?.tag !== TAG.integer) return undefined;
  const [first, second] = value.content;
  if (first === undefined || first >= 0x80) return undefined;
  if (first === 0 && second !== undefined && second < 0x80) return undefined;
  return value.content.length > 4 ? Infinity : toNumber(value.content);
}

function toNumber(octets: Uint8Array): number {
  return octets.reduce((sum, octet) => sum * 256 + octet, 0);
}
