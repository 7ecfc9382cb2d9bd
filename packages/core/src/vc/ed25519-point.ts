/** The field and the curve of RFC 8032 section 5.1. */
const P = 2n ** 255n - 19n;
const D =
  37095705934669439343138083508754565189542113879843219016388785533085940283555n;
/** The y of the points of order 1, 2, 4 and 8: with such a key anybody's signature may verify. */
const SMALL_ORDER_Y: ReadonlySet<bigint> = new Set([
  0n,
  1n,
  P - 1n,
  2707385501144840649318225287225658788936804267575313519463743609750303402022n,
  P -
    2707385501144840649318225287225658788936804267575313519463743609750303402022n,
]);

/** Whether 32 bytes are the canonical encoding of a point on the curve that is not of small order. */
export function isStrongEd25519Key(bytes: Uint8Array): boolean {
  const hex = Buffer.from(bytes.toReversed()).toString("hex");
  const y = BigInt(`0x${hex}`) & (2n ** 255n - 1n);
  if (y >= P || SMALL_ORDER_Y.has(y)) return false;
  const square = (y * y) % P;
  // x² = (y² - 1) / (d·y² + 1) has to be a square; it is where the product of both is one.
  const product = (square - 1n) * (D * square + 1n);
  return power(((product % P) + P) % P, (P - 1n) / 2n) === 1n;
}

function power(base: bigint, exponent: bigint): bigint {
  let result = 1n;
  let factor = base;
  for (let rest = exponent; rest > 0n; rest >>= 1n) {
    if ((rest & 1n) === 1n) result = (result * factor) % P;
    factor = (factor * factor) % P;
  }
  return result;
}
