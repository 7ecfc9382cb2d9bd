import assert from "node:assert/strict";
import type { IncomingMessage } from "node:http";
import { PassThrough } from "node:stream";
import { setImmediate as turn } from "node:timers/promises";
import { test } from "node:test";
import { DcrError } from "@accredit/core/errors";
import { createBodyBudget, readBody } from "../src/http/read-body.ts";

/** A request whose body is written by the test. */
function makeRequest() {
  const body = new PassThrough();
  return {
    body,
    request: Object.assign(body, { headers: {} }) as unknown as IncomingMessage,
  };
}

const refused = (code: string) => (error: unknown) =>
  error instanceof DcrError && error.code === code;

test("[Q17] bodies under way share a budget, and one that it has no room for is refused", async () => {
  const budget = createBodyBudget(100);
  const first = makeRequest();
  const reading = readBody(first.request, budget);
  first.body.write(Buffer.alloc(60));
  await turn();
  const second = makeRequest();
  const tooMuch = assert.rejects(
    readBody(second.request, budget),
    refused("overloaded"),
  );
  second.body.write(Buffer.alloc(30));
  await turn();
  second.body.write(Buffer.alloc(30));
  await tooMuch;

  first.body.end(Buffer.alloc(40));
  assert.equal((await reading).length, 100);
  assert.equal(budget.take(1), false, "held until it is given back");
  budget.giveBack(100);
  assert.equal(budget.take(100), true);
});

test("[Q17] what a body that is cut or too long took is given back", async () => {
  const budget = createBodyBudget(100);
  const cut = makeRequest();
  const gone = assert.rejects(
    readBody(cut.request, budget),
    refused("request_malformed"),
  );
  cut.body.write(Buffer.alloc(60));
  await turn();
  cut.body.destroy();
  await gone;

  const long = makeRequest();
  const tooLong = assert.rejects(
    readBody(long.request, budget, 50),
    refused("request_too_large"),
  );
  long.body.write(Buffer.alloc(40));
  await turn();
  long.body.write(Buffer.alloc(40));
  await tooLong;
  assert.equal(budget.take(100), true);
});
