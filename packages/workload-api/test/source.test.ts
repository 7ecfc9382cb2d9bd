import assert from "node:assert/strict";
import { once } from "node:events";
import { before, test } from "node:test";
import type { TestContext } from "node:test";
import { FakeClock } from "@accredit/testkit";
import {
  createJwtSource,
  createWitBundleSource,
  createWitSource,
  createWorkloadApiClient,
  createX509BundleSource,
  createX509Source,
} from "@accredit/workload-api";
import type { SourceOptions, WorkloadApiSource } from "@accredit/workload-api";
import { Code } from "@connectrpc/connect";
import { startEndpoint } from "./endpoint.ts";
import { FakeWorkloadApi } from "./fake-workload-api.ts";
import type { X509SvidMessage } from "./svids.ts";
import { ID, witSvid, x509Svid } from "./svids.ts";

type Bundles = ReadonlyMap<string, Uint8Array>;
const bundles = (n: number) => ({
  bundles: { "spiffe://example.org": Uint8Array.of(n) },
});
const first = (state: Bundles | undefined): number | undefined =>
  state?.get("spiffe://example.org")?.[0];

/** A JWT source of an endpoint that the test plays; time passes only as the test says. */
async function follow(t: TestContext, options: SourceOptions = {}) {
  const api = await FakeWorkloadApi.start(t, "fetchJWTBundles");
  const clock = new FakeClock();
  const errors: string[] = [];
  const source = createJwtSource({
    address: api.address,
    clock,
    random: () => 0,
    onError: ({ code }) => errors.push(code),
    ...options,
  });
  t.after(() => source.close());
  return { api, clock, errors, source };
}

/** Resolves at the next change. */
function change<State>(
  source: WorkloadApiSource<State>,
): Promise<State | undefined> {
  return new Promise((resolve) => {
    const off = source.onChange((state) => {
      off();
      resolve(state);
    });
  });
}

let svid: X509SvidMessage;
let renewed: X509SvidMessage;
before(async () => {
  svid = await x509Svid();
  renewed = await x509Svid();
});

test("[WAPI-04] [WAPI-10] an X.509 source follows the rotation of its SVID", async (t) => {
  const api = await FakeWorkloadApi.start(t, "fetchX509SVID");
  const source = createX509Source({ address: api.address });
  t.after(() => source.close());
  assert.equal(source.current(), undefined);
  const stream = await api.opened();
  stream.send({ svids: [svid] });
  const begun = await source.ready();
  assert.equal(source.current(), begun);
  assert.deepEqual(begun.svids[0]?.privateKey, svid.x509SvidKey);
  const changed = change(source);
  stream.send({ svids: [renewed], federatedBundles: {} });
  assert.deepEqual((await changed)?.svids[0]?.privateKey, renewed.x509SvidKey);
  assert.equal(source.current(), await source.ready());
  assert.equal(source.error(), undefined);
});

test("[WAPI-05] [WAPI-09] every stream has a source", async (t) => {
  const { key: _key, ...wit } = witSvid();
  const asked: string[] = [];
  const { address, sessions } = await startEndpoint(t, {
    async *fetchX509Bundles(_request, context) {
      yield { bundles: { "spiffe://b.example": Uint8Array.of(0x30, 0) } };
      await once(context.signal, "abort");
    },
    async *fetchWITSVID({ spiffeId }, context) {
      asked.push(spiffeId);
      yield { svids: [wit] };
      await once(context.signal, "abort");
    },
    async *fetchWITBundles(_request, context) {
      yield { bundles: { "spiffe://b.example": "{}" } };
      await once(context.signal, "abort");
    },
  });
  const client = createWorkloadApiClient({ address });
  t.after(() => client.close());
  const x509 = await createX509BundleSource({ client }).ready();
  assert.deepEqual([...x509.bundles.keys()], ["spiffe://b.example"]);
  const [own] = await createWitSource({ client, spiffeId: ID }).ready();
  assert.equal(own?.svid, wit.witSvid);
  assert.deepEqual(asked, [ID]);
  const jwks = await createWitBundleSource({ client }).ready();
  assert.equal(jwks.get("spiffe://b.example"), "{}");
  assert.equal(sessions.size, 1);
});

test("[WAPI-10] a trust domain that is not in a message any more is gone", async (t) => {
  const { api, source } = await follow(t);
  const stream = await api.opened();
  const one = Uint8Array.of(1);
  stream.send({ bundles: { "spiffe://a": one, "spiffe://b": one } });
  assert.deepEqual([...(await source.ready()).keys()].sort(), [
    "spiffe://a",
    "spiffe://b",
  ]);
  const changed = change(source);
  stream.send({ bundles: { "spiffe://b": one } });
  assert.deepEqual([...((await changed)?.keys() ?? [])], ["spiffe://b"]);
});

test("[WAPI-10] an unusable message is reported and discarded, and the stream goes on", async (t) => {
  const { api, errors, source } = await follow(t);
  const stream = await api.opened();
  stream.send(bundles(1));
  await source.ready();
  const changed = change(source);
  stream.send({ bundles: { "spiffe://example.org": new Uint8Array() } });
  stream.send(bundles(2));
  assert.equal(first(await changed), 2);
  assert.deepEqual(errors, ["response_invalid"]);
  assert.equal(api.calls, 1);
});

test("[WAPI-10] after a message with nothing there is nothing to use, until there is again", async (t) => {
  const { api, errors, source } = await follow(t);
  const stream = await api.opened();
  stream.send(bundles(1));
  await source.ready();
  const taken = change(source);
  stream.send({ bundles: {} });
  assert.equal(await taken, undefined);
  assert.equal(source.current(), undefined);
  assert.equal(source.error()?.code, "redacted");
  const again = source.ready();
  stream.send(bundles(2));
  assert.equal(first(await again), 2);
  assert.equal(source.error(), undefined);
  assert.deepEqual(errors, ["redacted"]);
  assert.equal(api.calls, 1);
});

test("[WAPI-10] [WAPI-11] PermissionDenied takes everything back, and is asked again later", async (t) => {
  const { api, clock, source } = await follow(t);
  let stream = await api.opened();
  stream.send(bundles(1));
  await source.ready();
  const taken = change(source);
  stream.fail(Code.PermissionDenied);
  assert.equal(await taken, undefined);
  assert.equal(source.current(), undefined);
  assert.equal(source.error()?.code, "no_identity");
  await clock.asleep();
  assert.deepEqual(clock.sleeps, [1]);
  clock.advance(1);
  stream = await api.opened();
  stream.send(bundles(1));
  assert.equal(first(await source.ready()), 1);
});

test("[WAPI-11] while the endpoint is away the last state stays, and the error says so", async (t) => {
  const { api, clock, source } = await follow(t);
  const stream = await api.opened();
  stream.send(bundles(1));
  await source.ready();
  for (const session of api.sessions) session.destroy();
  await clock.asleep();
  assert.equal(first(source.current()), 1);
  assert.equal(source.error()?.code, "unreachable");
  const told: unknown[] = [];
  source.onChange((state) => told.push(first(state)));
  clock.advance(1);
  const next = await api.opened();
  const changed = change(source);
  // The same state again is no change; the next one is.
  next.send(bundles(1));
  next.send(bundles(2));
  await changed;
  assert.deepEqual(told, [2]);
  assert.equal(source.error(), undefined);
});

test("[WAPI-11] a clean end is followed by a new call at once, but not endlessly", async (t) => {
  const { api, clock, errors, source } = await follow(t);
  for (const n of [1, 2]) {
    const stream = await api.opened();
    stream.send(bundles(n));
    stream.end();
  }
  await clock.asleep();
  assert.deepEqual(clock.sleeps, [1]);
  assert.deepEqual(errors, ["stream_ended"]);
  assert.equal(first(source.current()), 2);
  clock.advance(31);
  (await api.opened()).end();
  await api.opened();
  assert.deepEqual(clock.sleeps, [1]);
});

test("[WAPI-11] the pauses grow from one second to thirty, and begin anew after a message", async (t) => {
  const { api, clock } = await follow(t);
  const states = [Code.Unavailable, Code.PermissionDenied, Code.Internal];
  for (let n = 1; n <= 32; n += 1) {
    (await api.opened()).fail(states[n % 3] ?? Code.Unavailable);
    await clock.asleep();
    assert.equal(clock.sleeps.at(-1), Math.min(n, 30));
    clock.advance(30);
  }
  const stream = await api.opened();
  stream.send(bundles(1));
  stream.fail(Code.Unavailable);
  await clock.asleep();
  assert.equal(clock.sleeps.at(-1), 1);
});

test("[WAPI-11] chance shortens the pauses", async (t) => {
  const { api, clock } = await follow(t, { random: () => 0.5 });
  (await api.opened()).fail(Code.Unavailable);
  await clock.asleep();
  assert.deepEqual(clock.sleeps, [0.9]);
});

test("a message that is discarded does not begin the pauses anew", async (t) => {
  const { api, clock } = await follow(t);
  for (const pause of [1, 2]) {
    const stream = await api.opened();
    stream.send({});
    stream.fail(Code.Unavailable);
    await clock.asleep();
    assert.equal(clock.sleeps.at(-1), pause);
    clock.advance(pause);
  }
});

test("[WAPI-11] an endpoint that is not there yet is found when it is", async (t) => {
  const clock = new FakeClock();
  const address = "unix:///nowhere/agent.sock";
  const source = createX509Source({ address, clock, random: () => 0 });
  t.after(() => source.close());
  await clock.asleep();
  await clock.pass(1);
  await clock.pass(2);
  assert.deepEqual(clock.sleeps, [1, 2, 3]);
  assert.equal(source.error()?.code, "unreachable");
});

for (const [status, code] of [
  [Code.InvalidArgument, "invalid_argument"],
  [Code.Unimplemented, "unimplemented"],
] as const) {
  test(`[WAPI-11] ${Code[status]} stops a source for good and tells everybody`, async (t) => {
    const { api, clock, errors, source } = await follow(t);
    const ready = source.ready();
    const refused = assert.rejects(ready, { code });
    const changes = source.changes()[Symbol.asyncIterator]();
    const thrown = assert.rejects(changes.next(), { code });
    const stream = await api.opened();
    stream.fail(status);
    await refused;
    await thrown;
    await assert.rejects(source.ready(), { code });
    assert.equal(source.error()?.code, code);
    assert.deepEqual(errors, [code]);
    assert.deepEqual(clock.sleeps, []);
    assert.equal(api.calls, 1);
    // Its own client is closed with it.
    await Promise.all([...api.sessions].map((each) => once(each, "close")));
  });

  test(`[WAPI-11] a state that ${Code[status]} ends is not used on`, async (t) => {
    const { api, source } = await follow(t);
    const stream = await api.opened();
    stream.send(bundles(1));
    await source.ready();
    const changed = change(source);
    stream.fail(status);
    assert.equal(await changed, undefined);
    assert.equal(source.current(), undefined);
  });
}

test("nobody has to wait for ready() when a source stops", async (t) => {
  const { api, source } = await follow(t);
  (await api.opened()).fail(Code.Unimplemented);
  await Promise.all([...api.sessions].map((each) => once(each, "close")));
  assert.equal(source.error()?.code, "unimplemented");
});

test("changes() gives the present state first and leaves out what was overtaken", async (t) => {
  const { api, source } = await follow(t);
  const stream = await api.opened();
  stream.send(bundles(1));
  await source.ready();
  const stop = new AbortController();
  const seen: unknown[] = [];
  for await (const state of source.changes(stop.signal)) {
    seen.push(first(state));
    if (seen.length === 1) {
      const third = new Promise<void>((resolve) => {
        source.onChange((next) => {
          if (first(next) === 3) resolve();
        });
      });
      stream.send(bundles(2));
      stream.send(bundles(3));
      await third;
    } else if (seen.length === 2) {
      const taken = change(source);
      stream.send({});
      await taken;
    } else stop.abort();
  }
  assert.deepEqual(seen, [1, 3, undefined]);
});

for (const how of ["close()", "the signal", "the source's signal"] as const) {
  test(`${how} ends changes() without an error`, async (t) => {
    const whole = new AbortController();
    const { api, source } = await follow(t, { signal: whole.signal });
    (await api.opened()).send(bundles(1));
    const own = new AbortController();
    const changes = source.changes(own.signal)[Symbol.asyncIterator]();
    assert.equal((await changes.next()).done, false);
    const next = changes.next();
    if (how === "close()") source.close();
    else if (how === "the signal") own.abort();
    else whole.abort();
    assert.equal((await next).done, true);
    assert.equal(
      source.current() === undefined,
      how !== "the signal",
      "what is closed forgets its state",
    );
  });
}

test("ready() ends with its signal, and with the source", async (t) => {
  const { source } = await follow(t);
  await assert.rejects(source.ready(AbortSignal.abort()), { code: "aborted" });
  const stop = new AbortController();
  const stopped = assert.rejects(source.ready(stop.signal), {
    code: "aborted",
    message: /was aborted/,
  });
  stop.abort();
  await stopped;
  const closed = assert.rejects(source.ready(), {
    code: "aborted",
    message: /is closed/,
  });
  source.close();
  await closed;
  assert.equal(source.error()?.code, "aborted");
});

test("close() in a pause between two attempts ends it", async (t) => {
  const { api, clock, errors, source } = await follow(t);
  (await api.opened()).fail(Code.Unavailable);
  await clock.asleep();
  source.close();
  source.close();
  clock.advance(60);
  await new Promise(setImmediate);
  assert.equal(api.calls, 1);
  assert.deepEqual(errors, ["unreachable"]);
});

test("a source leaves the client that it was given open", async (t) => {
  const api = await FakeWorkloadApi.start(t, "fetchJWTBundles");
  const client = createWorkloadApiClient({ address: api.address });
  t.after(() => client.close());
  const source = createJwtSource({ client });
  const stream = await api.opened();
  stream.send(bundles(1));
  await source.ready();
  source.close();
  await stream.left;
  const next = client.fetchJwtBundles();
  (await api.opened()).send(bundles(2));
  assert.equal(first(await next), 2);
  assert.equal(api.sessions.size, 1);
});

test("a source closes with the client that it was given", async (t) => {
  const api = await FakeWorkloadApi.start(t, "fetchJWTBundles");
  const client = createWorkloadApiClient({ address: api.address });
  const source = createJwtSource({ client });
  (await api.opened()).send(bundles(1));
  await source.ready();
  const changes = source.changes()[Symbol.asyncIterator]();
  await changes.next();
  const over = changes.next();
  client.close();
  assert.equal((await over).done, true);
  assert.equal(source.current(), undefined);
});

test("a source made with an aborted signal does not call", async (t) => {
  const { api, source } = await follow(t, { signal: AbortSignal.abort() });
  await assert.rejects(source.ready(), { code: "aborted" });
  assert.equal(api.calls, 0);
});

test("listeners are told until they are taken away, each on its own", async (t) => {
  const { api, source } = await follow(t);
  const told: unknown[] = [];
  const listener = (state: Bundles | undefined): void =>
    void told.push(first(state));
  const offs = [source.onChange(listener), source.onChange(listener)];
  const stream = await api.opened();
  stream.send(bundles(1));
  await source.ready();
  offs[0]?.();
  offs[0]?.();
  const changed = change(source);
  stream.send(bundles(2));
  await changed;
  assert.deepEqual(told, [1, 1, 2]);
  // Closing is the caller's own doing and no change to tell of.
  source.close();
  assert.deepEqual(told, [1, 1, 2]);
});

test("a source without an address is refused like a client", () => {
  assert.throws(() => createX509Source({}), { code: "address_missing" });
  assert.throws(() => createX509Source({ address: "http://x" }), {
    code: "address_invalid",
  });
});
