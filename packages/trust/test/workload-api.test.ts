import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type ServerHttp2Session } from "node:http2";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { parseTrustDomainName } from "@accredit/core/spiffe";
import { FakeAuthority, FakeX509Authority } from "@accredit/testkit";
import { SpiffeWorkloadAPI } from "@accredit/workload-api";
import { Code, ConnectError } from "@connectrpc/connect";
import { connectNodeAdapter } from "@connectrpc/connect-node";
import type { TrustDomainOptions } from "@accredit/trust";
import { EXAMPLE, keep, makeDirectory, until } from "./support/harness.ts";

/** What the endpoint streams; setting it anew sends it to every open stream. */
class Streamed<T> {
  #value: T | undefined;
  #changed = Promise.withResolvers<void>();

  set(value: T): void {
    this.#value = value;
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }

  async *follow(signal: AbortSignal): AsyncGenerator<T> {
    const ended = once(signal, "abort");
    while (!signal.aborted) {
      const next = this.#changed.promise;
      if (this.#value !== undefined) yield this.#value;
      await Promise.race([next, ended]);
    }
  }
}

/** What an agent answers a stream with instead of serving it. */
interface Refusals {
  jwt?: Code | undefined;
  x509?: Code | undefined;
}

async function startAgent(
  t: TestContext,
  refusals: Refusals = {},
  path?: string,
) {
  const jwt = new Streamed<Record<string, Uint8Array>>();
  const x509 = new Streamed<Record<string, Uint8Array>>();
  const calls = { jwt: 0, x509: 0, wit: 0 };
  const refuse = (code: Code | undefined): void => {
    if (code !== undefined) throw new ConnectError("said the agent", code);
  };
  const adapter = connectNodeAdapter({
    routes: (router) =>
      router.service(SpiffeWorkloadAPI, {
        async *fetchJWTBundles(_request, { signal }) {
          calls.jwt++;
          refuse(refusals.jwt);
          for await (const bundles of jwt.follow(signal)) yield { bundles };
        },
        async *fetchX509Bundles(_request, { signal }) {
          calls.x509++;
          refuse(refusals.x509);
          for await (const bundles of x509.follow(signal)) yield { bundles };
        },
        fetchWITBundles() {
          calls.wit++;
          throw new ConnectError("not here", Code.Unimplemented);
        },
      }),
  });
  path ??= join(await makeDirectory(t), "agent.sock");
  const sessions = new Set<ServerHttp2Session>();
  const server = createServer(adapter);
  server.on("session", (session) => sessions.add(session));
  server.listen(path);
  await once(server, "listening");
  t.after(() => {
    for (const session of sessions) session.destroy();
    server.close();
  });
  return {
    jwt,
    x509,
    calls,
    address: `unix://${path}`,
    /** Ends the connections; others may come. */
    hangUp: () => {
      for (const session of sessions) session.destroy();
    },
    cut: () => {
      server.close();
      for (const session of sessions) session.destroy();
    },
  };
}

function domain(
  address: string,
  trustDomain: string = EXAMPLE,
): TrustDomainOptions {
  return {
    trustDomain,
    issuer: { mode: "ignore", values: [] },
    keyId: "optional",
    maxStaleSeconds: 3600,
    bundle: { kind: "workload_api", address },
  };
}

/** The JWK Set as a Workload API gives it: keys without `use`. */
function jwksOf(authority: FakeAuthority): Uint8Array {
  const keys = authority.keys.map(({ kid, publicJwk }) => ({
    ...publicJwk,
    kid,
  }));
  return Buffer.from(JSON.stringify({ keys }));
}

test("[CAUTH-14] [WAPI-07] [BNDL-11] [FED-09] each trust domain has what streams under its own name, and follows it", async (t) => {
  const agent = await startAgent(t);
  const spire = await FakeAuthority.create();
  const foreign = await FakeAuthority.create({ trustDomain: "other.example" });
  const root = await FakeX509Authority.create();
  const own = "spiffe://example.org";
  const other = "spiffe://other.example";
  agent.jwt.set({ [own]: jwksOf(spire), [other]: jwksOf(foreign) });
  agent.x509.set({ [own]: root.certificate });
  const { keeper, status, kids } = keep(t, [
    domain(agent.address),
    domain(agent.address, "third.example"),
  ]);
  await keeper.start();
  assert.deepEqual(kids(), ["example.org-1"]);
  assert.equal(status().x509Authorities, 1);
  assert.match(status().source, /^workload_api unix:/);
  const third = keeper.spiffe(parseTrustDomainName("third.example"))?.bundle;
  assert.equal(third?.jwtAuthorities.size, 0, "nothing is streamed for it");
  assert.match(keeper.status()[1]?.lastError ?? "", /nothing is streamed for/);
  assert.deepEqual(agent.calls, { jwt: 1, x509: 1, wit: 0 }, "shared");
  assert.equal(
    keeper.spiffe(parseTrustDomainName("other.example")),
    undefined,
    "federated, and not configured",
  );

  await spire.addKey();
  agent.jwt.set({ [own]: jwksOf(spire) });
  await until(() => kids()?.length === 2);
  spire.removeKey("example.org-1");
  agent.jwt.set({ [own]: jwksOf(spire) });
  await until(() => kids()?.length === 1);
  agent.jwt.set({ [other]: jwksOf(foreign) });
  await until(() => kids()?.length === 0);
  assert.equal(
    status().x509Authorities,
    1,
    "the other stream is another matter",
  );
});

test("[Q11] a broken stream keeps the last good bundle until it is too old", async (t) => {
  const agent = await startAgent(t);
  const spire = await FakeAuthority.create();
  agent.jwt.set({ "spiffe://example.org": jwksOf(spire) });
  agent.x509.set({
    "spiffe://example.org": (await FakeX509Authority.create()).certificate,
  });
  const { keeper, clock, kids, status } = keep(t, [domain(agent.address)]);
  await keeper.start();
  assert.deepEqual(kids(), ["example.org-1"]);
  clock.advance(10_000);
  assert.deepEqual(
    kids(),
    ["example.org-1"],
    "an open stream says what is true now",
  );
  agent.cut();
  await until(() => {
    clock.advance(1);
    return status().lastError !== null;
  });
  assert.deepEqual(kids(), ["example.org-1"]);
  // One stream may be seen to be broken before the other.
  await until(() => {
    clock.advance(3601);
    return kids() === undefined;
  });
});

test("an agent that comes later than the server holds up nobody, and is found", async (t) => {
  const path = join(await makeDirectory(t), "agent.sock");
  const { keeper, clock, status, kids } = keep(t, [domain(`unix://${path}`)]);
  await keeper.start();
  assert.equal(status().ready, false);
  assert.match(status().lastError ?? "", /socket does not exist/);
  const agent = await startAgent(t, {}, path);
  const spire = await FakeAuthority.create();
  agent.jwt.set({ "spiffe://example.org": jwksOf(spire) });
  agent.x509.set({
    "spiffe://example.org": (await FakeX509Authority.create()).certificate,
  });
  await until(() => {
    clock.advance(1);
    return kids() !== undefined;
  });
  assert.equal(status().lastError, null);
});

test("[WAPI-10] what comes while a message is being read is not missed", async (t) => {
  const agent = await startAgent(t);
  const own = "spiffe://example.org";
  const spire = await FakeAuthority.create();
  const root = await FakeX509Authority.create();
  agent.jwt.set({ [own]: jwksOf(spire) });
  agent.x509.set({ [own]: root.certificate });
  const { keeper, kids, status } = keep(t, [domain(agent.address)]);
  await keeper.start();
  // No clock moves here: only the streams tell.
  for (let round = 0; round < 20; round++) {
    await spire.addKey();
    agent.jwt.set({ [own]: jwksOf(spire) });
    agent.x509.set({ [own]: root.certificate });
    if (round % 3 === 0) await until(() => kids()?.length === round + 2);
  }
  await until(() => kids()?.length === 21);
  agent.x509.set({ "spiffe://other.example": root.certificate });
  await until(() => status().x509Authorities === 0);
});

test("[WAPI-10] [Q11] while one stream is broken the other is followed, and what the broken one said ages", async (t) => {
  const refusals: Refusals = {};
  const agent = await startAgent(t, refusals);
  const own = "spiffe://example.org";
  const spire = await FakeAuthority.create();
  agent.jwt.set({ [own]: jwksOf(spire) });
  agent.x509.set({ [own]: (await FakeX509Authority.create()).certificate });
  const { keeper, clock, kids, status, lines } = keep(t, [
    domain(agent.address),
  ]);
  await keeper.start();
  assert.equal(status().x509Authorities, 1);
  refusals.x509 = Code.Internal;
  agent.hangUp();
  await until(() => {
    clock.advance(1);
    return /x509: /.test(status().lastError ?? "");
  });
  await spire.addKey();
  spire.removeKey("example.org-1");
  agent.jwt.set({ [own]: jwksOf(spire) });
  await until(() => {
    clock.advance(1);
    return kids()?.join() === "example.org-2";
  });
  assert.equal(status().x509Authorities, 1, "not too old yet");
  assert.equal(status().ready, true);
  clock.advance(3601);
  await until(() => status().x509Authorities === 0);
  assert.deepEqual(kids(), ["example.org-2"]);
  refusals.x509 = undefined;
  await until(() => {
    clock.advance(1);
    return status().x509Authorities === 1 && status().lastError === null;
  });
  const messages = lines.map(({ message }) => message);
  assert.ok(
    messages.some((each) => each.startsWith("bundle refreshed in part")),
  );
  assert.ok(messages.includes("bundle source works again as a whole"));
});

test("[WAPI-10] [FED-09] a bundle that cannot be read ages by itself: the other trust domains are followed", async (t) => {
  const agent = await startAgent(t);
  const own = "spiffe://example.org";
  const other = "spiffe://other.example";
  const [first, second] = [
    await FakeX509Authority.create(),
    await FakeX509Authority.create(),
  ];
  const spire = await FakeAuthority.create();
  agent.jwt.set({ [own]: jwksOf(spire) });
  agent.x509.set({ [own]: first.certificate, [other]: first.certificate });
  const { keeper, clock, kids, lines } = keep(t, [
    domain(agent.address),
    domain(agent.address, "other.example"),
  ]);
  await keeper.start();
  const authoritiesOf = (trustDomain: string) =>
    keeper
      .spiffe(parseTrustDomainName(trustDomain))
      ?.bundle?.x509Authorities.map(({ certificate }) =>
        Buffer.from(certificate).toString("hex"),
      );
  const hex = ({ certificate }: FakeX509Authority) => [
    Buffer.from(certificate).toString("hex"),
  ];
  assert.deepEqual(authoritiesOf(EXAMPLE), hex(first));

  const garbled = first.certificate.subarray(0, -1);
  agent.x509.set({ [own]: garbled, [other]: second.certificate });
  await until(() => authoritiesOf("other.example")?.join() === hex(second)[0]);
  const [ownStatus, otherStatus] = keeper.status();
  assert.equal(otherStatus?.lastError, null);
  assert.match(
    ownStatus?.lastError ?? "",
    /x509: .*bundle of spiffe:\/\/example\.org: a DER value ends beyond/,
  );
  assert.deepEqual(authoritiesOf(EXAMPLE), hex(first), "not too old yet");
  assert.ok(
    lines.some(({ message }) => message.includes("a DER value ends beyond")),
  );
  await spire.addKey();
  agent.jwt.set({ [own]: jwksOf(spire) });
  await until(() => kids()?.length === 2);

  clock.advance(3601);
  await until(() => authoritiesOf(EXAMPLE)?.length === 0);
  assert.deepEqual(authoritiesOf("other.example"), hex(second));
  agent.x509.set({
    [own]: second.certificate,
    [other]: second.certificate,
  });
  await until(() => authoritiesOf(EXAMPLE)?.join() === hex(second)[0]);
  assert.equal(keeper.status()[0]?.lastError, null);
});

test("[WAPI-10] a stream that takes everything back is heard while the other is broken", async (t) => {
  const refusals: Refusals = {};
  const agent = await startAgent(t, refusals);
  const own = "spiffe://example.org";
  agent.jwt.set({ [own]: jwksOf(await FakeAuthority.create()) });
  agent.x509.set({ [own]: (await FakeX509Authority.create()).certificate });
  const { keeper, clock, kids } = keep(t, [domain(agent.address)]);
  await keeper.start();
  assert.equal(kids()?.length, 1);
  refusals.x509 = Code.Internal;
  refusals.jwt = Code.PermissionDenied;
  agent.hangUp();
  await until(() => {
    clock.advance(1);
    return kids()?.length === 0;
  });
});

test("[WIT-01] nobody is asked for WIT keys that are of no use", async (t) => {
  const agent = await startAgent(t);
  const own = "spiffe://example.org";
  agent.jwt.set({ [own]: jwksOf(await FakeAuthority.create()) });
  agent.x509.set({ [own]: (await FakeX509Authority.create()).certificate });
  const { keeper, status } = keep(t, [domain(agent.address)]);
  await keeper.start();
  assert.equal(status().lastError, null);
  assert.equal(agent.calls.wit, 0);
  const taking = keep(t, [domain(agent.address)], undefined, {
    takesWit: true,
  });
  await taking.keeper.start();
  assert.equal(agent.calls.wit, 1);
});

test("[WAPI-11] an agent without the JWT profile leaves X.509 keys, which are enough to be ready", async (t) => {
  const agent = await startAgent(t, { jwt: Code.Unimplemented });
  agent.x509.set({
    "spiffe://example.org": (await FakeX509Authority.create()).certificate,
  });
  const { keeper, clock, status } = keep(t, [domain(agent.address)]);
  await keeper.start();
  const { ready, keys, x509Authorities } = status();
  assert.deepEqual(
    { ready, keys, x509Authorities },
    { ready: true, keys: 0, x509Authorities: 1 },
  );
  clock.advance(120);
  await keeper.refresh(EXAMPLE);
  assert.equal(agent.calls.jwt, 1, "not asked again");
});

for (const [name, code, said] of [
  ["serves no bundles at all", Code.Unimplemented, /not served there/],
  ["refuses the request", Code.InvalidArgument, /request was refused/],
  ["has no identity for us", Code.PermissionDenied, /no identity is issued/],
] as const) {
  test(`[WAPI-11] an agent that ${name} leaves the trust domain unready, and the status says why`, async (t) => {
    const agent = await startAgent(t, { jwt: code, x509: code });
    const { keeper, clock, status, kids } = keep(t, [domain(agent.address)]);
    await keeper.start();
    assert.equal(status().ready, false);
    assert.deepEqual(kids() ?? [], []);
    assert.match(status().lastError ?? "", said);
    clock.advance(1);
    await keeper.refresh(EXAMPLE);
    assert.match(status().lastError ?? "", said);
  });
}

test("[WAPI-10] an agent that comes to deny us takes every key back", async (t) => {
  const refusals: Refusals = {};
  const agent = await startAgent(t, refusals);
  const spire = await FakeAuthority.create();
  agent.jwt.set({ "spiffe://example.org": jwksOf(spire) });
  agent.x509.set({
    "spiffe://example.org": (await FakeX509Authority.create()).certificate,
  });
  const { keeper, clock, status, kids } = keep(t, [domain(agent.address)]);
  await keeper.start();
  assert.equal(status().ready, true);
  refusals.jwt = refusals.x509 = Code.PermissionDenied;
  agent.hangUp();
  await until(() => {
    clock.advance(1);
    return kids()?.length === 0 && status().x509Authorities === 0;
  });
  assert.equal(status().ready, false);
});

test("an address that is none is refused at once, and nothing connects before the start", async (t) => {
  assert.throws(() => keep(t, [domain("unix:relative")]), /Workload API/);
  const agent = await startAgent(t);
  keep(t, [domain(agent.address)]);
  assert.deepEqual(agent.calls, { jwt: 0, x509: 0, wit: 0 });
});
