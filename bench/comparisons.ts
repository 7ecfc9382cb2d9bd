import type { Measurement } from "./measure.ts";
import { spreadOf, type Spread } from "./statistics.ts";

/** Names of the workloads; the order is the order of play within a round. */
export const NAMES = {
  register: "Accredit, new client",
  registerPeer: "oidc-provider /reg",
  floor: "bare floor",
  registerAgain: "Accredit, same client again",
  token: "Accredit, spiffe_jwt",
  tokenPeer: "oidc-provider, private_key_jwt",
} as const;

/** One measured ratio, round against round. */
export interface Comparison {
  readonly name: string;
  readonly subject: string;
  readonly peer: string;
  readonly aim: number;
  /** Of the ratios of the rounds. */
  readonly ratio: Spread;
}

const PAIRS = [
  {
    name: "verified, durable registrations over oidc-provider's own /reg",
    subject: NAMES.register,
    peer: NAMES.registerPeer,
    aim: 1,
  },
  {
    name: "tokens by spiffe_jwt over private_key_jwt",
    subject: NAMES.token,
    peer: NAMES.tokenPeer,
    aim: 0.9,
  },
  {
    name: "registrations over the bare floor",
    subject: NAMES.register,
    peer: NAMES.floor,
    aim: 0.7,
  },
] as const;

/** The three ratios; each round of the subject over the same round of the peer. */
export function compare(
  measurements: readonly Measurement[],
): readonly Comparison[] {
  const roundsOf = (name: string): readonly number[] =>
    measurements.find((one) => one.name === name)?.rounds ?? [];
  return PAIRS.map((pair) => {
    const peers = roundsOf(pair.peer);
    const ratios = roundsOf(pair.subject).map(
      (rate, round) => rate / (peers[round] ?? Number.NaN),
    );
    return { ...pair, ratio: spreadOf(ratios) };
  });
}
