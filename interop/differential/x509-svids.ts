import {
  readX509Authorities,
  verifyX509Svid,
  parseTrustDomainName,
} from "@accredit/core/spiffe";
import type { TrustSource } from "@accredit/core/trust";
import { FakeX509Authority } from "@accredit/testkit";
import { verdictOf, type Case, type Cases } from "./case.ts";
import type { SeededRandom } from "./random.ts";
import { CHAIN_CHANGES, ISSUERS, LEAF_CHANGES } from "./x509-svid-changes.ts";

const OWN = "example.org";
const OTHER = "other.example";
/** Go knows no leeway. */
const TOLERANCE = 0;

/** X509-SVIDs of good and bad issuers, with leaves and chains as good as they come and changed. */
export async function x509SvidCases(
  random: SeededRandom,
  count: number,
): Promise<Cases> {
  const roots = {
    [OWN]: await FakeX509Authority.create({ trustDomain: OWN }),
    [OTHER]: await FakeX509Authority.create({ trustDomain: OTHER }),
  };
  const unknown = await FakeX509Authority.create({
    trustDomain: OWN,
    subject: "CN=Unknown",
  });
  const trust = trustSource(roots);
  const now = Math.floor(Date.now() / 1000);
  const issuers = new Map<string, FakeX509Authority>();
  for (const [name, make] of Object.entries(ISSUERS))
    issuers.set(
      name,
      await make(roots[OWN], { now, other: roots[OTHER], unknown }),
    );

  const make = async (
    issuer: string,
    leafChanges: readonly string[],
    chainChanges: readonly string[],
  ): Promise<Case | undefined> => {
    const choice = Object.assign(
      {},
      ...leafChanges.map((name) => LEAF_CHANGES[name]?.({ random, now }) ?? {}),
    );
    let svid;
    try {
      svid = await (issuers.get(issuer) ?? roots[OWN]).svid(choice);
    } catch {
      // The maker of certificates does not take every value; those are other cases.
      return undefined;
    }
    let chain = svid.chain;
    for (const name of chainChanges)
      chain =
        CHAIN_CHANGES[name]?.(chain, {
          random,
          roots: [
            roots[OWN].certificate,
            roots[OTHER].certificate,
            unknown.certificate,
          ],
        }) ?? chain;
    return {
      kind: "x509-svid",
      changes: [`issuer: ${issuer}`, ...leafChanges, ...chainChanges],
      question: {
        kind: "x509-svid",
        now,
        chain: chain.map((der) => Buffer.from(der).toString("base64")),
      },
      judge: () =>
        verdictOf(async () => {
          const { subject } = await verifyX509Svid(chain, trust, {
            now,
            clockToleranceSeconds: TOLERANCE,
            usage: "client",
          });
          return subject.uri;
        }),
    };
  };

  const cases: Case[] = [];
  const add = async (...of: Parameters<typeof make>): Promise<void> => {
    const made = await make(...of);
    if (made !== undefined) cases.push(made);
  };
  const good = ["root", "intermediate", "two intermediates"];
  // Each alone first, where a difference is its own.
  for (const name of Object.keys(ISSUERS))
    for (let round = 0; round < 2; round++) await add(name, [], []);
  for (const name of Object.keys(LEAF_CHANGES))
    for (let round = 0; round < 8; round++)
      await add(random.pick(good), [name], []);
  for (const name of Object.keys(CHAIN_CHANGES))
    for (const issuer of good)
      for (let round = 0; round < 4; round++) await add(issuer, [], [name]);
  const [leaves, chains] = [
    Object.keys(LEAF_CHANGES),
    Object.keys(CHAIN_CHANGES),
  ];
  while (cases.length < count)
    await add(
      random.pick(random.below(3) === 0 ? Object.keys(ISSUERS) : good),
      Array.from({ length: random.below(3) }, () => random.pick(leaves)),
      Array.from({ length: random.below(2) }, () => random.pick(chains)),
    );
  return {
    trust: Object.entries(roots).map(([trustDomain, { certificate }]) => ({
      kind: "trust",
      trust_domain: trustDomain,
      authorities: [Buffer.from(certificate).toString("base64")],
    })),
    cases,
  };
}

function trustSource(
  roots: Readonly<Record<string, FakeX509Authority>>,
): TrustSource {
  const bundles = new Map(
    Object.entries(roots).map(([name, { certificate }]) => {
      const { x509Authorities, skipped } = readX509Authorities([certificate]);
      return [
        name,
        {
          trustDomain: parseTrustDomainName(name),
          issuer: { mode: "ignore" as const, values: [] },
          keyId: "optional" as const,
          bundle: {
            jwtAuthorities: new Map(),
            witAuthorities: new Map(),
            x509Authorities,
            sequence: undefined,
            refreshHintSeconds: undefined,
            skipped,
          },
        },
      ];
    }),
  );
  return { spiffe: (trustDomain) => bundles.get(trustDomain) };
}
