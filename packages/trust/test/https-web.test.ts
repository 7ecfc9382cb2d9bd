import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { parseTrustDomainName } from "@accredit/core/spiffe";
import { FakeAuthority, FakeCertificateAuthority } from "@accredit/testkit";
import { fetchDocument } from "@accredit/trust";
import {
  authority,
  EXAMPLE,
  keep,
  makeDirectory,
  startCanary,
  startEndpoint,
  until,
  webDomain,
} from "./support/harness.ts";

test("loads a bundle and answers from memory", async (t) => {
  const endpoint = await startEndpoint(t);
  const spire = await FakeAuthority.create();
  endpoint.serve(spire.bundleDocument());
  const domain = webDomain(endpoint.url, {
    issuer: { mode: "require", values: ["https://oidc.example"] },
    keyId: "required",
  });
  const { keeper, clock, lines, status, kids } = keep(t, [domain]);

  assert.equal(kids(), undefined);
  assert.deepEqual(status(), {
    trustDomain: EXAMPLE,
    required: true,
    ready: false,
    keys: 0,
    x509Authorities: 0,
    sequence: null,
    lastSuccess: null,
    lastError: null,
    ageSeconds: null,
    source: `https_web https://localhost:${endpoint.port}/bundle.json`,
  });
  await keeper.start();
  const trust = keeper.spiffe(EXAMPLE);
  assert.deepEqual(kids(), ["example.org-1"]);
  assert.equal(trust?.keyId, "required");
  assert.deepEqual(trust?.issuer.values, ["https://oidc.example"]);
  clock.advance(7);
  assert.deepEqual(status(), {
    trustDomain: EXAMPLE,
    required: true,
    ready: true,
    keys: 1,
    x509Authorities: 0,
    sequence: "2",
    lastSuccess: 1_750_000_000,
    lastError: null,
    ageSeconds: 7,
    source: `https_web https://localhost:${endpoint.port}/bundle.json`,
  });
  assert.deepEqual(
    lines.map(({ level, message }) => `${level} ${message}`),
    ["info bundle changed"],
  );
  assert.equal(keeper.spiffe(parseTrustDomainName("other.example")), undefined);
});

test("[BNDL-08] polls four times per hint, within its limits", async (t) => {
  const endpoint = await startEndpoint(t);
  const { keeper, clock } = keep(t, [
    webDomain(
      endpoint.url,
      {},
      { refreshFloorSeconds: 30, refreshCeilingSeconds: 600 },
    ),
  ]);
  const hints = [undefined, 300, 1200, 0, 1, 1_000_000];
  endpoint.serveNext(...hints.map((hint) => bundleWith(hint)));
  await keeper.start();
  for (const expected of [75, 75, 300, 30, 30, 600]) {
    await clock.asleep();
    assert.equal(clock.sleeps.at(-1), expected);
    const { requests } = endpoint;
    clock.advance(expected - 1);
    await clock.asleep();
    assert.equal(endpoint.requests, requests, "not before its time");
    if (expected !== 600) await clock.pass(1);
  }
});

function bundleWith(hint: number | undefined, sequence?: number): string {
  return JSON.stringify({
    keys: [],
    ...(hint === undefined ? {} : { spiffe_refresh_hint: hint }),
    ...(sequence === undefined ? {} : { spiffe_sequence: sequence }),
  });
}

test("[FED-11] [Q12] follows keys as they come and go", async (t) => {
  const endpoint = await startEndpoint(t);
  const spire = await FakeAuthority.create();
  endpoint.serve(spire.bundleDocument());
  const { keeper, clock, kids } = keep(t, [webDomain(endpoint.url)]);
  await keeper.start();
  await spire.addKey();
  endpoint.serve(spire.bundleDocument());
  await clock.asleep();
  await clock.pass(75);
  assert.deepEqual(kids(), ["example.org-1", "example.org-2"]);
  spire.removeKey("example.org-1");
  endpoint.serve(spire.bundleDocument());
  await clock.pass(75);
  assert.deepEqual(kids(), ["example.org-2"]);
});

const bad = [
  ["status 500", { body: "{}", status: 500 }],
  ["a web page", { body: "<!doctype html>" }],
  ["half a document", { body: '{"keys":[{"kty":"EC",' }],
  ["no keys", { body: '{"spiffe_sequence":99}' }],
  ["a repeated member", { body: '{"keys":[],"keys":[]}' }],
  ["an endless body", { fault: "endless" }],
  ["garbage", { fault: "garbage" }],
  ["a reset", { fault: "reset" }],
] as const;
for (const [what, answer] of bad) {
  test(`[FED-08] [Q11] keeps the last good bundle on ${what}, retries at the next poll`, async (t) => {
    const endpoint = await startEndpoint(t);
    const spire = await FakeAuthority.create();
    endpoint.serve(spire.bundleDocument());
    const { keeper, clock, lines, status, kids } = keep(t, [
      webDomain(endpoint.url),
    ]);
    await keeper.start();
    await clock.asleep();
    endpoint.serve(answer);
    await clock.pass(75);
    await clock.pass(75);
    assert.deepEqual(kids(), ["example.org-1"]);
    assert.equal(endpoint.requests, 3, "one request each");
    assert.equal(clock.sleeps.at(-1), 75, "no hot retry");
    assert.equal(status().ready, true);
    assert.equal(status().ageSeconds, 150);
    assert.match(status().lastError ?? "", /^expected .*, got /);
    assert.equal(
      lines.filter(({ level }) => level === "warn").length,
      1,
      "said once",
    );

    await spire.addKey();
    endpoint.serve(spire.bundleDocument());
    await clock.pass(75);
    assert.equal(status().lastError, null);
    assert.equal(status().ageSeconds, 0);
    assert.equal(kids()?.length, 2);
    assert.ok(
      lines.some(({ message }) => message === "bundle source works again"),
    );
  });
}

test("[Q10] is found soon when it comes up after the server", async (t) => {
  const endpoint = await startEndpoint(t);
  const { port } = endpoint;
  await endpoint.close();
  const { keeper, clock, status, kids } = keep(t, [webDomain(endpoint.url)]);
  await keeper.start();
  assert.equal(status().ready, false);
  assert.match(status().lastError ?? "", /ECONNREFUSED/);
  // The test's random number is 0.5, which makes three quarters of 1, 2, 4, 8, 16, 30, 30 seconds.
  const pauses = [0.75, 1.5, 3, 6, 12, 22.5, 22.5];
  for (const pause of pauses) {
    await clock.asleep();
    assert.equal(clock.sleeps.at(-1), pause);
    await clock.pass(pause);
  }
  const late = await startEndpoint(t, { port });
  late.serve((await FakeAuthority.create()).bundleDocument());
  await clock.pass(22.5);
  assert.deepEqual(kids(), ["example.org-1"]);
  assert.equal(clock.sleeps.at(-1), 75);
});

test("[DCR-TI-17] [X16] a source that is down does not stop the start", async (t) => {
  const canary = await startCanary(t);
  const url = `https://127.0.0.1:${canary.port}/`;
  const { keeper, status, kids } = keep(t, [webDomain(url)], (request) =>
    fetchDocument({ ...request, deadlineMs: 100 }),
  );
  await keeper.start();
  assert.equal(kids(), undefined);
  assert.notEqual(keeper.spiffe(EXAMPLE), undefined, "known, and not loaded");
  assert.match(status().lastError ?? "", /within 100 ms/);
});

test("[F13] [BNDL-03] a bundle without keys replaces the one with", async (t) => {
  const endpoint = await startEndpoint(t);
  const spire = await FakeAuthority.create();
  endpoint.serve(spire.bundleDocument());
  const { keeper, clock, status, kids } = keep(t, [webDomain(endpoint.url)]);
  await keeper.start();
  await clock.asleep();
  endpoint.serve(bundleWith(300, 10));
  await clock.pass(75);
  assert.deepEqual(kids(), []);
  assert.equal(status().ready, false);
  assert.equal(status().sequence, "10");
  assert.match(status().lastError ?? "", /got none \(0 skipped\)/);
});

test("[F14] [BNDL-07] keeps the bundle when the sequence goes back", async (t) => {
  const endpoint = await startEndpoint(t);
  const spire = await FakeAuthority.create();
  const old = spire.bundleDocument();
  await spire.addKey();
  endpoint.serve(spire.bundleDocument());
  const { keeper, clock, status, kids } = keep(t, [webDomain(endpoint.url)]);
  await keeper.start();
  await clock.asleep();
  endpoint.serve(old);
  await clock.pass(75);
  assert.equal(kids()?.length, 2);
  assert.equal(status().sequence, "3");
  assert.equal(status().ageSeconds, 75, "an old document confirms nothing");
  assert.match(status().lastError ?? "", /spiffe_sequence 3 or higher, got 2/);
  // Not even when the newer one is too old to use.
  await clock.pass(86_400);
  assert.equal(kids(), undefined);
  assert.equal(status().sequence, "3");
});

test("[F14] uses the newest of two documents with one sequence, loudly", async (t) => {
  const endpoint = await startEndpoint(t);
  const spire = await FakeAuthority.create();
  endpoint.serve(spire.bundleDocument());
  const { keeper, clock, lines, status, kids } = keep(t, [
    webDomain(endpoint.url),
  ]);
  await keeper.start();
  await clock.asleep();
  await spire.addKey();
  spire.sequence--;
  endpoint.serve(spire.bundleDocument());
  await clock.pass(75);
  await clock.pass(75);
  assert.equal(kids()?.length, 2);
  assert.equal(status().ready, true);
  assert.match(status().lastError ?? "", /another spiffe_sequence/);
  assert.equal(lines.filter(({ level }) => level === "error").length, 1);
  spire.sequence++;
  endpoint.serve(spire.bundleDocument());
  await clock.pass(75);
  assert.equal(status().lastError, null);
});

test("[Q10] is used until max_stale, then not, then again", async (t) => {
  const endpoint = await startEndpoint(t);
  const spire = await FakeAuthority.create();
  endpoint.serve(spire.bundleDocument());
  const domain = webDomain(endpoint.url, { maxStaleSeconds: 3600 });
  const { keeper, clock, status, kids, lines } = keep(t, [domain]);
  await keeper.start();
  await clock.asleep();
  endpoint.serve({ body: "", status: 503 });
  for (let age = 75; age <= 3600; age += 75) {
    await clock.pass(75);
    assert.deepEqual(kids(), ["example.org-1"]);
  }
  assert.equal(status().ageSeconds, 3600);
  clock.advance(1);
  assert.equal(kids(), undefined);
  assert.match(
    status().lastError ?? "",
    /read within the last 3600 seconds, got an older one; expected status 200/,
  );
  const closed = () =>
    lines.filter(({ message }) =>
      message.startsWith("trust domain fails closed"),
    ).length;
  assert.equal(closed(), 0);
  await clock.pass(75);
  assert.equal(closed(), 1, "with the next attempt");
  await clock.pass(75);
  assert.equal(closed(), 1, "once");
  assert.notEqual(keeper.spiffe(EXAMPLE), undefined);
  assert.equal(status().ready, false);
  assert.equal(status().keys, 0);
  endpoint.serve(spire.bundleDocument());
  await clock.pass(75);
  assert.deepEqual(kids(), ["example.org-1"]);
  assert.equal(status().ready, true);
});

test("the default max_stale is a day", async (t) => {
  const endpoint = await startEndpoint(t);
  endpoint.serve((await FakeAuthority.create()).bundleDocument());
  const { keeper, clock, status, kids } = keep(t, [webDomain(endpoint.url)]);
  await keeper.start();
  await clock.asleep();
  endpoint.serve({ fault: "hang" });
  clock.advance(86_400);
  assert.equal(kids()?.length, 1);
  clock.advance(1);
  assert.equal(kids(), undefined);
  assert.match(status().lastError ?? "", /within the last 86400 seconds/);
});

test("fifty refreshes at once are one request, and one for all that came while it was under way", async (t) => {
  const endpoint = await startEndpoint(t);
  const spire = await FakeAuthority.create();
  endpoint.serve(spire.bundleDocument());
  const { keeper, clock } = keep(t, [webDomain(endpoint.url)]);
  await keeper.start();
  await clock.asleep();
  await spire.addKey();
  const gate = Promise.withResolvers<void>();
  endpoint.serve({ body: spire.bundleDocument(), after: gate.promise });
  const refreshes = Array.from({ length: 50 }, () => keeper.refresh(EXAMPLE));
  clock.advance(75); // The poll joins in.
  await until(() => endpoint.requests === 2);
  gate.resolve();
  for (const status of await Promise.all(refreshes)) {
    assert.equal(status?.keys, 2);
  }
  await clock.asleep();
  assert.equal(endpoint.requests, 3);
  assert.equal(endpoint.connections, 3);
});

test("a refresh reads what was published before it, though an older read is under way", async (t) => {
  const endpoint = await startEndpoint(t);
  const spire = await FakeAuthority.create();
  endpoint.serve(spire.bundleDocument());
  const { keeper, clock } = keep(t, [webDomain(endpoint.url)]);
  await keeper.start();
  await clock.asleep();
  const gate = Promise.withResolvers<void>();
  endpoint.serve({ body: spire.bundleDocument(), after: gate.promise });
  clock.advance(75);
  await until(() => endpoint.requests === 2);
  await spire.addKey();
  endpoint.serve(spire.bundleDocument());
  const refreshed = keeper.refresh(EXAMPLE);
  gate.resolve();
  assert.equal((await refreshed)?.keys, 2);
});

test("a refresh of an unknown trust domain does nothing", async (t) => {
  const { keeper } = keep(t, []);
  await keeper.start();
  assert.equal(await keeper.refresh(EXAMPLE), undefined);
  assert.deepEqual(keeper.status(), []);
});

test("[Q11] [FED-09] [X02] trust domains neither wait for each other nor share keys", async (t) => {
  const good = await startEndpoint(t);
  const broken = await startEndpoint(t);
  const a = await FakeAuthority.create();
  good.serve(a.bundleDocument());
  broken.serve({ fault: "hang" });
  const other = parseTrustDomainName("other.example");
  const { keeper, clock, kids } = keep(t, [
    webDomain(good.url),
    webDomain(broken.url, { trustDomain: other, required: false }),
  ]);
  void keeper.start();
  await clock.asleep(1);
  assert.deepEqual(kids(), ["example.org-1"]);
  await clock.pass(75);
  assert.equal(good.requests, 2, "polled while the other hangs");
  assert.equal(broken.requests, 1);
  assert.equal(keeper.spiffe(other)?.bundle, undefined);
  assert.deepEqual(
    keeper.status().map(({ ready, required }) => [ready, required]),
    [
      [true, true],
      [false, false],
    ],
  );
});

test("[X11] a bundle map in a bundle means nothing", async (t) => {
  const endpoint = await startEndpoint(t);
  const { keys } = JSON.parse(
    (await FakeAuthority.create()).bundleDocument().toString(),
  ) as { keys: unknown };
  const trust_domains = { "other.example": { keys } };
  endpoint.serve(JSON.stringify({ keys: [], trust_domains }));
  const { keeper, kids } = keep(t, [webDomain(endpoint.url)]);
  await keeper.start();
  assert.deepEqual(kids(), []);
  assert.equal(keeper.spiffe(parseTrustDomainName("other.example")), undefined);
});

test("[F02] [SEC-07] reaches no private endpoint unless told that it may", async (t) => {
  const endpoint = await startEndpoint(t);
  const domain = webDomain(
    endpoint.url,
    {},
    { allowPrivateAddresses: undefined },
  );
  const { keeper, lines, status } = keep(t, [domain]);
  await keeper.start();
  assert.match(status().lastError ?? "", /public addresses only/);
  assert.equal(lines[0]?.fields["reason"], "address_not_public");
  assert.equal(endpoint.connections, 0);
});

test("[FED-04] trusts the authority in ca_file, as it is at each poll", async (t) => {
  const endpoint = await startEndpoint(t);
  endpoint.serve((await FakeAuthority.create()).bundleDocument());
  const caFile = join(await makeDirectory(t), "ca.pem");
  const { keeper, clock, status } = keep(
    t,
    [webDomain(endpoint.url, {}, { caFile })],
    fetchDocument,
  );
  await keeper.start();
  assert.match(status().lastError ?? "", /cannot be read/);
  for (const [content, error] of [
    ["no certificate", /got something else in it/],
    [(await FakeCertificateAuthority.create()).pem, /CERT_SIGNATURE_FAILURE/],
    [authority.pem, undefined],
  ] as const) {
    await writeFile(caFile, content);
    await keeper.refresh(EXAMPLE);
    if (error === undefined) assert.equal(status().lastError, null);
    else assert.match(status().lastError ?? "", error);
  }
  await clock.asleep();
});

test("says nothing of the URL's query or of the document", async (t) => {
  const endpoint = await startEndpoint(t);
  const url = `${endpoint.url}?token=canary-1`;
  const { keeper, lines, status } = keep(t, [webDomain(url)]);
  endpoint.serve('{"keys":"canary-2"}');
  await keeper.start();
  endpoint.serve({ body: "canary-3", status: 500 });
  await keeper.refresh(EXAMPLE);
  assert.equal(lines.length, 2);
  assert.doesNotMatch(JSON.stringify([lines, status()]), /canary/);
});

test("refuses what can only be a mistake at once", async (t) => {
  const domain = webDomain("https://bundle.example/");
  assert.throws(() => keep(t, [domain, domain]), TypeError);
  assert.throws(() => keep(t, [{ ...domain, trustDomain: "Example.org" }]), {
    code: "spiffe_id_invalid",
  });
  for (const url of ["http://bundle.example/", "https://u:p@b.example/", ""]) {
    assert.throws(() => keep(t, [webDomain(url)]), { reason: "url_invalid" });
  }
});

test("close ends what is under way, and may be called again", async (t) => {
  const endpoint = await startEndpoint(t);
  endpoint.serve({ fault: "hang" });
  const { keeper, lines, status } = keep(t, [webDomain(endpoint.url)]);
  const started = keeper.start();
  await until(() => endpoint.requests === 1);
  await Promise.all([keeper.close(), keeper.close()]);
  await started;
  await keeper.close();
  await keeper.refresh(EXAMPLE);
  await until(() => endpoint.openConnections() === 0);
  assert.equal(endpoint.requests, 1);
  assert.deepEqual(lines, [], "an end is no failure");
  assert.equal(status().lastError, null);
});
