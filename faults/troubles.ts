import type { FakeAnswer } from "@accredit/testkit";

/** One way in which an endpoint is not well. */
export type Trouble = readonly [name: string, answer: FakeAnswer];
export const QUICK: readonly Trouble[] = [
  ["a reset", { fault: "reset" }],
  ["no HTTP", { fault: "garbage" }],
  ["half a response", { fault: "truncated" }],
  ["half a bundle", { body: '{"keys":[{"kty":"EC"' }],
  ["another document", { body: '{"jwks_uri":"https://example.org"}' }],
  ["an error page", { body: "<html>", status: 502 }],
];
/** These take the fetch's whole time. */
export const SLOW: readonly Trouble[] = [
  ["silence", { fault: "hang" }],
  ["a byte at a time", { fault: "drip" }],
  ["a body without end", { fault: "endless" }],
];
