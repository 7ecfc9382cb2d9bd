import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { DcrError } from "@accredit/core/errors";
import { createX509PathCache, verifyX509Svid } from "@accredit/core/spiffe";
import type { X509SvidRequirements } from "@accredit/core/spiffe";
import {
  EXTENDED_KEY_USAGE,
  FakeAuthority,
  FakeX509Authority,
  KEY_USAGE,
  staticTrust,
  x509BundleKey,
} from "@accredit/testkit";
import type { FakeSvidChoice } from "@accredit/testkit";

const NOW = Math.floor(Date.now() / 1000);
const HOUR = 3600;
const SUBJECT = "spiffe://example.org/ns/prod/agent/alice";
const REQUIREMENTS: X509SvidRequirements = {
  now: NOW,
  clockToleranceSeconds: 60,
  usage: "client",
};

const root = await FakeX509Authority.create();
const intermediate = await root.intermediate();
const other = await FakeX509Authority.create({ trustDomain: "other.example" });
const trust = await trustIn({
  "example.org": [root],
  "other.example": [other],
});

/** A trust source of these trust domains and their roots. */
async function trustIn(
  domains: Readonly<
    Record<string, readonly { bundleKey(): Record<string, unknown> }[]>
  >,
) {
  const authorities = await Promise.all(
    Object.entries(domains).map(async ([trustDomain, roots]) => {
      const authority = await FakeAuthority.create({ trustDomain });
      authority.otherKeys.push(...roots.map((each) => each.bundleKey()));
      return authority;
    }),
  );
  return staticTrust(authorities);
}

const verify = (
  chain: readonly Uint8Array[],
  change: Partial<X509SvidRequirements> = {},
) => verifyX509Svid(chain, trust, { ...REQUIREMENTS, ...change });

test("[X509-01] [X509-02] a good SVID says whose it is", async () => {
  const svid = await intermediate.svid({ dnsNames: ["ignored.example"] });
  const verified = await verify(svid.chain);
  assert.equal(verified.subject.uri, SUBJECT);
  assert.equal(verified.kind, "x509-svid");
  assert.match(verified.fingerprint, /^[\w-]{43}$/);
  assert.match(verified.authority, /^[\w-]{43}$/);
  assert.match(verified.keyId, /^[0-9a-f]+$/);
  assert.equal(verified.expiresAt - verified.issuedAt, 2 * HOUR);
});

for (const key of ["P-256", "P-384", "P-521", "RSA-2048"] as const) {
  test(`[X509-02] a chain of ${key} keys`, async () => {
    const top = await FakeX509Authority.create({ key });
    const below = await top.intermediate({ key });
    const { chain } = await below.svid({ key });
    const trusted = await trustIn({ "example.org": [top] });
    await verifyX509Svid(chain, trusted, REQUIREMENTS);
  });
}

const FLAGS = KEY_USAGE;
/** One change to a good SVID, and why it is refused. */
const BAD: readonly (readonly [string, FakeSvidChoice, string])[] = [
  ["[X509-01] no URI name", { uris: [] }, "subject_invalid"],
  [
    "[A11] a DNS name instead",
    { uris: [], dnsNames: ["example.org"] },
    "subject_invalid",
  ],
  [
    "[A11] two SPIFFE IDs",
    { uris: [SUBJECT, `${SUBJECT}2`] },
    "subject_invalid",
  ],
  [
    "[A11] the same SPIFFE ID twice",
    { uris: [SUBJECT, SUBJECT] },
    "subject_invalid",
  ],
  [
    "[A11] a SPIFFE ID and a URL",
    { uris: [SUBJECT, "https://example.org/"] },
    "subject_invalid",
  ],
  ["[A11] a URL alone", { uris: ["https://example.org/a"] }, "subject_invalid"],
  [
    "[X509-01] no path",
    { uris: ["spiffe://example.org"] },
    "subject_not_a_workload",
  ],
  [
    "[lab 7] a comma in the name",
    { uris: ["spiffe://example.org/a, URI:spiffe://example.org/admin"] },
    "subject_invalid",
  ],
  [
    "[lab 7] a NUL in the name",
    { uris: ["spiffe://example.org/a\0b"] },
    "subject_invalid",
  ],
  [
    "[S03] an upper-case trust domain",
    { uris: ["spiffe://Example.org/a"] },
    "subject_invalid",
  ],
  [
    "[S03] a percent-encoding",
    { uris: ["spiffe://example.org/%61"] },
    "subject_invalid",
  ],
  [
    "[X509-03] an unknown trust domain",
    { uris: ["spiffe://unknown.example/a"] },
    "issuer_untrusted",
  ],
  [
    "[X01] another trust domain's name",
    { uris: ["spiffe://other.example/a"] },
    "certificate_not_trusted",
  ],
  ["[X509-04] [A13] an authority", { ca: true }, "certificate_invalid"],
  [
    "[A13] keyCertSign",
    { keyUsage: FLAGS.digitalSignature | FLAGS.keyCertSign },
    "certificate_invalid",
  ],
  [
    "[A13] cRLSign",
    { keyUsage: FLAGS.digitalSignature | FLAGS.cRLSign },
    "certificate_invalid",
  ],
  ["[X509-05] no key usage", { keyUsage: null }, "certificate_invalid"],
  [
    "[X509-05] key usage that is not critical",
    { keyUsageCritical: false },
    "certificate_invalid",
  ],
  ["[X509-05] no digitalSignature", { keyUsage: 4 }, "certificate_invalid"],
  [
    "[X509-06] for servers alone",
    { extendedKeyUsage: [EXTENDED_KEY_USAGE.serverAuth] },
    "certificate_invalid",
  ],
  [
    "[X509-07] no subject, names not critical",
    { subject: "", namesCritical: false },
    "certificate_invalid",
  ],
  [
    "[A13] expired",
    { notBefore: NOW - HOUR, notAfter: NOW - 1 },
    "credential_expired",
  ],
  ["not yet valid", { notBefore: NOW + 120 }, "credential_not_yet_valid"],
  ["signed by itself", { selfSigned: true }, "certificate_not_trusted"],
  ["[A14] signed with SHA-1", { hash: "SHA-1" }, "certificate_malformed"],
  ["[J14] a weak key", { key: "RSA-1024" }, "certificate_malformed"],
  [
    "an unknown critical extension",
    {
      extensions: [
        { oid: "1.2.3.4", critical: true, value: new Uint8Array([5, 0]) },
      ],
    },
    "certificate_malformed",
  ],
  [
    "an extension twice",
    {
      extensions: [
        {
          oid: "2.5.29.15",
          critical: true,
          value: new Uint8Array([3, 2, 7, 128]),
        },
      ],
    },
    "certificate_malformed",
  ],
];

for (const [name, choice, code] of BAD) {
  test(`x509-svid: refuses ${name}`, async () => {
    const { chain } = await intermediate.svid(choice);
    await assert.rejects(verify(chain), { name: "DcrError", code });
  });
}

for (const [name, choice] of [
  ["no extended key usage", { extendedKeyUsage: null }],
  ["no subject, names critical", { subject: "", namesCritical: true }],
  ["a clock a little behind", { notBefore: NOW + 30 }],
  [
    "an unknown extension that is not critical",
    {
      extensions: [
        { oid: "1.2.3.4", critical: false, value: new Uint8Array([5, 0]) },
      ],
    },
  ],
] satisfies readonly (readonly [string, FakeSvidChoice])[]) {
  test(`x509-svid: takes ${name}`, async () => {
    const { chain } = await intermediate.svid(choice);
    await verify(chain);
  });
}

test("[X509-06] a server's SVID needs serverAuth", async () => {
  const { chain } = await intermediate.svid({
    extendedKeyUsage: [EXTENDED_KEY_USAGE.clientAuth],
  });
  await verify(chain);
  await assert.rejects(verify(chain, { usage: "server" }), {
    code: "certificate_invalid",
  });
});

for (const count of [0, 1, 2, 4, 6]) {
  test(`[X509-02] a path over ${count} intermediates, in any order`, async () => {
    let signer = root;
    for (let i = 0; i < count; i++)
      signer = await signer.intermediate({ subject: `CN=Level ${i}` });
    const { chain } = await signer.svid();
    const [leaf = new Uint8Array(), ...rest] = chain;
    assert.equal((await verify(chain)).subject.uri, SUBJECT);
    await verify([leaf, ...rest.toReversed()]);
    if (count > 0)
      await assert.rejects(verify([leaf, ...rest.slice(1)]), {
        code: "certificate_not_trusted",
      });
  });
}

test("[X509-02] certificates of no use in the chain change nothing", async () => {
  const { chain } = await intermediate.svid();
  await verify([...chain, other.certificate, root.certificate]);
});

/** One authority between root and leaf that may not sign, and what becomes of the leaf. */
const BAD_SIGNERS: readonly (readonly [string, FakeSvidChoice])[] = [
  ["[A14] is no authority", { ca: false }],
  ["[X509-08] lacks keyCertSign", { keyUsage: KEY_USAGE.digitalSignature }],
  ["[X509-05] lacks key usage", { keyUsage: null }],
  ["has expired", { notAfter: NOW - 60 }],
  ["is not valid yet", { notBefore: NOW + 600 }],
  ["[A14] is signed with SHA-1", { hash: "SHA-1" }],
  ["is signed by itself", { selfSigned: true }],
];
for (const [name, choice] of BAD_SIGNERS) {
  test(`x509-svid: refuses a chain whose signer ${name}`, async () => {
    const signer = await root.intermediate(choice);
    const { chain } = await signer.svid();
    await assert.rejects(verify(chain), (error: DcrError) =>
      ["certificate_not_trusted", "certificate_malformed"].includes(error.code),
    );
  });
}

test("[A14] a leaf signs no other leaf", async () => {
  const leaf = await root.intermediate({
    ca: false,
    keyUsage: KEY_USAGE.digitalSignature,
    uris: [SUBJECT],
  });
  const { chain } = await leaf.svid({ uris: [`${SUBJECT}/admin`] });
  await assert.rejects(verify(chain), { code: "certificate_not_trusted" });
});

test("[A14] a path length is kept to", async () => {
  const short = await root.intermediate({ pathLength: 0, subject: "CN=Short" });
  await verify((await short.svid()).chain);
  const below = await short.intermediate({ subject: "CN=Below" });
  await assert.rejects(verify((await below.svid()).chain), {
    code: "certificate_not_trusted",
  });
});

/** A name constraints extension with one URI subtree: `permitted` is tag 0, `excluded` tag 1. */
function uriConstraint(tag: 0 | 1, host: string): Uint8Array {
  const name = Buffer.from(host, "ascii");
  const general = Buffer.concat([Buffer.from([0x86, name.length]), name]);
  const subtree = Buffer.concat([Buffer.from([0x30, general.length]), general]);
  const trees = Buffer.concat([
    Buffer.from([0xa0 + tag, subtree.length]),
    subtree,
  ]);
  return Buffer.concat([Buffer.from([0x30, trees.length]), trees]);
}

for (const [what, tag, host, holds] of [
  ["permits the trust domain", 0, "example.org", true],
  ["permits another", 0, "other.example", false],
  ["permits subdomains alone", 0, ".example.org", false],
  ["excludes the trust domain", 1, "example.org", false],
  ["excludes another", 1, "other.example", true],
] as const) {
  test(`[X509-08] [A14] a signer's name constraint that ${what}`, async () => {
    const extensions = [
      { oid: "2.5.29.30", critical: true, value: uriConstraint(tag, host) },
    ];
    const below = await root.intermediate({ extensions });
    const top = await FakeX509Authority.create({ extensions });
    const topTrust = await trustIn({ "example.org": [top] });
    for (const [signer, trusted] of [
      [below, trust],
      [top, topTrust],
    ] as const) {
      const { chain } = await signer.svid();
      const outcome = verifyX509Svid(chain, trusted, REQUIREMENTS);
      if (holds) await outcome;
      else await assert.rejects(outcome, { code: "certificate_not_trusted" });
    }
  });
}

test("[X01] [X509-03] an authority of one trust domain vouches for no other, whatever it is called", async () => {
  const twin = await FakeX509Authority.create({ trustDomain: "other.example" });
  const both = await trustIn({
    "example.org": [root],
    "other.example": [twin],
  });
  const { chain } = await twin.svid({ uris: [SUBJECT] });
  await assert.rejects(verifyX509Svid(chain, both, REQUIREMENTS), {
    code: "certificate_not_trusted",
  });
  const sent = await twin.svid({ uris: [SUBJECT] });
  await assert.rejects(
    verifyX509Svid([...sent.chain, twin.certificate], both, REQUIREMENTS),
    { code: "certificate_not_trusted" },
  );
});

test("[A14] a cross-signed authority leads on where its other parent is gone", async () => {
  const oldRoot = await FakeX509Authority.create({ subject: "CN=Old" });
  const cross = await root.crossSign(oldRoot);
  const { chain } = await oldRoot.svid();
  await assert.rejects(verify(chain), { code: "certificate_not_trusted" });
  await verify([...chain, oldRoot.certificate, cross]);
});

test("an intermediate may itself be the trust anchor", async () => {
  const anchored = await trustIn({
    "example.org": [
      { bundleKey: () => x509BundleKey(intermediate.certificate) },
    ],
  });
  await verifyX509Svid(
    (await intermediate.svid()).chain,
    anchored,
    REQUIREMENTS,
  );
});

test("[D05] a chain of cross-signatures is given up on soon", async () => {
  const authorities = await Promise.all(
    Array.from({ length: 7 }, () =>
      FakeX509Authority.create({ subject: "CN=Same" }),
    ),
  );
  const [first] = authorities;
  assert.ok(first);
  const { chain } = await first.svid();
  await assert.rejects(
    verify(
      [...chain, ...authorities.map(({ certificate }) => certificate)].slice(
        0,
        8,
      ),
    ),
    { code: "certificate_not_trusted" },
  );
});

test("[D05] sizes are limits", async () => {
  const { chain } = await intermediate.svid();
  const [leaf = new Uint8Array()] = chain;
  for (const bad of [
    [],
    Array.from({ length: 9 }, () => leaf),
    [new Uint8Array(16 * 1024 + 1)],
    [new Uint8Array(0)],
    [leaf.subarray(0, -1)],
    [new Uint8Array([...leaf, 0])],
    [Buffer.concat([leaf, leaf])],
  ]) {
    await assert.rejects(verify(bad), { code: "certificate_malformed" });
  }
});

test("[BNDL-03] a bundle without X.509 authorities trusts nobody; one never loaded is an outage", async () => {
  const { chain } = await intermediate.svid();
  const empty = await trustIn({ "example.org": [] });
  await assert.rejects(verifyX509Svid(chain, empty, REQUIREMENTS), {
    code: "certificate_not_trusted",
  });
  const missing = await staticTrust([await FakeAuthority.create()], {
    bundle: undefined,
  });
  await assert.rejects(verifyX509Svid(chain, missing, REQUIREMENTS), {
    code: "source_unavailable",
  });
});

test("[X509-09] a chain that was found before is judged by the time of now", async () => {
  const cache = createX509PathCache();
  const { chain } = await intermediate.svid({ notAfter: NOW + 100 });
  await verify(chain, { cache });
  await verify(chain, { cache });
  await assert.rejects(verify(chain, { cache, now: NOW + 101 }), {
    code: "credential_expired",
  });
  const young = await root.intermediate({ notAfter: NOW + 50 });
  const short = await young.svid();
  await verify(short.chain, { cache });
  await assert.rejects(verify(short.chain, { cache, now: NOW + 51 }), {
    code: "certificate_not_trusted",
  });
  const moved = await trustIn({ "example.org": [other] });
  await assert.rejects(
    verifyX509Svid(chain, moved, { ...REQUIREMENTS, cache }),
    { code: "certificate_not_trusted" },
    "another bundle knows nothing of it",
  );
});

test("[X509-02] a leaf is known again only once its chain led to an authority", async () => {
  const cache = createX509PathCache();
  const known: boolean[] = [];
  const spied = {
    ...cache,
    leaf(chain: string) {
      const leaf = cache.leaf(chain);
      known.push(leaf !== undefined);
      return leaf;
    },
  };
  const { chain } = await intermediate.svid();
  const stranger = await trustIn({ "example.org": [other] });
  await assert.rejects(
    verifyX509Svid(chain, stranger, { ...REQUIREMENTS, cache: spied }),
    { code: "certificate_not_trusted" },
  );
  await verify(chain, { cache: spied });
  await verify(chain, { cache: spied });
  assert.deepEqual(known, [false, false, true]);
});

test("[SEC-01] any bytes are an SVID or throw a DcrError", async () => {
  const { chain } = await intermediate.svid();
  const [leaf = new Uint8Array(), ...rest] = chain;
  await fc.assert(
    fc.asyncProperty(
      fc.oneof(
        fc.uint8Array({ maxLength: 600 }),
        fc
          .tuple(fc.nat(leaf.length - 1), fc.nat(255))
          .map(([at, byte]) => leaf.with(at, byte)),
      ),
      async (bytes) => {
        const same = Buffer.compare(bytes, leaf) === 0;
        try {
          await verify([bytes, ...rest]);
          assert.ok(same, "a changed certificate passed");
        } catch (error) {
          assert.ok(error instanceof DcrError, String(error));
        }
      },
    ),
    { numRuns: 400 },
  );
});
