import assert from "node:assert/strict";
import { test } from "node:test";
import { AccreditClientError } from "@accredit/client";
import { cacheTokens } from "../src/token-cache.ts";
import type { TokenResponse } from "../src/token-request.ts";
import { FakeTimes } from "./fake-times.ts";

/** A cache whose attempts a test ends by hand. */
function startCache({ lifetimeSeconds = 600, random = 0.5 } = {}) {
  const times = new FakeTimes();
  const attempts: PromiseWithResolvers<TokenResponse>[] = [];
  const cache = cacheTokens(
    () => {
      const attempt = Promise.withResolvers<TokenResponse>();
      attempts.push(attempt);
      return attempt.promise;
    },
    { clock: times, random: () => random },
  );
  const get = async (): Promise<string> => (await cache.getToken()).accessToken;
  return {
    times,
    attempts,
    cache,
    get,
    /** Ends the last attempt with a token named for it. */
    succeed: async (): Promise<void> => {
      const accessToken = `token-${attempts.length}`;
      attempts.at(-1)?.resolve({ accessToken, lifetimeSeconds, scope: "read" });
      await new Promise((resolve) => setImmediate(resolve));
    },
    fail: async (retryAfterSeconds?: number): Promise<void> => {
      attempts.at(-1)?.reject(
        new AccreditClientError("server_unreachable", "no answer", {
          retryAfterSeconds,
        }),
      );
      await new Promise((resolve) => setImmediate(resolve));
    },
  };
}

/** A cache that holds its first token. */
async function startFilled(options?: Parameters<typeof startCache>[0]) {
  const cache = startCache(options);
  const first = cache.get();
  await cache.succeed();
  assert.equal(await first, "token-1");
  return cache;
}

for (const [random, renewAfter] of [
  [0, 300],
  [0.5, 375],
  [0.999, 449.85],
] as const) {
  test(`renews after ${renewAfter} of 600 seconds where chance says ${random}`, async () => {
    const { times, attempts, get, succeed } = await startFilled({ random });
    times.pass(renewAfter - 0.1);
    assert.equal(await get(), "token-1");
    assert.equal(attempts.length, 1);
    times.pass(0.2);
    assert.equal(await get(), "token-1");
    assert.equal(await get(), "token-1");
    assert.equal(attempts.length, 2);
    await succeed();
    assert.equal(await get(), "token-2");
  });
}

test("gives out the old token while its renewal fails, and not a second longer than it is good", async () => {
  const { times, attempts, get, fail } = await startFilled();
  times.pass(380);
  let passed = 380;
  while (passed < 580) {
    assert.equal(await get(), "token-1");
    await fail();
    times.pass(20);
    passed += 20;
  }
  assert.ok(attempts.length > 4 && attempts.length < 11, `${attempts.length}`);
  times.pass(9.9);
  assert.equal(await get(), "token-1");
  await fail();
  times.pass(0.2);
  await assert.rejects(get(), { code: "server_unreachable" });
});

test("waits for the renewal that is under way when the token ends", async () => {
  const { times, attempts, get, succeed } = await startFilled();
  times.pass(400);
  assert.equal(await get(), "token-1");
  times.pass(400);
  const waiting = [get(), get()];
  await succeed();
  assert.deepEqual(await Promise.all(waiting), ["token-2", "token-2"]);
  assert.equal(attempts.length, 2);
});

test("counts a token's life from when it was asked for", async () => {
  const { times, attempts, get, succeed } = startCache();
  const first = get();
  times.pass(595);
  await succeed();
  assert.equal(await first, "token-1");
  void get();
  assert.equal(attempts.length, 2);
});

test("a clock set back makes no token last longer", async () => {
  const { times, attempts, cache, get } = await startFilled();
  times.step(-86_400);
  const { expiresAt } = await cache.getToken();
  assert.equal(expiresAt, times.now() + 600);
  assert.equal(attempts.length, 1);
  times.pass(591);
  void get().catch(() => undefined);
  assert.equal(attempts.length, 2);
});

test("a clock set forward costs a token at most", async () => {
  const { times, attempts, get, succeed } = await startFilled();
  times.step(86_400);
  const next = get();
  assert.equal(attempts.length, 2);
  await succeed();
  assert.equal(await next, "token-2");
  times.pass(370);
  assert.equal(await get(), "token-2");
  assert.equal(attempts.length, 2);
});

test("a clock set back and forth while a token is asked for does no harm", async () => {
  const { times, attempts, cache, get, succeed } = startCache();
  const first = get();
  times.step(-1000);
  await succeed();
  await first;
  times.step(1000);
  assert.equal((await cache.getToken()).expiresAt, times.now() + 600);
  assert.equal(attempts.length, 1);
});

test("a machine that slept gives out nothing that ended meanwhile", async () => {
  const { times, attempts, get, succeed } = await startFilled();
  times.suspend(3600);
  const next = get();
  assert.equal(attempts.length, 2);
  await succeed();
  assert.equal(await next, "token-2");
});

test("a token of a moment is given out, and not kept", async () => {
  const { times, attempts, get, succeed } = startCache({
    lifetimeSeconds: 0.1,
  });
  const first = get();
  await succeed();
  assert.equal(await first, "token-1");
  times.pass(0.1);
  const next = get();
  await succeed();
  assert.equal(await next, "token-2");
  assert.equal(attempts.length, 2);
});

test("waits as long as asked even where a token is at hand", async () => {
  const { times, attempts, get, fail } = await startFilled();
  times.pass(400);
  await get();
  await fail(100);
  times.pass(99);
  assert.equal(await get(), "token-1");
  assert.equal(attempts.length, 2);
  times.pass(1);
  assert.equal(await get(), "token-1");
  assert.equal(attempts.length, 3);
});
