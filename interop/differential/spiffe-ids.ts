import { parseSpiffeId } from "@accredit/core/spiffe";
import { verdictOf, type Case, type Cases } from "./case.ts";
import type { SeededRandom } from "./random.ts";

const GOOD = [
  "spiffe://example.org",
  "spiffe://example.org/ns/prod/agent/alice",
  "spiffe://a.b-c_d.0/A.z-_9/..a/a../.hidden",
  "spiffe://1.2.3.4/x",
  `spiffe://${"t".repeat(255)}/x`,
  `spiffe://example.org/${"p".repeat(2027)}`,
];
/** What URL parsers, file systems and Unicode have taught people to try. */
const PIECES = [
  "/",
  "//",
  "/./",
  "/../",
  "/.",
  "/..",
  "/...",
  "%2e",
  "%2F",
  "%00",
  "\\",
  "?",
  "?q=1",
  "#",
  "#f",
  ":",
  ":8443",
  "@",
  "user@",
  "[::1]",
  "\0",
  "	",
  "\n",
  "\r\n",
  " ",
  "\xA0",
  "\u2028",
  "﻿",
  "é",
  "ß",
  "İ",
  "ſ",
  "K",
  "а",
  "．",
  "／",
  "👩",
  "́",
  "xn--",
  "spiffe://",
  "SPIFFE://",
  "spiffe:/",
  "http://",
  "~",
  "!",
  "$",
  "*",
];

/** Every byte at every kind of place, then as many changed at random as make up the count. */
export function spiffeIdCases(random: SeededRandom, count: number): Cases {
  const cases = [...GOOD, "", "spiffe://", "spiffe:///x"].map((text) =>
    caseOf(Buffer.from(text), "none"),
  );
  const base = Buffer.from("spiffe://example.org/ns/x");
  for (const at of [0, 3, 6, 8, 9, 14, 20, 21, 24, base.length]) {
    for (let byte = 0; byte < 256; byte++) {
      cases.push(caseOf(splice(base, at, 1, [byte]), `byte at ${at}`));
    }
  }
  while (cases.length < count) cases.push(randomCase(random));
  return { trust: [], cases };
}

/** The bytes of a SPIFFE ID, changed up to three times. */
export function changedSpiffeId(random: SeededRandom): Buffer {
  let bytes: Buffer = Buffer.from(random.pick(GOOD));
  const changes = random.below(4);
  for (let change = 0; change < changes; change++)
    bytes = changeOnce(bytes, random);
  return bytes;
}

function randomCase(random: SeededRandom): Case {
  return caseOf(changedSpiffeId(random), "changed at random");
}

function changeOnce(bytes: Buffer, random: SeededRandom): Buffer {
  const at = random.below(bytes.length + 1);
  switch (random.below(8)) {
    case 0:
      return splice(bytes, at, 1, [random.below(256)]);
    case 1:
      return splice(bytes, at, 0, [random.below(256)]);
    case 2:
      return splice(bytes, at, 1 + random.below(4), []);
    case 3:
      return splice(bytes, at, 0, Buffer.from(random.pick(PIECES)));
    case 4:
      return Buffer.concat([bytes, Buffer.from(random.pick(PIECES))]);
    case 5:
      return splice(bytes, at, 1, [(bytes[at] ?? 0) ^ 0x20]);
    case 6:
      return splice(bytes, at, 0, bytes.subarray(0, at).subarray(-8));
    default:
      return splice(bytes, at, 0, Buffer.alloc(1 + random.below(60), "a"));
  }
}

function splice(
  bytes: Buffer,
  at: number,
  remove: number,
  insert: Iterable<number>,
): Buffer {
  return Buffer.from([
    ...bytes.subarray(0, at),
    ...insert,
    ...bytes.subarray(at + remove),
  ]);
}

/** Both read the same: text where the bytes are UTF-8, each byte as a character where they are not. */
function caseOf(bytes: Buffer, change: string): Case {
  const utf8 = bytes.toString();
  const text = Buffer.from(utf8).equals(bytes)
    ? utf8
    : bytes.toString("latin1");
  return {
    kind: "spiffe-id",
    changes: [change],
    question: { kind: "spiffe-id", bytes: bytes.toString("base64") },
    judge: () =>
      verdictOf(() => {
        const { trustDomain, path } = parseSpiffeId(text);
        return `spiffe://${trustDomain}${path}`;
      }),
  };
}
