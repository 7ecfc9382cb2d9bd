import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type ServerHttp2Session } from "node:http2";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { parseTrustDomainName } from "@accredit/core/spiffe";
import { FakeAuthority, FakeX509Authority } from "@accredit/testkit";
import { SpiffeWorkloadAPI } from "@accredit/workload-api";
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

async function startAgent(t: TestContext) {
  const jwt = new Streamed<Record<string, Uint8Array>>();
  const x509 = new Streamed<Record<string, Uint8Array>>();
  const adapter = connectNodeAdapter({
    routes: (router) =>
      router.service(SpiffeWorkloadAPI, {
        async *fetchJWTBundles(_request, { signal }) {
          for await (const bundles of jwt.follow(signal)) yield { bundles };
        },
        async *fetchX509Bundles(_request, { signal }) {
          for await (const bundles of x509.follow(signal)) yield { bundles };
        },
      }),
  });
  const path = join(await makeDirectory(t), "agent.sock");
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
    address: `unix://${path}`,
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
    clock.advance(31);
    return status().lastError !== null;
  });
  clock.advance(3601);
  assert.equal(kids(), undefined);
});

test("an endpoint that has nothing yet, or refuses, leaves the trust domain unready and says why", async (t) => {
  const path = join(await makeDirectory(t), "none.sock");
  const { keeper, status } = keep(t, [domain(`unix://${path}`)]);
  await keeper.start();
  assert.equal(status().ready, false);
  assert.match(status().lastError ?? "", /Workload API/);
});
