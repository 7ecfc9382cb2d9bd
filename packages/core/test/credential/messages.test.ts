import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { DcrError } from "@accredit/core/errors";
import { forge } from "../spiffe/forge.ts";
import {
  authenticate,
  authority,
  GOOD,
  verify,
} from "../spiffe/jwt-svid-fixture.ts";

/** The message of the refusal. */
async function refusal(token: string, check = verify): Promise<string> {
  try {
    await check(token);
  } catch (error) {
    assert.ok(error instanceof DcrError, String(error));
    return error.message;
  }
  return assert.fail("the token was accepted");
}

/** A header and claims with one member changed, by hand: no signature is needed to be misused. */
const withHeader = (header: object): string =>
  forge({ alg: "ES256", kid: authority.keys[0]?.kid, ...header }, GOOD, () =>
    Buffer.alloc(64, 1),
  );

test("[SEC-05] [L01] a credential put where a name belongs is not quoted back", async () => {
  const secret = await authority.jwtSvid(GOOD);
  for (const value of [
    secret,
    ` ${secret}`,
    `x${secret}`,
    `Bearer ${secret}`,
    `${"-".repeat(70)}${secret}`,
    `${secret}~x~`,
  ]) {
    const messages = [
      ...(await Promise.all(
        [
          { typ: value },
          { alg: value },
          { kid: value },
          { kid: value.slice(0, 256) },
          { [value]: 1 },
        ].map((header) => refusal(withHeader(header))),
      )),
      ...(await Promise.all(
        [
          { aud: value },
          { iss: value },
          { sub: value },
          { exp: value },
          { iat: value },
        ].map(async (claims) =>
          refusal(await authority.jwtSvid({ ...GOOD, ...claims })),
        ),
      )),
      await refusal(
        await authority.jwtSvid({ ...GOOD, aud: value }),
        authenticate,
      ),
    ];
    for (const message of messages) {
      for (const segment of secret.split("."))
        assert.ok(!message.includes(segment.slice(0, 20)), message);
    }
  }
});

test("[DCR-15] [SEC-05] what is quoted is printable ASCII, and not much of it", async () => {
  for (const value of [
    "\u001b[31m",
    "\r\nSet-Cookie: x",
    "\u202e",
    "\u00e9",
    "\0",
    "x".repeat(9000),
    "'\"<script>",
  ]) {
    for (const header of [{ typ: value }, { alg: value }, { [value]: 1 }]) {
      const message = await refusal(withHeader(header));
      assert.match(message, /^[\x20-\x7e]{1,250}$/);
    }
  }
});

test("[D05] [SEC-05] a header made to look like many tokens is refused as any other", async () => {
  const message = await refusal(withHeader({ typ: "ey".repeat(5000) }));
  assert.match(message, /typ 'eyey/);
});

test("[SEC-05] whatever the header says, the message is printable and holds no segment of the token", async () => {
  const member = fc.oneof(
    fc.string({ unit: "binary" }),
    fc.jsonValue({ maxDepth: 2 }),
    fc.constant(undefined),
  );
  const headers = fc.record(
    { alg: member, kid: member, typ: member, other: member },
    { requiredKeys: [] },
  );
  await fc.assert(
    fc.asyncProperty(headers, async (header) => {
      const token = withHeader(header);
      const message = await refusal(token);
      assert.match(message, /^[\x20-\x7e]{1,400}$/);
      for (const segment of token.split("."))
        assert.ok(!message.includes(segment), message);
    }),
    { numRuns: 500 },
  );
});
