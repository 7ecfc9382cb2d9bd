import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import type { CredentialIssuerTrust } from "@accredit/core/vc";
import { FakeClock, FakeX509Authority } from "@accredit/testkit";
import {
  createCredentialIssuerKeeper,
  type CredentialIssuerKeeper,
  type CredentialIssuerOptions,
  type FetchDocument,
  type IssuerKeyOptions,
  type IssuerStatus,
} from "@accredit/trust";
import {
  collectLog,
  fetchTrusting,
  makeDirectory,
  startEndpoint,
  until,
  type LogLine,
} from "../support/harness.ts";

const ISSUER = "https://issuer.example";

function makeKey(kid: string): Readonly<Record<string, unknown>> {
  const { publicKey } = generateKeyPairSync("ed25519");
  return { ...publicKey.export({ format: "jwk" }), kid };
}

function jwks(...keys: readonly object[]): string {
  return JSON.stringify({ keys });
}

function issuerOf(
  keySource: IssuerKeyOptions,
  change: Partial<CredentialIssuerOptions> = {},
): CredentialIssuerOptions {
  return {
    issuer: ISSUER,
    types: ["Agent"],
    formats: ["vc+jwt"],
    algorithms: ["EdDSA"],
    keyBinding: "off",
    status: "if_present",
    maxLifetimeSeconds: 3600,
    keySource,
    ...change,
  };
}

interface Keeping {
  readonly keeper: CredentialIssuerKeeper;
  readonly clock: FakeClock;
  readonly lines: LogLine[];
  readonly status: () => IssuerStatus;
  readonly trust: (issuer?: string) => CredentialIssuerTrust;
  /** The IDs of the first issuer's keys; undefined where no usable ones are held. */
  readonly ids: (issuer?: string) => (string | undefined)[] | undefined;
}

function keep(
  t: TestContext,
  issuers: readonly CredentialIssuerOptions[],
  fetch: FetchDocument = fetchTrusting,
): Keeping {
  const clock = new FakeClock();
  const { log, lines } = collectLog();
  const keeper = createCredentialIssuerKeeper({
    issuers,
    clock,
    log,
    fetch,
    random: () => 0.5,
  });
  t.after(() => keeper.close());
  const first = issuers[0]?.issuer ?? "";
  const trust = (issuer = first): CredentialIssuerTrust => {
    const found = keeper.credentialIssuer(issuer);
    if (found === undefined) throw new Error("not configured");
    return found;
  };
  return {
    keeper,
    clock,
    lines,
    trust,
    status: () => {
      const [status] = keeper.status();
      if (status === undefined) throw new Error("no issuer");
      return status;
    },
    ids: (issuer) =>
      trust(issuer)
        .keys.candidates({ kid: undefined, algorithm: "EdDSA", x5c: undefined })
        ?.map(({ id }) => id),
  };
}

/** A stored web: what is at which URL, and which URLs were asked for. */
function web(pages: Readonly<Record<string, string>>): {
  fetch: FetchDocument;
  asked: string[];
} {
  const asked: string[] = [];
  return {
    asked,
    fetch: async ({ url }) => {
      asked.push(url.href);
      const page = pages[url.href];
      if (page === undefined) throw new Error("no such page");
      return Buffer.from(page);
    },
  };
}

test("[KEYR-01] [KEYR-03] [KEYR-06] the keys are where the operator said, at the URL that follows from the issuer", async (t) => {
  const did = "did:web:issuer.example:tenant";
  const method = {
    id: "#k1",
    type: "JsonWebKey",
    controller: did,
    publicKeyJwk: makeKey("x"),
  };
  for (const [issuer, source, pages, ids] of [
    [
      ISSUER,
      { kind: "jwks_uri", url: "https://keys.example/set" },
      { "https://keys.example/set": jwks(makeKey("a")) },
      ["a"],
    ],
    [
      `${ISSUER}/tenant`,
      { kind: "metadata" },
      {
        "https://issuer.example/.well-known/jwt-vc-issuer/tenant":
          JSON.stringify({
            issuer: `${ISSUER}/tenant`,
            jwks: { keys: [makeKey("b")] },
          }),
      },
      ["b"],
    ],
    [
      ISSUER,
      { kind: "metadata" },
      {
        "https://issuer.example/.well-known/jwt-vc-issuer": JSON.stringify({
          issuer: ISSUER,
          jwks_uri: "https://keys.example/set",
        }),
        "https://keys.example/set": jwks(makeKey("c")),
      },
      ["c"],
    ],
    [
      did,
      { kind: "did" },
      {
        "https://issuer.example/tenant/did.json": JSON.stringify({
          id: did,
          verificationMethod: [method],
          assertionMethod: ["#k1"],
        }),
      },
      [`${did}#k1`],
    ],
  ] as const) {
    const { fetch, asked } = web(pages);
    const {
      keeper,
      ids: held,
      status,
      trust,
    } = keep(t, [issuerOf(source, { issuer })], fetch);
    assert.equal(held(), undefined);
    assert.equal(status().ready, false);
    await keeper.start();
    assert.deepEqual(held(), ids);
    assert.deepEqual(asked, Object.keys(pages));
    assert.equal(status().ready, true);
    assert.equal(trust().issuer, issuer);
    assert.deepEqual(trust().types, ["Agent"]);
  }
});

test("[VC-01] [X14] only the issuers of the configuration, to the byte", async (t) => {
  const { fetch, asked } = web({});
  const { keeper } = keep(t, [issuerOf({ kind: "metadata" })], fetch);
  for (const issuer of [
    `${ISSUER}/`,
    `${ISSUER}/t2`,
    "https://ISSUER.example",
    "did:web:issuer.example",
    "__proto__",
    "",
  ])
    assert.equal(keeper.credentialIssuer(issuer), undefined);
  assert.deepEqual(asked, [], "asking fetches nothing");
});

test("[KEYR-04] a did:key and a did:jwk need no other place, and never age", async (t) => {
  const didJwk = `did:jwk:${Buffer.from(JSON.stringify(makeKey("x"))).toString("base64url")}`;
  const didKey = "did:key:z6MkhaXgBZDvotDkL5257faiztiGiC2QtKLGpbnnEGta2doK";
  const { keeper, clock, ids } = keep(
    t,
    [didJwk, didKey].map((issuer) => issuerOf({ kind: "did" }, { issuer })),
    web({}).fetch,
  );
  await keeper.start();
  clock.advance(1_000_000);
  assert.deepEqual(ids(didJwk), [`${didJwk}#0`]);
  assert.deepEqual(ids(didKey), [`${didKey}#${didKey.slice(8)}`]);
});

test("[KEYR-03] [F08] an issuer that has no keys of its kind is found at the start", (t) => {
  for (const [issuer, source] of [
    ["did:web:127.0.0.1", { kind: "did" }],
    ["did:web:localhost%3A6379", { kind: "did" }],
    ["did:key:z0", { kind: "did" }],
    ["did:jwk:AAAA", { kind: "did" }],
    ["did:ion:EiClkZ", { kind: "did" }],
    [ISSUER, { kind: "did" }],
    ["http://issuer.example", { kind: "metadata" }],
    [ISSUER, { kind: "jwks_uri", url: "http://keys.example/" }],
  ] as const)
    assert.throws(
      () => keep(t, [issuerOf(source, { issuer })]),
      /expected/,
      issuer,
    );
  const twice = issuerOf({ kind: "metadata" });
  assert.throws(() => keep(t, [twice, twice]), TypeError);
});

test("[F01] [F02] [KEYR-06] nothing special-use is connected to, also not where a jwks_uri leads", async (t) => {
  const endpoint = await startEndpoint(t);
  const { keeper, ids, status } = keep(t, [
    issuerOf({ kind: "jwks_uri", url: endpoint.url }),
  ]);
  await keeper.start();
  assert.equal(ids(), undefined);
  assert.match(status().lastError ?? "", /public addresses/);
  assert.equal(endpoint.connections, 0);
  const metadata = JSON.stringify({ issuer: ISSUER, jwks_uri: endpoint.url });
  const second = keep(t, [issuerOf({ kind: "metadata" })], async (request) =>
    request.url.pathname.startsWith("/.well-known/")
      ? Buffer.from(metadata)
      : fetchTrusting(request),
  );
  await second.keeper.start();
  assert.match(second.status().lastError ?? "", /public addresses/);
  assert.equal(endpoint.connections, 0);
});

test("[Q10] [Q11] keeps the last good keys until they are too old, then has none", async (t) => {
  const endpoint = await startEndpoint(t);
  endpoint.serve(jwks(makeKey("a")));
  const source = {
    kind: "jwks_uri",
    url: endpoint.url,
    allowPrivateAddresses: true,
  } as const;
  const { keeper, clock, ids, status, lines } = keep(t, [
    issuerOf(source, { maxStaleSeconds: 1000 }),
  ]);
  await keeper.start();
  assert.deepEqual(status(), {
    issuer: ISSUER,
    required: true,
    ready: true,
    keys: 1,
    lastSuccess: 1_750_000_000,
    lastError: null,
    ageSeconds: 0,
    source: `jwks_uri https://localhost:${endpoint.port}/bundle.json`,
  });
  await clock.asleep();
  assert.equal(clock.sleeps.at(-1), 300);
  endpoint.serve({ body: "<html>", status: 200 });
  for (let polls = 0; polls < 3; polls++) await clock.pass(300);
  assert.deepEqual(ids(), ["a"]);
  assert.equal(
    lines.filter(({ level }) => level === "warn").length,
    1,
    "said once",
  );
  await clock.pass(300);
  assert.equal(ids(), undefined);
  assert.equal(status().ready, false);
  endpoint.serve(jwks(makeKey("b")));
  await clock.pass(300);
  assert.deepEqual(ids(), ["b"]);
});

test("[Q12] follows keys as they come and go, and tells of one whose key changed under its ID", async (t) => {
  const endpoint = await startEndpoint(t);
  const source = {
    kind: "jwks_uri",
    url: endpoint.url,
    allowPrivateAddresses: true,
  } as const;
  const [a, b] = [makeKey("a"), makeKey("b")];
  endpoint.serve(jwks(a));
  const { keeper, clock, ids, status, lines } = keep(t, [issuerOf(source)]);
  await keeper.start();
  await clock.asleep();
  for (const [keys, expected] of [
    [
      [a, b],
      ["a", "b"],
    ],
    [[b], ["b"]],
    [[makeKey("b")], ["b"]],
    [[], []],
  ] as const) {
    endpoint.serve(jwks(...keys));
    await clock.pass(300);
    assert.deepEqual(ids(), expected);
  }
  assert.equal(status().ready, false);
  assert.match(status().lastError ?? "", /got none \(0 skipped\)/);
  assert.deepEqual(
    lines.map(({ level }) => level),
    ["info", "info", "info", "error", "warn"],
  );
});

test("[J08] an unknown key has the keys read again, once for all who ask and not too often", async (t) => {
  const endpoint = await startEndpoint(t);
  const source = {
    kind: "jwks_uri",
    url: endpoint.url,
    allowPrivateAddresses: true,
  } as const;
  const a = makeKey("a");
  endpoint.serve(jwks(a));
  const { keeper, clock, trust, ids } = keep(t, [issuerOf(source)]);
  await keeper.start();
  await clock.asleep();
  const again = async (): Promise<boolean> =>
    (await trust().keys.refreshUnknownKey?.()) ?? false;
  endpoint.serve(jwks(a, makeKey("b")));
  assert.deepEqual(await Promise.all([again(), again(), again()]), [
    true,
    true,
    true,
  ]);
  assert.deepEqual(ids(), ["a", "b"]);
  assert.equal(endpoint.requests, 2);
  for (let tries = 0; tries < 100; tries++) assert.equal(await again(), false);
  assert.equal(endpoint.requests, 2);
  clock.advance(30);
  assert.equal(await again(), false, "nothing new");
  assert.equal(endpoint.requests, 3);
});

test("a JWK Set in a file is followed as it changes, and does not age", async (t) => {
  const path = join(await makeDirectory(t), "keys.json");
  await writeFile(path, jwks(makeKey("a")));
  const { keeper, clock, ids } = keep(t, [
    issuerOf({ kind: "jwks_file", path }),
  ]);
  await keeper.start();
  clock.advance(1_000_000);
  assert.deepEqual(ids(), ["a"]);
  await writeFile(path, jwks(makeKey("b")));
  await until(() => {
    clock.advance(1);
    return ids()?.[0] === "b";
  });
});

test("[KEYR-02] roots for x5c come from a PEM file, and are no keys", async (t) => {
  const directory = await makeDirectory(t);
  const path = join(directory, "roots.pem");
  const { certificate } = await FakeX509Authority.create();
  const pem = `-----BEGIN CERTIFICATE-----\n${Buffer.from(certificate).toString("base64")}\n-----END CERTIFICATE-----\n`;
  await writeFile(path, `a comment\n${pem}`);
  const { keeper, trust, ids, status } = keep(t, [
    issuerOf({ kind: "x5c_roots_file", path }),
  ]);
  assert.equal(trust().keys.roots, undefined);
  await keeper.start();
  assert.equal(trust().keys.roots?.length, 1);
  assert.deepEqual(ids(), []);
  assert.equal(status().ready, true);
  for (const bad of [
    "",
    "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----",
  ]) {
    await writeFile(path, bad);
    const other = keep(t, [issuerOf({ kind: "x5c_roots_file", path })]);
    await other.keeper.start();
    assert.match(other.status().lastError ?? "", /expected PEM certificates/);
  }
});
