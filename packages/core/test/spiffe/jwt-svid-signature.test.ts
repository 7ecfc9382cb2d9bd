import assert from "node:assert/strict";
import { test } from "node:test";
import { authority, GOOD, verify } from "./jwt-svid-fixture.ts";

/** The order of P-256. */
const N = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;
const scalar = (value: bigint): Buffer =>
  Buffer.from(value.toString(16).padStart(64, "0"), "hex");
const numberOf = (bytes: Buffer): bigint =>
  BigInt(`0x${bytes.toString("hex")}`);

const good = await authority.jwtSvid(GOOD);
const signingInput = good.slice(0, good.lastIndexOf("."));
const signature = Buffer.from(good.slice(signingInput.length + 1), "base64url");
const [r, s] = [signature.subarray(0, 32), signature.subarray(32)];
const signed = (...parts: readonly Buffer[]): string =>
  `${signingInput}.${Buffer.concat(parts).toString("base64url")}`;

test("[J23] r or s at the edges of its range does not verify", async () => {
  const edges = [0n, 1n, N - 1n, N, N + 1n, 2n ** 256n - 1n].map(scalar);
  for (const edge of edges) {
    for (const token of [
      signed(edge, s),
      signed(r, edge),
      ...edges.map((second) => signed(edge, second)),
    ])
      await assert.rejects(verify(token), { code: "signature_invalid" });
  }
});

test("[J23] r and s beyond the order, though equal modulo it, do not verify", async () => {
  for (const [first, second] of [
    [r, numberOf(s) + N],
    [numberOf(r) + N, s],
  ] as const) {
    const parts = [first, second].map((part) =>
      typeof part === "bigint"
        ? Buffer.from(part.toString(16).padStart(66, "0"), "hex")
        : part,
    );
    await assert.rejects(verify(signed(...parts)), {
      code: "signature_invalid",
    });
  }
});

test("[J23] a signature of any other length or form does not verify", async () => {
  const integer = (part: Buffer): Buffer => {
    const body =
      (part[0] ?? 0) >= 0x80 ? Buffer.concat([Buffer.alloc(1), part]) : part;
    return Buffer.concat([Buffer.from([2, body.length]), body]);
  };
  const body = Buffer.concat([integer(r), integer(s)]);
  for (const [name, parts] of [
    ["DER", [Buffer.from([0x30, body.length]), body]],
    ["swapped", [s, r]],
    ["63 bytes", [r, s.subarray(1)]],
    ["65 bytes, zero before", [Buffer.alloc(1), r, s]],
    ["65 bytes, zero after", [r, s, Buffer.alloc(1)]],
    ["each a byte longer", [Buffer.alloc(1), r, Buffer.alloc(1), s]],
    ["one byte", [Buffer.alloc(1)]],
    ["r alone", [r]],
    ["twice", [r, s, r, s]],
  ] as const) {
    await assert.rejects(
      verify(signed(...parts)),
      { code: "signature_invalid" },
      name,
    );
  }
});

test("[SVID-10] [T14] the other valid signature of a token is the same token to us", async () => {
  const twin = signed(r, scalar(N - numberOf(s)));
  assert.notEqual(twin, good);
  assert.equal(
    (await verify(twin)).fingerprint,
    (await verify(good)).fingerprint,
  );
});

test("[DCR-TI-07] no bit of what is signed may change", async () => {
  for (let at = 0; at < signature.length; at++) {
    const changed = Buffer.from(signature);
    changed[at] = (changed[at] ?? 0) ^ (1 << (at % 8));
    await assert.rejects(
      verify(signed(changed)),
      { code: "signature_invalid" },
      `${at}`,
    );
  }
  const [, payload = ""] = good.split(".");
  const claims = Buffer.from(payload, "base64url").toString();
  const other = claims.replace("alice", "mallo");
  assert.notEqual(other, claims);
  await assert.rejects(
    verify(good.replace(payload, Buffer.from(other).toString("base64url"))),
    { code: "signature_invalid" },
  );
});
