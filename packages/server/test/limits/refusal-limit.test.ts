import assert from "node:assert/strict";
import { test } from "node:test";
import { DcrError, type DcrErrorCode } from "@accredit/core/errors";
import { WIRE_ERRORS } from "@accredit/server";
import { createRefusalLimit } from "../../src/limits/refusal-limit.ts";
import { createTokenBuckets } from "../../src/limits/token-buckets.ts";

const codes = Object.entries(WIRE_ERRORS)
  .filter(([code, { status }]) => status < 500 && code !== "rate_limited")
  .map(([code]) => code as DcrErrorCode);

function makeLimit() {
  const buckets = () =>
    createTokenBuckets({
      perSecond: 0.001,
      burst: 1,
      maxBuckets: 10,
      now: () => 0,
    });
  return createRefusalLimit({
    unproven: buckets(),
    proven: buckets(),
    count: () => {},
  });
}

const refuse = (code: DcrErrorCode) => new DcrError(code, "expected better");

test("[D05] whatever an unproven caller is refused for, it is limited by the address", () => {
  assert.ok(codes.length > 30);
  for (const code of codes) {
    const limit = makeLimit();
    const source = { remote: "192.0.2.1", proven: undefined };
    assert.equal(limit(refuse(code), source).code, code);
    assert.equal(limit(refuse(code), source).code, "rate_limited", code);
    const elsewhere = { ...source, remote: "198.51.100.1" };
    assert.equal(limit(refuse(code), elsewhere).code, code);
  }
});

test("[D07] whatever a proven caller is refused for, it is limited by what was proven", () => {
  for (const code of codes) {
    const limit = makeLimit();
    const source = {
      remote: "192.0.2.1",
      proven: {
        trust: "example.org",
        subject: "spiffe://example.org/a",
        isNewcomer: false,
      },
    };
    assert.equal(limit(refuse(code), source).code, code);
    const elsewhere = { ...source, remote: "198.51.100.1" };
    assert.equal(limit(refuse(code), elsewhere).code, "rate_limited", code);
  }
});
