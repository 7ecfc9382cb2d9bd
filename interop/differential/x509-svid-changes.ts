import {
  EXTENDED_KEY_USAGE,
  KEY_USAGE,
  type FakeSvidChoice,
  type FakeX509Authority,
} from "@accredit/testkit";
import type { SeededRandom } from "./random.ts";
import { changedSpiffeId } from "./spiffe-ids.ts";

const DAY = 86_400;
const SUBJECT = "spiffe://example.org/ns/prod/agent/alice";

interface Around {
  readonly now: number;
  readonly other: FakeX509Authority;
  readonly unknown: FakeX509Authority;
}

/** Who signs, good ones first. */
export const ISSUERS: Readonly<
  Record<
    string,
    (
      root: FakeX509Authority,
      around: Around,
    ) => Promise<FakeX509Authority> | FakeX509Authority
  >
> = {
  root: (root) => root,
  intermediate: (root) => root.intermediate(),
  "two intermediates": async (root) =>
    (await root.intermediate()).intermediate({ subject: "CN=Second" }),
  "the other trust domain": (_root, { other }) => other.intermediate(),
  unknown: (_root, { unknown }) => unknown.intermediate(),
  "no authority": (root) => root.intermediate({ ca: false }),
  "without keyCertSign": (root) =>
    root.intermediate({ keyUsage: KEY_USAGE.cRLSign }),
  "without key usage": (root) => root.intermediate({ keyUsage: null }),
  "key usage not critical": (root) =>
    root.intermediate({ keyUsageCritical: false }),
  expired: (root, { now }) =>
    root.intermediate({ notBefore: now - 2 * DAY, notAfter: now - DAY }),
  "not yet valid": (root, { now }) =>
    root.intermediate({ notBefore: now + DAY, notAfter: now + 2 * DAY }),
  "of a workload": (root) =>
    root.intermediate({ uris: ["spiffe://example.org/ca"] }),
  "of another trust domain": (root) =>
    root.intermediate({ uris: ["spiffe://other.example"] }),
  "without a name": (root) => root.intermediate({ uris: [] }),
  "path length 0": async (root) =>
    (await root.intermediate({ pathLength: 0 })).intermediate({
      subject: "CN=Second",
    }),
  "path length 1": async (root) =>
    (await root.intermediate({ pathLength: 1 })).intermediate({
      subject: "CN=Second",
    }),
  "SHA-1": (root) => root.intermediate({ hash: "SHA-1" }),
  "RSA of 1024 bits": (root) => root.intermediate({ key: "RSA-1024" }),
  "RSA of 2048 bits": (root) => root.intermediate({ key: "RSA-2048" }),
  "RSA-PSS": (root) => root.intermediate({ key: "RSA-PSS-2048" }),
  "P-521": (root) => root.intermediate({ key: "P-521", hash: "SHA-512" }),
  "signed by itself": (root) => root.intermediate({ selfSigned: true }),
  "serverAuth alone": (root) =>
    root.intermediate({ extendedKeyUsage: [EXTENDED_KEY_USAGE.serverAuth] }),
  "named as the root": (root) => root.intermediate({ subject: "CN=Root" }),
  "unknown critical extension": (root) =>
    root.intermediate({
      extensions: [extension("1.2.3.4", true, [0x05, 0x00])],
    }),
  "name constraints within": (root) =>
    root.intermediate({ extensions: [permitting("example.org")] }),
  "name constraints elsewhere": (root) =>
    root.intermediate({ extensions: [permitting("other.example")] }),
  "name constraints of subdomains": (root) =>
    root.intermediate({ extensions: [permitting(".example.org")] }),
  "name constraints of DNS": (root) =>
    root.intermediate({ extensions: [permitting("other.example", 0x82)] }),
};

interface Making {
  readonly random: SeededRandom;
  readonly now: number;
}

/** What a leaf says. */
export const LEAF_CHANGES: Readonly<
  Record<string, (making: Making) => FakeSvidChoice>
> = {
  "uri: another SPIFFE ID": ({ random }) => ({
    uris: [changedSpiffeId(random).toString("latin1")],
  }),
  "uri: raw bytes": ({ random }) => ({
    uris: [],
    extensions: [names([[0x86, changedSpiffeId(random)]])],
  }),
  "uri: other kinds": ({ random }) => ({
    uris: [
      random.pick([
        "https://example.org/x",
        "spiffe://other.example/x",
        "spiffe://unknown.example/x",
        "spiffe://example.org",
        "SPIFFE://example.org/x",
        "spiffe://EXAMPLE.org/x",
        "urn:x",
        "spiffe://example.org/a%62",
        "spiffe://example.org:443/x",
        "spiffe://example.org/x?y",
        "spiffe://example.org/x#",
        "spiffe://example.org/x?",
      ]),
    ],
  }),
  "uri: several or none": ({ random }) => ({
    uris: random.pick([
      [],
      [SUBJECT, SUBJECT],
      [SUBJECT, "https://example.org"],
      ["https://example.org", SUBJECT],
    ]),
  }),
  "names: others too": ({ random }) => ({
    uris: [],
    extensions: [
      names([
        [0x82, Buffer.from("example.org")],
        [0x86, Buffer.from(SUBJECT)],
        random.pick<[number, Buffer]>([
          [0x81, Buffer.from("a@example.org")],
          [0x87, Buffer.from([127, 0, 0, 1])],
          [0x88, Buffer.from([0x2a, 3])],
          [0x87, Buffer.from([1])],
          [0x82, Buffer.from("*.example.org")],
          [0x82, Buffer.from("é")],
          [0x81, Buffer.from("é")],
        ]),
      ]),
    ],
  }),
  "names: critical": ({ random }) => ({
    namesCritical: random.pick([true, false]),
  }),
  "subject: empty": ({ random }) => ({
    subject: "",
    namesCritical: random.pick([true, false]),
  }),
  "subject: as its issuer": () => ({ subject: "CN=Root" }),
  ca: () => ({ ca: true }),
  "key usage": ({ random }) => ({
    keyUsage: random.pick([
      null,
      0,
      1,
      2,
      4,
      8,
      16,
      32,
      64,
      33,
      65,
      97,
      5,
      255,
    ]),
    keyUsageCritical: random.pick([true, true, false]),
  }),
  "extended key usage": ({ random }) => ({
    extendedKeyUsage: random.pick([
      null,
      [],
      [EXTENDED_KEY_USAGE.serverAuth],
      [EXTENDED_KEY_USAGE.clientAuth],
      ["2.5.29.37.0"],
      ["1.2.3"],
    ]),
  }),
  validity: ({ random, now }) => {
    const [from, to] = random.pick([
      [-2 * DAY, -DAY],
      [-DAY, -60],
      [60, DAY],
      [DAY, 2 * DAY],
      [DAY, -DAY],
      [-DAY, 60],
      [-60, DAY],
      [-50 * 365 * DAY, 90 * 365 * DAY],
    ] as const);
    return { notBefore: now + from, notAfter: now + to };
  },
  hash: ({ random }) => ({
    hash: random.pick(["SHA-1", "SHA-384", "SHA-512"] as const),
  }),
  key: ({ random }) => ({
    key: random.pick([
      "P-384",
      "P-521",
      "RSA-1024",
      "RSA-2048",
      "RSA-PSS-2048",
    ] as const),
  }),
  "signed by itself": () => ({ selfSigned: true }),
  "unknown extension": ({ random }) => ({
    extensions: [
      extension("1.2.3.4", random.pick([true, false]), [0x05, 0x00]),
    ],
  }),
  "repeated extension": ({ random }) => ({
    extensions: [
      extension(
        random.pick([
          "2.5.29.15",
          "2.5.29.17",
          "2.5.29.19",
          "2.5.29.37",
          "2.5.29.14",
        ]),
        false,
        [0x30, 0x00],
      ),
    ],
  }),
  "key usage: raw": ({ random }) => ({
    keyUsage: null,
    extensions: [
      extension("2.5.29.15", true, rawValue(random, [0x03, 0x02, 0x07, 0x80])),
    ],
  }),
  "extended key usage: raw": ({ random }) => ({
    extendedKeyUsage: null,
    extensions: [
      extension(
        "2.5.29.37",
        false,
        rawValue(
          random,
          [
            0x30, 0x0a, 0x06, 0x08, 0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03,
            0x02,
          ],
        ),
      ),
    ],
  }),
  "names: raw": ({ random }) => ({
    uris: [],
    extensions: [
      extension(
        "2.5.29.17",
        false,
        rawValue(random, [...names([[0x86, Buffer.from(SUBJECT)]]).value]),
      ),
    ],
  }),
};

interface ChainMaking {
  readonly random: SeededRandom;
  readonly roots: readonly Uint8Array[];
}
type Chain = readonly Uint8Array[];

/** What came of a good chain on its way. */
export const CHAIN_CHANGES: Readonly<
  Record<string, (chain: Chain, making: ChainMaking) => Chain>
> = {
  "chain: without intermediates": ([leaf]) =>
    leaf === undefined ? [] : [leaf],
  "chain: one dropped": (chain, { random }) =>
    chain.toSpliced(random.below(chain.length), 1),
  "chain: reordered": ([leaf, ...others]) => [
    ...(leaf === undefined ? [] : [leaf]),
    ...others.toReversed(),
  ],
  "chain: leaf last": (chain) => chain.toReversed(),
  "chain: one twice": (chain, { random }) => [
    ...chain,
    random.pick(chain.length === 0 ? [new Uint8Array()] : chain),
  ],
  "chain: with a root": (chain, { random, roots }) => [
    ...chain,
    random.pick(roots),
  ],
  "chain: long": (chain, { random, roots }) => [
    ...chain,
    ...Array.from({ length: 1 + random.below(12) }, () => random.pick(roots)),
  ],
  "chain: bit flipped": (chain, { random }) =>
    changeOne(chain, random, (one) => {
      const at = random.below(one.length);
      one[at] = (one[at] ?? 0) ^ (1 << random.below(8));
      return one;
    }),
  "chain: certificate cut": (chain, { random }) =>
    changeOne(chain, random, (one) =>
      one.subarray(0, random.below(one.length)),
    ),
  "chain: something after a certificate": (chain, { random }) =>
    changeOne(chain, random, (one) =>
      Buffer.concat([one, Buffer.from([random.below(256)])]),
    ),
  "chain: PEM": (chain, { random }) =>
    changeOne(chain, random, (one) =>
      Buffer.from(
        `-----BEGIN CERTIFICATE-----\n${one.toString("base64")}\n-----END CERTIFICATE-----\n`,
      ),
    ),
  "chain: nothing": () => [],
};

function changeOne(
  chain: Chain,
  random: SeededRandom,
  change: (der: Buffer) => Buffer,
): Chain {
  const at = random.below(chain.length);
  return chain.map((one, index) =>
    index === at && one.length > 0 ? change(Buffer.from(one)) : one,
  );
}

function extension(oid: string, critical: boolean, value: Iterable<number>) {
  return { oid, critical, value: Uint8Array.from(value) };
}

/** A subject alternative name extension of GeneralNames by their tags. */
function names(all: readonly (readonly [tag: number, content: Buffer])[]) {
  return extension(
    "2.5.29.17",
    false,
    der(0x30, Buffer.concat(all.map(([tag, content]) => der(tag, content)))),
  );
}

function permitting(host: string, tag = 0x86) {
  const subtree = der(0x30, der(tag, Buffer.from(host)));
  return extension("2.5.29.30", true, der(0x30, der(0xa0, subtree)));
}

function der(tag: number, content: Buffer): Buffer {
  const { length } = content;
  const size =
    length < 128
      ? [length]
      : length < 256
        ? [0x81, length]
        : [0x82, length >> 8, length & 255];
  return Buffer.concat([Buffer.from([tag, ...size]), content]);
}

/** A DER value with one byte replaced, inserted or taken away. */
function rawValue(
  random: SeededRandom,
  good: readonly number[],
): readonly number[] {
  const at = random.below(good.length + 1);
  const byte = random.below(256);
  switch (random.below(4)) {
    case 0:
      return good;
    case 1:
      return good.toSpliced(at, 0, byte);
    case 2:
      return good.toSpliced(at, 1);
    default:
      return good.toSpliced(at, 1, byte);
  }
}
