import assert from "node:assert/strict";
import { test } from "node:test";
import { deflateRawSync, deflateSync, gzipSync } from "node:zlib";
import fc from "fast-check";
import { DcrError } from "@accredit/core";
import {
  decodeBitstring,
  decodeStatusList2021,
  decodeTokenStatusList,
  isSameList,
  MAX_STATUS_LIST_BYTES,
  statusOf,
  type StatusBits,
} from "@accredit/core/vc";
import { bitstring, encodedList, lst, URL_OF_LIST } from "./status-fixture.ts";

const INVALID = { name: "DcrError", code: "status_list_invalid" };

function inToken(list: StatusBits, index: number): string {
  return statusOf(list, {
    kind: "token_status_list",
    listUrl: URL_OF_LIST,
    index,
  });
}

function inBitstring(
  list: StatusBits,
  index: number,
  size = 1,
  purpose = "revocation",
): string {
  return statusOf(list, {
    kind: "bitstring",
    listUrl: URL_OF_LIST,
    index,
    purpose,
    size,
  });
}

test("[STAT-03] [STAT-04] [STAT-05] the vectors of the Token Status List", async () => {
  const one = Buffer.from("78dadbb918000217015d", "hex").toString("base64url");
  assert.equal(one, "eNrbuRgAAhcBXQ");
  const bits = await decodeTokenStatusList(one, 1);
  assert.equal(Buffer.from(bits.bytes).toString("hex"), "b9a3");
  assert.deepEqual(
    Array.from({ length: 16 }, (_, index) =>
      inToken(bits, index) === "valid" ? 0 : 1,
    ),
    [1, 0, 0, 1, 1, 1, 0, 1, 1, 1, 0, 0, 0, 1, 0, 1],
  );
  const two = Buffer.from("78da3be9f2130003df0207", "hex").toString(
    "base64url",
  );
  const pairs = await decodeTokenStatusList(two, 2);
  assert.equal(Buffer.from(pairs.bytes).toString("hex"), "c944f9");
  const names = {
    0: "valid",
    1: "revoked",
    2: "suspended",
    3: "suspended",
  } as const;
  assert.deepEqual(
    Array.from({ length: 12 }, (_, index) => inToken(pairs, index)),
    ([1, 2, 0, 3, 0, 1, 0, 1, 1, 2, 3, 3] as const).map(
      (value) => names[value],
    ),
  );
});

test("[V20] [STAT-03] [STAT-09] one counts from the most significant bit, the other from the least", async () => {
  for (const [byte, first, eighth] of [
    [0x80, "revoked", "valid"],
    [0x01, "valid", "revoked"],
  ] as const) {
    const list = await decodeBitstring(encodedList(bitstring(byte)), [
      "revocation",
    ]);
    assert.equal(inBitstring(list, 0), first);
    assert.equal(inBitstring(list, 7), eighth);
    const token = await decodeTokenStatusList(lst(Buffer.from([byte])), 1);
    assert.equal(inToken(token, 7), first);
    assert.equal(inToken(token, 0), eighth);
  }
});

test("[STAT-05] any value but 0 refuses, of every size", async () => {
  for (const size of [1, 2, 4, 8]) {
    for (let value = 0; value < 2 ** size; value++) {
      const list = await decodeTokenStatusList(lst(Buffer.from([value])), size);
      assert.equal(
        inToken(list, 0),
        ["valid", "revoked"][value] ?? "suspended",
      );
      for (let index = 1; index < 8 / size; index++)
        assert.equal(inToken(list, index), "valid");
    }
  }
});

test("[STAT-09] an entry of several bits begins at index times size, most significant bit first", async () => {
  const bytes = Buffer.alloc((131_072 * 3) / 8 + 1);
  bytes[1] = 0x10; // Bit 11: the last of the entry of three bits at index 3.
  const list = await decodeBitstring(encodedList(bytes), ["revocation"]);
  for (let index = 0; index < 10; index++)
    assert.equal(
      inBitstring(list, index, 3),
      index === 3 ? "revoked" : "valid",
    );
  assert.throws(
    () => inBitstring(list, 0, 4),
    INVALID,
    "fewer entries than there have to be",
  );
});

test("[V16] [STAT-10] a list answers for its own purposes", async () => {
  const encoded = encodedList(bitstring(0x80));
  const both = await decodeBitstring(encoded, [
    "revocation",
    "suspension",
    "refresh",
    "message",
    "other",
  ]);
  assert.equal(inBitstring(both, 0), "revoked");
  assert.equal(inBitstring(both, 0, 1, "suspension"), "suspended");
  assert.equal(inBitstring(both, 1, 1, "suspension"), "valid");
  assert.equal(inBitstring(both, 0, 1, "refresh"), "valid");
  assert.equal(inBitstring(both, 0, 1, "message"), "valid");
  for (const index of [0, 1])
    assert.throws(
      () => inBitstring(both, index, 1, "other"),
      INVALID,
      "an unknown purpose",
    );
  const one = await decodeBitstring(encoded, ["suspension"]);
  assert.throws(() => inBitstring(one, 1), INVALID);
  assert.throws(() => inBitstring(one, 1, 1, ""), INVALID);
});

test("[V17] [STAT-03] [STAT-09] no index but one within the list", async () => {
  const bits = await decodeBitstring(encodedList(bitstring()), ["revocation"]);
  const token = await decodeTokenStatusList(lst(Buffer.alloc(4)), 4);
  assert.equal(inBitstring(bits, 131_071), "valid");
  assert.equal(inToken(token, 7), "valid");
  for (const index of [
    -1,
    1.5,
    131_072,
    2 ** 31,
    2 ** 32,
    2 ** 53,
    Number.NaN,
    Infinity,
  ])
    assert.throws(() => inBitstring(bits, index), INVALID, String(index));
  for (const index of [-1, 0.5, 8, 2 ** 29, 2 ** 32, 2 ** 53])
    assert.throws(() => inToken(token, index), INVALID, String(index));
  for (const size of [0, -1, 1.5, 2 ** 31, Infinity, Number.NaN])
    assert.throws(() => inBitstring(bits, 0, size), INVALID, String(size));
});

test("[STAT-12] a list answers for its own kind", async () => {
  const bits = await decodeBitstring(encodedList(bitstring()), ["revocation"]);
  const token = await decodeTokenStatusList(lst(Buffer.alloc(4)), 1);
  assert.throws(() => inToken(bits, 0), INVALID);
  assert.throws(() => inBitstring(token, 0), INVALID);
  assert.throws(
    () =>
      statusOf(bits, {
        kind: "status_list_2021",
        listUrl: URL_OF_LIST,
        index: 0,
        purpose: "revocation",
        size: 1,
      }),
    INVALID,
  );
});

const good = bitstring(0x80);
const twoMembers = Buffer.concat([gzipSync(good), gzipSync(good)]);
const flipped = gzipSync(good);
flipped.writeUInt8((flipped.at(-6) ?? 0) ^ 1, flipped.length - 6);
const u = (bytes: Uint8Array): string =>
  `u${Buffer.from(bytes).toString("base64url")}`;
for (const [name, encoded] of [
  ["nothing", ""],
  ["only the multibase", "u"],
  ["no multibase", gzipSync(good).toString("base64url")],
  ["another multibase", `z${gzipSync(good).toString("base64url")}`],
  ["padding", `${u(gzipSync(Buffer.concat([good, Buffer.from([1])])))}=`],
  ["base64", `u${gzipSync(good).toString("base64")}`],
  ["fewer than 131,072 entries", u(gzipSync(good.subarray(1)))],
  ["ZLIB", u(deflateSync(good))],
  ["raw DEFLATE", u(deflateRawSync(good))],
  ["no compression", u(good)],
  ["two members", u(twoMembers)],
  ["a byte after it", u(Buffer.concat([gzipSync(good), Buffer.from([0])]))],
  ["zeros after it", u(Buffer.concat([gzipSync(good), Buffer.alloc(100)]))],
  ["a truncated stream", u(gzipSync(good).subarray(0, -9))],
  ["a truncated trailer", u(gzipSync(good).subarray(0, -1))],
  ["a header alone", u(gzipSync(good).subarray(0, 10))],
  ["a wrong checksum", u(flipped)],
  ["a reserved flag", u(Buffer.from(gzipSync(good)).fill(0xe0, 3, 4))],
  [
    "a name without end",
    u(
      Buffer.concat([
        Buffer.from("1f8b0808000000000003", "hex"),
        Buffer.alloc(20, 65),
      ]),
    ),
  ],
  [
    "an extra field beyond the end",
    u(
      Buffer.concat([
        Buffer.from("1f8b0804000000000003ffff", "hex"),
        Buffer.alloc(20, 65),
      ]),
    ),
  ],
] as const) {
  test(`[V19] [STAT-09] a Bitstring list of ${name} is refused`, async () => {
    await assert.rejects(decodeBitstring(encoded, ["revocation"]), INVALID);
  });
}

test("[STAT-09] a GZIP header may say where it came from", async () => {
  const member = gzipSync(good);
  const header = Buffer.from(member.subarray(0, 10));
  header[3] = 4 | 8 | 16 | 2;
  const more = Buffer.from([
    2,
    0,
    7,
    7,
    ...Buffer.from("name\0"),
    ...Buffer.from("note\0"),
    0,
    0,
  ]);
  const list = await decodeBitstring(
    u(Buffer.concat([header, more, member.subarray(10)])),
    ["revocation"],
  );
  assert.equal(inBitstring(list, 0), "revoked");
});

for (const [name, encoded, size] of [
  ["GZIP", gzipSync(good).toString("base64url"), 1],
  ["raw DEFLATE", deflateRawSync(good).toString("base64url"), 1],
  [
    "two streams",
    Buffer.concat([deflateSync(good), deflateSync(good)]).toString("base64url"),
    1,
  ],
  [
    "a byte after it",
    Buffer.concat([deflateSync(good), Buffer.from([0])]).toString("base64url"),
    1,
  ],
  [
    "a truncated stream",
    deflateSync(good).subarray(0, -1).toString("base64url"),
    1,
  ],
  [
    "a preset dictionary",
    deflateSync(good, { dictionary: Buffer.from("abcdef") }).toString(
      "base64url",
    ),
    1,
  ],
  ["multibase", `u${deflateSync(good).toString("base64url")}`, 1],
  ["nothing", "", 1],
  ["padding", `${lst(good)}=`, 1],
  ["3 bits", lst(good), 3],
  ["0 bits", lst(good), 0],
  ["16 bits", lst(good), 16],
] as const) {
  test(`[V19] [STAT-03] a Token Status List of ${name} is refused`, async () => {
    await assert.rejects(decodeTokenStatusList(encoded, size), INVALID);
  });
}

test("[STAT-12] [F10] a list that inflates beyond the limit is refused before it has", async () => {
  const bomb = Buffer.alloc(MAX_STATUS_LIST_BYTES + 1);
  await assert.rejects(decodeTokenStatusList(lst(bomb), 1), INVALID);
  await assert.rejects(
    decodeBitstring(encodedList(bomb), ["revocation"]),
    INVALID,
  );
  const most = await decodeTokenStatusList(lst(bomb.subarray(1)), 1);
  assert.equal(most.bytes.length, MAX_STATUS_LIST_BYTES);
  assert.equal(inToken(most, MAX_STATUS_LIST_BYTES * 8 - 1), "valid");
});

test("[STAT-11] StatusList2021 has no multibase, and either alphabet with padding or without", async () => {
  const list = Buffer.alloc(20_000, 0).fill(Buffer.from("a?>~\xff", "latin1"));
  for (const encoded of [
    gzipSync(list).toString("base64"),
    gzipSync(list).toString("base64").replace(/=+$/, ""),
    gzipSync(list).toString("base64url"),
  ]) {
    const { bytes } = await decodeStatusList2021(encoded, ["revocation"]);
    assert.deepEqual(Buffer.from(bytes), list);
  }
  for (const encoded of [
    "",
    "=",
    encodedList(good),
    lst(good),
    `${gzipSync(good).toString("base64")}===`,
  ])
    await assert.rejects(
      decodeStatusList2021(encoded, ["revocation"]),
      INVALID,
    );
});

test("[STAT-03] [STAT-09] every entry of a million reads back as it was written", async () => {
  const bytes = Buffer.alloc(125_000);
  for (let at = 0, state = 1; at < bytes.length; at++) {
    state = (state * 48_271) % 2_147_483_647;
    bytes[at] = state;
  }
  const token = await decodeTokenStatusList(lst(bytes), 1);
  const bits = await decodeBitstring(encodedList(bytes), ["revocation"]);
  for (let index = 0; index < 1_000_000; index++) {
    const byte = bytes[index >> 3] ?? 0;
    if (
      (inToken(token, index) === "revoked") !==
      ((byte & (1 << (index & 7))) !== 0)
    )
      assert.fail(`token ${index}`);
    if (
      (inBitstring(bits, index) === "revoked") !==
      ((byte & (0x80 >> (index & 7))) !== 0)
    )
      assert.fail(`bits ${index}`);
  }
});

test("[STAT-12] lists are the same where every entry is, and not otherwise", async () => {
  const one = await decodeTokenStatusList(lst(Buffer.from([1])), 1);
  const stored = deflateSync(Buffer.from([1]), { level: 0 });
  for (const [encoded, size, same] of [
    [stored.toString("base64url"), 1, true],
    [lst(Buffer.from([1])), 2, false],
    [lst(Buffer.from([3])), 1, false],
    [lst(Buffer.from([1, 0])), 1, false],
  ] as const)
    assert.equal(
      isSameList(one, await decodeTokenStatusList(encoded, size)),
      same,
    );
  const encoded = encodedList(bitstring(1));
  const revocation = await decodeBitstring(encoded, ["revocation"]);
  const suspension = await decodeBitstring(encoded, ["suspension"]);
  assert.equal(isSameList(revocation, suspension), false);
});

test("[V19] whatever a list is made of, it is bits or one typed error", async () => {
  const start = fc.constantFrom(
    gzipSync(good),
    deflateSync(good),
    Buffer.alloc(0),
  );
  await fc.assert(
    fc.asyncProperty(
      start,
      fc.array(fc.tuple(fc.nat(40), fc.nat(255)), { maxLength: 4 }),
      fc.uint8Array({ maxLength: 9 }),
      fc.nat(30),
      async (bytes, edits, tail, cut) => {
        const changed = Buffer.concat([
          bytes.subarray(0, bytes.length - cut),
          tail,
        ]);
        for (const [at, value] of edits)
          if (at < changed.length) changed[at] = value;
        for (const attempt of [
          () => decodeBitstring(u(changed), ["revocation"]),
          () => decodeTokenStatusList(changed.toString("base64url"), 1),
        ]) {
          const error: unknown = await attempt().then(
            () => undefined,
            (reason: unknown) => reason,
          );
          assert.ok(
            error === undefined ||
              (error instanceof DcrError &&
                error.code === "status_list_invalid"),
            String(error),
          );
        }
      },
    ),
  );
});
