import { invalid } from "./response.ts";

const SEQUENCE = 0x30;
/** Room for certificates with post-quantum signatures; a whole message has 4 MiB. */
const MAX_ELEMENT_BYTES = 256 * 1024;

/**
 * Splits DER values that stand one after the other, as the Workload API sends certificates. Each is a
 * SEQUENCE of definite, minimally encoded length; together they are all of the bytes. What is inside
 * is not looked at.
 *
 * @param what - names the bytes in the error
 * @param max - how many values there may be
 * @param maxBytes - of the content of each; what a certificate needs by default
 * @throws {WorkloadApiError} `response_invalid`: none, too many, or anything but such values
 */
export function splitDer(
  bytes: Uint8Array,
  what: string,
  max: number,
  maxBytes = MAX_ELEMENT_BYTES,
): readonly Uint8Array[] {
  if (bytes.length === 0) throw invalid(`${what} is empty`);
  const values: Uint8Array[] = [];
  let offset = 0;
  while (offset < bytes.length) {
    if (values.length === max) {
      throw invalid(`${what}: expected at most ${max} DER values, got more`);
    }
    const end = offset + lengthOf(bytes, offset, what, maxBytes);
    if (end > bytes.length) {
      throw invalid(`${what}: a DER value ends beyond the bytes`);
    }
    // A copy, so that keeping one certificate does not keep the whole message.
    values.push(bytes.slice(offset, end));
    offset = end;
  }
  return values;
}

/** The length of the value at `offset` with its tag and length octets. */
function lengthOf(
  bytes: Uint8Array,
  offset: number,
  what: string,
  maxBytes: number,
): number {
  if (bytes[offset] !== SEQUENCE) {
    throw invalid(`${what}: expected a DER SEQUENCE, got something else`);
  }
  const first = bytes[offset + 1];
  if (first === undefined) throw invalid(`${what}: a DER value is cut off`);
  if (first < 0x80) return 2 + first;

  // 0x80 alone is the indefinite length, which DER does not have.
  const octets = first & 0x7f;
  if (octets < 1 || octets > 3) {
    throw invalid(`${what}: a DER length is indefinite or far too large`);
  }
  const digits = bytes.subarray(offset + 2, offset + 2 + octets);
  if (digits.length < octets) throw invalid(`${what}: a DER value is cut off`);
  const length = digits.reduce((sum, octet) => sum * 256 + octet, 0);
  if (digits[0] === 0 || length < 0x80) {
    throw invalid(`${what}: a DER length is longer than it needs to be`);
  }
  if (length > maxBytes) {
    throw invalid(
      `${what}: expected DER values of at most ${maxBytes} bytes, got ${length}`,
    );
  }
  return 2 + octets + length;
}
