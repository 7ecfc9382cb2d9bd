import assert from "node:assert/strict";
import { test } from "node:test";
import { WorkloadApiError } from "@accredit/workload-api";
import * as fc from "fast-check";
import { splitDer } from "../src/der.ts";
import { concatenated } from "./svids.ts";

/** A DER SEQUENCE around so many bytes, in the shortest form. */
function sequence(length: number): Uint8Array {
  const octets: number[] = [];
  if (length >= 0x80) {
    for (let rest = length; rest > 0; rest = Math.floor(rest / 256)) {
      octets.unshift(rest % 256);
    }
    octets.unshift(0x80 + octets.length);
  } else octets.push(length);
  return concatenated([
    Uint8Array.from([0x30, ...octets]),
    new Uint8Array(length).fill(7),
  ]);
}

for (const length of [
  0, 1, 0x7f, 0x80, 0xff, 0x100, 0xffff, 0x10000, 0x40000,
]) {
  test(`a value of ${length} bytes is found between others`, () => {
    const values = [sequence(3), sequence(length), sequence(0)];
    assert.deepEqual(splitDer(concatenated(values), "x", 3), values);
  });
}

test("the values are copies, so that none keeps the whole message", () => {
  const [value] = splitDer(concatenated([sequence(1), sequence(2)]), "x", 2);
  assert.equal(value?.buffer.byteLength, 3);
});

const good = [...sequence(200)];
for (const { name, bytes, why } of [
  { name: "nothing", bytes: [], why: /is empty/ },
  { name: "a tag alone", bytes: [0x30], why: /cut off/ },
  { name: "another tag", bytes: [0x31, 0], why: /SEQUENCE/ },
  { name: "PEM", bytes: [...Buffer.from("-----BEGIN")], why: /SEQUENCE/ },
  {
    name: "an indefinite length",
    bytes: [0x30, 0x80, 0, 0],
    why: /indefinite/,
  },
  {
    name: "a length of 4 octets",
    bytes: [0x30, 0x84, 0, 0, 0, 0],
    why: /too large/,
  },
  { name: "a reserved length", bytes: [0x30, 0xff], why: /too large/ },
  { name: "a length cut off", bytes: [0x30, 0x82, 1], why: /cut off/ },
  {
    name: "a length with a leading zero",
    bytes: [0x30, 0x82, 0, 0x80, ...new Uint8Array(128)],
    why: /longer than it needs/,
  },
  {
    name: "a long form for a short length",
    bytes: [0x30, 0x81, 1, 0],
    why: /longer than it needs/,
  },
  {
    name: "a value beyond 256 KiB",
    bytes: [0x30, 0x83, 4, 0, 1],
    why: /at most 262144/,
  },
  {
    name: "a value cut off",
    bytes: good.slice(0, -1),
    why: /beyond the bytes/,
  },
  { name: "a byte after the value", bytes: [...good, 0], why: /SEQUENCE/ },
  {
    name: "a value cut off after a good one",
    bytes: [...good, 0x30, 1],
    why: /beyond the bytes/,
  },
  {
    name: "more values than allowed",
    bytes: [0x30, 0, 0x30, 0, 0x30, 0],
    why: /at most 2/,
  },
] as const) {
  test(`[WAPI-04] refuses ${name}`, () => {
    assert.throws(() => splitDer(Uint8Array.from(bytes), "the chain", 2), {
      code: "response_invalid",
      message: why,
    });
  });
}

test("any bytes are either split without rest, or refused", () => {
  const begun = fc
    .tuple(fc.constantFrom(0x30, 0x31), fc.uint8Array({ maxLength: 12 }))
    .map(([tag, rest]) => Uint8Array.from([tag, ...rest]));
  fc.assert(
    fc.property(fc.array(begun, { maxLength: 4 }), (parts) => {
      const bytes = concatenated(parts);
      try {
        assert.deepEqual(concatenated(splitDer(bytes, "x", 8)), bytes);
      } catch (error) {
        assert.ok(error instanceof WorkloadApiError);
        assert.equal(error.code, "response_invalid");
      }
    }),
  );
});
