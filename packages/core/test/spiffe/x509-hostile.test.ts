import assert from "node:assert/strict";
import { X509Certificate, type KeyObject } from "node:crypto";
import { test } from "node:test";
import * as fc from "fast-check";
import { DcrError } from "@accredit/core/errors";
import {
  createX509PathCache,
  parseSpiffeBundle,
  readX509Authorities,
  verifyX509Svid,
} from "@accredit/core/spiffe";
import type { SpiffeBundle } from "@accredit/core/spiffe";
import type { TrustSource } from "@accredit/core/trust";
import {
  FakeAuthority,
  FakeX509Authority,
  KEY_USAGE,
  staticTrust,
} from "@accredit/testkit";
import type { FakeSvidChoice } from "@accredit/testkit";

const NOW = Math.floor(Date.now() / 1000);
const ID = "spiffe://example.org/a";
const REQUIREMENTS = {
  now: NOW,
  clockToleranceSeconds: 60,
  usage: "client",
} as const;

const root = await FakeX509Authority.create();
const trust = await trustIn([root.certificate]);

async function trustIn(
  certificates: readonly Uint8Array[],
  overrides: Parameters<typeof staticTrust>[1] = {},
): Promise<TrustSource> {
  const authority = await FakeAuthority.create();
  const bundle: SpiffeBundle = {
    ...(await authority.bundle()),
    ...readX509Authorities(certificates),
  };
  return staticTrust([authority], { bundle, ...overrides });
}

const verify = (chain: readonly Uint8Array[], source = trust) =>
  verifyX509Svid(chain, source, REQUIREMENTS);

/** A DER value, or something like one. */
function tlv(tag: number, ...contents: readonly (Uint8Array | string)[]) {
  const content = Buffer.concat(
    contents.map((each) => Buffer.from(each as Uint8Array)),
  );
  const { length } = content;
  const size = length < 128 ? [length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...size]), content]);
}
const repeat = (count: number, value: Uint8Array) =>
  Buffer.concat(Array.from({ length: count }, () => value));
const nested = (levels: number): Buffer =>
  levels === 0 ? Buffer.alloc(0) : tlv(0x30, nested(levels - 1));

const OID = {
  keyUsage: "2.5.29.15",
  names: "2.5.29.17",
  basicConstraints: "2.5.29.19",
  nameConstraints: "2.5.29.30",
  extendedKeyUsage: "2.5.29.37",
  policyConstraints: "2.5.29.36",
} as const;
const extension = (oid: string, value: Uint8Array): FakeSvidChoice => ({
  extensions: [{ oid, critical: true, value }],
});
const uri = (text: string | Uint8Array) => tlv(0x86, text);
const names = (value: Uint8Array): FakeSvidChoice => ({
  uris: [],
  ...extension(OID.names, value),
});

/** Extensions of a leaf that parsers read in different ways, or slowly, and a root that signs them all. */
const LEAVES: readonly (readonly [string, FakeSvidChoice, string?])[] = [
  [
    "names with others behind",
    names(Buffer.concat([tlv(0x30, uri(ID)), tlv(0x30, uri(`${ID}dmin`))])),
  ],
  [
    "names with a byte behind",
    names(Buffer.concat([tlv(0x30, uri(ID)), Buffer.from([0])])),
  ],
  ["a name in pieces", names(tlv(0x30, tlv(0xa6, tlv(0x16, ID))))],
  ["names that are no list", names(tlv(0x04, uri(ID)))],
  ["names in a set", names(tlv(0x31, uri(ID)))],
  [
    "names of indefinite length",
    names(Buffer.concat([Buffer.from([0x30, 0x80]), uri(ID), Buffer.alloc(2)])),
  ],
  [
    "a length that is too long",
    names(Buffer.concat([Buffer.from([0x30, 0x81, ID.length + 2]), uri(ID)])),
  ],
  [
    "a length beyond the end",
    names(Buffer.from([0x30, 0x05, 0x86, 0x01, 0x61])),
  ],
  ["a length cut off", names(Buffer.from([0x30, 0x82, 0x01]))],
  [
    "a length of four octets",
    names(
      Buffer.concat([
        Buffer.from([0x30, 0x84, 0, 0, 0, ID.length + 2]),
        uri(ID),
      ]),
    ),
  ],
  ["a long tag", names(tlv(0x30, Buffer.from([0x9f, 0x06, 0x00])))],
  ["a name of an unknown kind", names(tlv(0x30, uri(ID), tlv(0x89, "a")))],
  ["an empty extension", names(Buffer.alloc(0))],
  [
    "a second URI behind a name nobody reads",
    names(tlv(0x30, tlv(0xa3), uri(ID), uri(`${ID}b`))),
    "subject_invalid",
  ],
  ["an empty list of names", names(tlv(0x30)), "subject_invalid"],
  ["[lab 7] a NUL", names(tlv(0x30, uri(`${ID}\0b`))), "subject_invalid"],
  [
    "a name that is not ASCII",
    names(tlv(0x30, uri(`${ID}é`))),
    "subject_invalid",
  ],
  [
    "a name in UTF-16",
    names(tlv(0x30, uri(Buffer.from(ID, "utf16le")))),
    "subject_invalid",
  ],
  ["[D05] thousands of names", names(tlv(0x30, repeat(5000, uri(""))))],
  ["[D05] thousands of levels", names(nested(3000))],
  ["[D05] a few levels too many", names(tlv(0x30, tlv(0xa0, nested(30))))],
  [
    "key usage that is no bit string",
    {
      keyUsage: null,
      ...extension(OID.keyUsage, tlv(0x04, Buffer.from([7, 0x80]))),
    },
  ],
  [
    "key usage without bits",
    { keyUsage: null, ...extension(OID.keyUsage, tlv(0x03, Buffer.from([0]))) },
  ],
  [
    "key usage with too many unused bits",
    {
      keyUsage: null,
      ...extension(OID.keyUsage, tlv(0x03, Buffer.from([8, 0x80]))),
    },
  ],
  [
    "extended key usage that is no list",
    {
      extendedKeyUsage: null,
      ...extension(OID.extendedKeyUsage, tlv(0x06, Buffer.from([0x2a]))),
    },
  ],
  [
    "extended key usage of texts",
    {
      extendedKeyUsage: null,
      ...extension(
        OID.extendedKeyUsage,
        tlv(0x30, tlv(0x0c, "1.3.6.1.5.5.7.3.2")),
      ),
    },
  ],
  [
    "an identifier with padding",
    {
      extendedKeyUsage: null,
      ...extension(
        OID.extendedKeyUsage,
        tlv(0x30, tlv(0x06, Buffer.from("802b06010505070302", "hex"))),
      ),
    },
  ],
  [
    "an identifier cut off",
    {
      extendedKeyUsage: null,
      ...extension(
        OID.extendedKeyUsage,
        tlv(0x30, tlv(0x06, Buffer.from("2b86", "hex"))),
      ),
    },
  ],
  [
    "policy constraints that are no DER",
    extension(OID.policyConstraints, Buffer.from([1, 2, 3])),
  ],
];
for (const [name, choice, code = "certificate_malformed"] of LEAVES) {
  test(`x509-svid: refuses ${name}`, async () => {
    const { chain } = await root.svid(choice);
    await assert.rejects(verify(chain), { name: "DcrError", code });
  });
}

/** Name constraints of a signer that nobody may overlook. */
const tree = (base: Uint8Array, ...more: readonly Uint8Array[]) =>
  tlv(0x30, base, ...more);
const CONSTRAINTS: readonly (readonly [string, Uint8Array, string?])[] = [
  [
    "with more behind",
    Buffer.concat([tlv(0x30, tlv(0xa0, tree(uri("example.org")))), tlv(0x30)]),
  ],
  ["that are empty", tlv(0x30)],
  [
    "in the wrong order",
    tlv(0x30, tlv(0xa1, tree(uri("b"))), tlv(0xa0, tree(uri("example.org")))),
  ],
  [
    "twice permitted",
    tlv(0x30, tlv(0xa0, tree(uri("b"))), tlv(0xa0, tree(uri("example.org")))),
  ],
  [
    "with a distance",
    tlv(0x30, tlv(0xa1, tree(uri("example.org"), tlv(0x80, Buffer.from([1]))))),
  ],
  ["on a name of an unknown kind", tlv(0x30, tlv(0xa1, tree(tlv(0x89, "a"))))],
  [
    "with a URI for a host",
    tlv(0x30, tlv(0xa1, tree(uri("spiffe://example.org")))),
  ],
  ["with a wildcard", tlv(0x30, tlv(0xa1, tree(uri("*.example.org"))))],
  [
    "that exclude every host",
    tlv(0x30, tlv(0xa1, tree(uri("")))),
    "certificate_not_trusted",
  ],
  [
    "in upper case",
    tlv(0x30, tlv(0xa1, tree(uri("EXAMPLE.ORG")))),
    "certificate_not_trusted",
  ],
  [
    "beside one that nobody reads",
    tlv(0x30, tlv(0xa1, tree(tlv(0xa3)), tree(uri("example.org")))),
    "certificate_not_trusted",
  ],
  [
    "on the DNS name",
    tlv(0x30, tlv(0xa1, tree(tlv(0x82, "example.com")))),
    "certificate_not_trusted",
  ],
];
for (const [name, value, code = "certificate_malformed"] of CONSTRAINTS) {
  test(`[X509-08] [A14] refuses a signer with name constraints ${name}`, async () => {
    const signer = await root.intermediate(
      extension(OID.nameConstraints, value),
    );
    const { chain } = await signer.svid({ dnsNames: ["a.example.com"] });
    await assert.rejects(verify(chain), { name: "DcrError", code });
  });
}

test("[X509-08] a signer below does not widen what one above permits", async () => {
  const permit = (host: string) =>
    extension(OID.nameConstraints, tlv(0x30, tlv(0xa0, tree(uri(host)))));
  const upper = await root.intermediate({
    uris: [],
    ...permit("other.example"),
  });
  const lower = await upper.intermediate({
    uris: [],
    subject: "CN=Lower",
    ...permit("example.org"),
  });
  const { chain } = await lower.svid();
  await assert.rejects(verify(chain), { code: "certificate_not_trusted" });
});

for (const id of ["/ns/prod/agent/alice", "/a", "//"]) {
  test(`[X509-08] a signer is no workload: spiffe://example.org${id}`, async () => {
    const choice = { uris: [`spiffe://example.org${id}`] };
    const below = await root.intermediate(choice);
    await assert.rejects(verify((await below.svid()).chain), {
      code: "certificate_not_trusted",
    });
    const top = await FakeX509Authority.create(choice);
    await assert.rejects(
      verify((await top.svid()).chain, await trustIn([top.certificate])),
      { code: "certificate_not_trusted" },
    );
  });
}

test("[X509-08] other names on a signer are its own", async () => {
  for (const uris of [
    ["spiffe://example.org"],
    ["spiffe://example.org/"],
    ["spiffe://other.example"],
    ["https://ca.example/a"],
    [],
  ]) {
    const below = await root.intermediate({ uris, dnsNames: ["ca.example"] });
    await verify((await below.svid()).chain);
  }
});

test("[lab 7] a certificate with another in PEM inside it is not taken for that one", async () => {
  const { certPem } = await root.svid();
  const stranger = await FakeX509Authority.create({ subject: "CN=Stranger" });
  const { chain } = await stranger.svid({
    uris: [`${ID}/admin`],
    extensions: [
      { oid: "1.2.3.4", critical: false, value: Buffer.from(`\n${certPem}`) },
    ],
  });
  const refused = { code: "certificate_malformed" };
  await assert.rejects(verify(chain), refused);
  await assert.rejects(verify([Buffer.from(certPem)]), refused);
});

test("[A13] a validity that is no date never holds", async () => {
  const { chain } = await root.svid();
  const leaf = Buffer.from(chain[0] ?? []);
  const text = leaf.toString("latin1");
  for (const { index } of text.matchAll(/\d{12}Z/g)) {
    const bad = Buffer.from(leaf);
    bad.write("269999999999Z", index, "latin1");
    await assert.rejects(verify([bad]), { code: "certificate_malformed" });
  }
});

test("[A14] RSASSA-PSS with SHA-2 is a signature, with SHA-1 it is none", async () => {
  const top = await FakeX509Authority.create({ key: "RSA-PSS-2048" });
  const trusted = await trustIn([top.certificate]);
  for (const hash of ["SHA-256", "SHA-384", "SHA-512"] as const)
    await verify((await top.svid({ hash })).chain, trusted);
  const { chain } = await top.svid({ hash: "SHA-1" });
  await assert.rejects(verify(chain, trusted), {
    code: "certificate_malformed",
  });
});

test("[X509-08] [BNDL-05] an authority without keyCertSign is skipped, and said to be", async () => {
  for (const keyUsage of [null, KEY_USAGE.cRLSign]) {
    const weak = await FakeX509Authority.create({ keyUsage });
    const document = JSON.stringify({ keys: [weak.bundleKey()] });
    const bundle = await parseSpiffeBundle(Buffer.from(document));
    assert.equal(bundle.x509Authorities.length, 0);
    assert.match(bundle.skipped[0]?.reason ?? "", /keyCertSign/);
  }
});

test("[Q10] an authority that nobody knows is looked for once, and in an outage it may be ours to have missed", async () => {
  const next = await FakeX509Authority.create();
  const { chain } = await next.svid();
  let asked = 0;
  const refreshUnknownKey = async () => {
    asked++;
    return false;
  };
  const held = [root.certificate];
  await assert.rejects(
    verify(chain, await trustIn(held, { refreshUnknownKey })),
    {
      code: "certificate_not_trusted",
    },
  );
  const failing = { refreshUnknownKey, refreshFails: true };
  await assert.rejects(verify(chain, await trustIn(held, failing)), {
    code: "source_unavailable",
  });
  assert.equal(asked, 2);
  // What an authority that we know issued wrongly is nobody's outage.
  const { chain: wrong } = await root.svid();
  const expired = await root.intermediate({ notAfter: NOW - 60 });
  await verify(wrong, await trustIn(held, failing));
  await assert.rejects(
    verify((await expired.svid()).chain, await trustIn(held, failing)),
    { code: "certificate_not_trusted" },
  );
  assert.equal(asked, 2);
  const before = await trustIn(held, { refreshUnknownKey: async () => true });
  const after = await trustIn([next.certificate]);
  let current = before;
  await verify(chain, {
    spiffe(trustDomain) {
      const found = current.spiffe(trustDomain);
      current = after;
      return found;
    },
  });
});

const pem = (key: KeyObject) => key.export({ type: "spki", format: "pem" });

test("[SEC-01] a stranger's keys are never computed with", async (t) => {
  const spy = t.mock.method(X509Certificate.prototype, "verify");
  const stranger = await FakeX509Authority.create();
  const deep = await (await stranger.intermediate()).intermediate();
  const { chain } = await deep.svid();
  await assert.rejects(verify([...chain, stranger.certificate]), {
    code: "certificate_not_trusted",
    data: { authority: "unknown" },
  });
  const anchor = pem(new X509Certificate(root.certificate).publicKey);
  const keys = spy.mock.calls.map(({ arguments: [key] }) => pem(key));
  assert.deepEqual(
    keys.filter((key) => key !== anchor),
    [],
  );
});

test("the cache keeps the chains that were used last", async () => {
  const cache = createX509PathCache(2);
  const requirements = { ...REQUIREMENTS, cache };
  const chains = await Promise.all(
    ["a", "b", "c"].map(
      async (name) =>
        (await root.svid({ uris: [`spiffe://example.org/${name}`] })).chain,
    ),
  );
  const bundle = trust.spiffe("example.org" as never)?.bundle;
  assert.ok(bundle);
  const found: boolean[] = [];
  const leaves: boolean[] = [];
  const spied = {
    leaf(chain: string) {
      const leaf = cache.leaf(chain);
      leaves.push(leaf !== undefined);
      return leaf;
    },
    get(of: SpiffeBundle, chain: string) {
      const path = cache.get(of, chain);
      found.push(path !== undefined);
      return path;
    },
    set: (...entry: Parameters<typeof cache.set>) => cache.set(...entry),
  };
  for (const index of [0, 1, 0, 2, 0, 1]) {
    await verifyX509Svid(chains[index] ?? [], trust, {
      ...requirements,
      cache: spied,
    });
  }
  assert.deepEqual(found, [false, false, true, false, true, false]);
  assert.deepEqual(leaves, found);
});

test("[SEC-01] any bytes in any extension are an SVID or throw a DcrError", async () => {
  const value = fc.oneof(
    fc.uint8Array({ maxLength: 40 }),
    fc
      .array(fc.tuple(fc.nat(255), fc.uint8Array({ maxLength: 6 })), {
        maxLength: 4,
      })
      .map((items) =>
        tlv(0x30, ...items.map(([tag, bytes]) => tlv(tag, bytes))),
      ),
  );
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...Object.values(OID)),
      value,
      fc.boolean(),
      async (oid, bytes, onSigner) => {
        const choice = {
          ...(oid === OID.keyUsage ? { keyUsage: null } : {}),
          ...(oid === OID.extendedKeyUsage ? { extendedKeyUsage: null } : {}),
          ...(oid === OID.names ? { uris: [] } : {}),
          ...extension(oid, bytes),
        };
        const svid = onSigner
          ? await (await root.intermediate(choice)).svid()
          : await root.svid(choice);
        await verify(svid.chain).catch((error: unknown) => {
          assert.ok(error instanceof DcrError, String(error));
        });
      },
    ),
    { numRuns: 200 },
  );
});
