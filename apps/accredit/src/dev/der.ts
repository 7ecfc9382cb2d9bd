/** The few DER encodings (X.690) that a certificate is made of. */

/** One element: tag, length, content. */
export function tlv(tag: number, ...parts: readonly Uint8Array[]): Buffer {
  const content = Buffer.concat(parts);
  return Buffer.concat([Buffer.from([tag]), lengthOf(content), content]);
}

function lengthOf({ length }: Uint8Array): Buffer {
  if (length < 0x80) return Buffer.from([length]);
  return length < 0x100
    ? Buffer.from([0x81, length])
    : Buffer.from([0x82, length >> 8, length & 0xff]);
}

export const sequence = (...parts: readonly Uint8Array[]): Buffer =>
  tlv(0x30, ...parts);

export const set = (...parts: readonly Uint8Array[]): Buffer =>
  tlv(0x31, ...parts);

export const octetString = (...parts: readonly Uint8Array[]): Buffer =>
  tlv(0x04, ...parts);

export const utf8String = (text: string): Buffer =>
  tlv(0x0c, Buffer.from(text));

export const TRUE: Buffer = tlv(0x01, Buffer.from([0xff]));

/** A positive integer from its bytes, highest first. */
export function integer(bytes: Uint8Array): Buffer {
  const start = bytes.findIndex((byte) => byte !== 0);
  const digits = start < 0 ? new Uint8Array(1) : bytes.subarray(start);
  const sign = (digits[0] ?? 0) >= 0x80 ? [0] : [];
  return tlv(0x02, Buffer.from(sign), digits);
}

/** A bit string whose last `unused` bits do not count. */
export const bitString = (bytes: Uint8Array, unused = 0): Buffer =>
  tlv(0x03, Buffer.from([unused]), bytes);

/** An object identifier from its dotted form. */
export function oid(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split(".").map(Number);
  const bytes = [first * 40 + second, ...rest].flatMap((arc) => {
    const groups = [arc & 0x7f];
    for (let left = arc >> 7; left > 0; left >>= 7) {
      groups.unshift((left & 0x7f) | 0x80);
    }
    return groups;
  });
  return tlv(0x06, Buffer.from(bytes));
}

/** A certificate's time: UTCTime through 2049, GeneralizedTime after (RFC 5280, section 4.1.2.5). */
export function time(date: Date): Buffer {
  const digits = `${date.toISOString().replace(/[-:T]/g, "").slice(0, 14)}Z`;
  return date.getUTCFullYear() < 2050
    ? tlv(0x17, Buffer.from(digits.slice(2)))
    : tlv(0x18, Buffer.from(digits));
}
