import { verifyJwtSvid } from "@accredit/core/spiffe";
import { FakeAuthority, staticTrust } from "@accredit/testkit";
import {
  verdictOf,
  type Case,
  type Cases,
  type TrustQuestion,
} from "./case.ts";
import { CHANGES, type Change } from "./jwt-svid-changes.ts";
import {
  goodDraft,
  signDraft,
  type Keys,
  type Making,
} from "./jwt-svid-draft.ts";
import type { SeededRandom } from "./random.ts";

const AUDIENCE = "https://as.example";
const SUBJECT = "spiffe://example.org/ns/prod/agent/alice";
const ALGORITHMS = [
  "ES256",
  "ES384",
  "ES512",
  "RS256",
  "RS384",
  "RS512",
  "PS256",
  "PS384",
  "PS512",
];
/** As go-jose has it. Seconds. */
const TOLERANCE = 60;
const DAY = 86_400;

/** JWT-SVIDs of every algorithm, as good as they come and changed up to three times. */
export async function jwtSvidCases(
  random: SeededRandom,
  count: number,
): Promise<Cases> {
  const authority = await FakeAuthority.create();
  for (const algorithm of ALGORITHMS.slice(1))
    await authority.addKey(algorithm);
  const stranger = await FakeAuthority.create({ trustDomain: "other.example" });
  const unknown = await FakeAuthority.create();
  const trust = await staticTrust([authority, stranger]);
  const keys: Keys = {
    own: authority.keys,
    stranger: stranger.keys,
    unknown: unknown.keys,
  };
  const making: Making = { random, keys, now: epochSeconds() };

  const make = (changes: readonly Change[]): Case => {
    const key = random.pick(authority.keys);
    const draft = goodDraft(key, SUBJECT, AUDIENCE, making.now);
    for (const { change } of changes) change(draft, making);
    const token = draft.finish(signDraft(draft));
    return {
      kind: "jwt-svid",
      changes: changes.map(({ name }) => name),
      question: { kind: "jwt-svid", token, audience: AUDIENCE },
      judge: () =>
        verdictOf(async () => {
          const { subject } = await verifyJwtSvid(token, trust, {
            purpose: "client-authentication",
            audiences: [AUDIENCE],
            now: epochSeconds(),
            clockToleranceSeconds: TOLERANCE,
            maxLifetimeSeconds: DAY,
            maxAgeSeconds: DAY,
          });
          return subject.uri;
        }),
    };
  };
  // Each change a few times alone, where a difference is its own.
  const cases = Array.from({ length: 2 * ALGORITHMS.length }, () => make([]));
  for (const change of CHANGES)
    for (let round = 0; round < 6; round++) cases.push(make([change]));
  while (cases.length < count) {
    const length = 1 + random.below(3);
    cases.push(make(Array.from({ length }, () => random.pick(CHANGES))));
  }
  return { trust: [authority, stranger].map(trustOf), cases };
}

function trustOf({ trustDomain, keys }: FakeAuthority): TrustQuestion {
  const set = {
    keys: keys.map(({ kid, publicJwk }) => ({ ...publicJwk, kid })),
  };
  return {
    kind: "trust",
    trust_domain: trustDomain,
    jwks: Buffer.from(JSON.stringify(set)).toString("base64"),
  };
}

function epochSeconds(): number {
  return Math.floor(Date.now() / 1000);
}
