import assert from "node:assert/strict";
import { test } from "node:test";
import { verifyJwtSvid } from "@accredit/core/spiffe";
import { FakeAuthority, type FakeClock } from "@accredit/testkit";
import type { TrustKeeper } from "@accredit/trust";
import { keep, startEndpoint, webDomain } from "./support/harness.ts";

async function verify(
  authority: FakeAuthority,
  keeper: TrustKeeper,
  clock: FakeClock,
  header: Readonly<Record<string, unknown>> = {},
  key = authority.keys.at(-1),
): Promise<string> {
  const now = clock.now();
  const token = await authority.jwtSvid(
    {
      sub: `spiffe://${authority.trustDomain}/a`,
      aud: "https://as.example",
      iat: now,
      exp: now + 300,
    },
    header,
    key,
  );
  try {
    await verifyJwtSvid(token, keeper, {
      purpose: "client-authentication",
      audiences: ["https://as.example"],
      now,
      clockToleranceSeconds: 60,
      maxLifetimeSeconds: 3600,
      maxAgeSeconds: 3600,
    });
    return "accepted";
  } catch (error) {
    return (error as { code: string }).code;
  }
}

test("a key younger than the last poll is found by one read, whoever asks at once", async (t) => {
  const endpoint = await startEndpoint(t);
  const spire = await FakeAuthority.create();
  endpoint.serve(spire.bundleDocument());
  const { keeper, clock } = keep(t, [webDomain(endpoint.url)]);
  await keeper.start();
  await clock.asleep();
  clock.advance(31);
  await spire.addKey();
  endpoint.serve(spire.bundleDocument());
  const verdicts = await Promise.all(
    Array.from({ length: 50 }, () => verify(spire, keeper, clock)),
  );
  assert.deepEqual(new Set(verdicts), new Set(["accepted"]));
  assert.equal(endpoint.requests, 2);
});

test("[X08] made-up key ids cost the endpoint one read in half a minute, and known keys nothing", async (t) => {
  const endpoint = await startEndpoint(t);
  const spire = await FakeAuthority.create();
  endpoint.serve(spire.bundleDocument());
  const { keeper, clock } = keep(t, [webDomain(endpoint.url)]);
  await keeper.start();
  await clock.asleep();
  for (let i = 0; i < 20; i++) {
    const verdict = await verify(spire, keeper, clock, { kid: `made-up-${i}` });
    assert.equal(verdict, "key_not_found");
  }
  assert.equal(endpoint.requests, 2, "one read for all of them");
  clock.advance(31);
  for (let i = 0; i < 20; i++)
    await verify(spire, keeper, clock, { kid: `made-up-${i}` });
  assert.equal(endpoint.requests, 3);
  assert.equal(await verify(spire, keeper, clock), "accepted");
  const unknown = await FakeAuthority.create({
    trustDomain: "unknown.example",
  });
  assert.equal(await verify(unknown, keeper, clock), "issuer_untrusted");
  assert.equal(endpoint.requests, 3);
});

test("[Q10] while the endpoint is down, known keys verify and an unknown one is an outage, no refusal", async (t) => {
  const endpoint = await startEndpoint(t);
  const spire = await FakeAuthority.create();
  const [known] = spire.keys;
  endpoint.serve(spire.bundleDocument());
  const { keeper, clock } = keep(t, [webDomain(endpoint.url)]);
  await keeper.start();
  await clock.asleep();
  endpoint.serve({ status: 500, body: "" });
  await clock.pass(75);
  assert.equal(await verify(spire, keeper, clock), "accepted");
  const other = await spire.addKey("RS256", "other");
  assert.equal(
    await verify(spire, keeper, clock, { kid: known?.kid }, other),
    "key_not_found",
    "the key is known, and not for this algorithm",
  );
  assert.equal(await verify(spire, keeper, clock), "source_unavailable");
});

test("[Q10] an endpoint that fails at the very read for the key makes an outage too", async (t) => {
  const endpoint = await startEndpoint(t);
  const spire = await FakeAuthority.create();
  endpoint.serve(spire.bundleDocument());
  const { keeper, clock } = keep(t, [webDomain(endpoint.url)]);
  await keeper.start();
  await clock.asleep();
  clock.advance(31);
  await spire.addKey();
  endpoint.serve({ status: 500, body: "" });
  assert.equal(await verify(spire, keeper, clock), "source_unavailable");
  assert.equal(endpoint.requests, 2);
});

test("[X08] while nothing is held, no key id makes anything be fetched", async (t) => {
  const endpoint = await startEndpoint(t);
  const spire = await FakeAuthority.create();
  endpoint.serve({ status: 500, body: "" });
  const { keeper, clock } = keep(t, [webDomain(endpoint.url)]);
  await keeper.start();
  await clock.asleep();
  await clock.pass(31);
  const { requests } = endpoint;
  assert.equal(await verify(spire, keeper, clock), "source_unavailable");
  assert.equal(endpoint.requests, requests);
});

test("[J08] a known key waits for no read, however long one takes", async (t) => {
  const endpoint = await startEndpoint(t);
  const spire = await FakeAuthority.create();
  endpoint.serve(spire.bundleDocument());
  const { keeper, clock } = keep(t, [webDomain(endpoint.url)]);
  await keeper.start();
  await clock.asleep();
  clock.advance(31);
  const answer = Promise.withResolvers<void>();
  endpoint.serve({ body: spire.bundleDocument(), after: answer.promise });
  const unknown = verify(spire, keeper, clock, { kid: "made-up" });
  assert.equal(await verify(spire, keeper, clock), "accepted");
  answer.resolve();
  assert.equal(await unknown, "key_not_found");
});
