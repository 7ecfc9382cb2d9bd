import type { Metrics } from "../admin/metrics.ts";
import type { ClientStore } from "@accredit/core/ports";
import {
  createAddressTurns,
  NO_TURNS,
  type AddressTurns,
} from "./address-turns.ts";
import { limitNewcomers } from "./newcomer-limit.ts";
import { createRefusalLimit, type LimitRefusal } from "./refusal-limit.ts";
import { createTokenBuckets } from "./token-buckets.ts";

/** How fast things may come. */
export interface LimitSettings {
  /** New clients of one trust domain and path prefix; so many at once, too. */
  readonly registrationsPerMinutePerPrefix: number;
  /** Failed attempts of one address (an IPv6 /64) that are told and written down. */
  readonly failedAttemptsPerSecondPerAddress: number;
}

/** The limits of one server. */
export interface Limits {
  readonly limitRefusal: LimitRefusal;
  readonly turns: AddressTurns;
  readonly limitNewcomers: (
    register: ClientStore["register"],
  ) => ClientStore["register"];
}

/** Attested prefixes, and addresses, remembered at once: some megabytes. */
const MAX_BUCKETS = 20_000;

/** Seconds' worth of failed attempts that an address may have at once. */
const FAILURE_BURST_SECONDS = 5;

/** Makes the limits of a server; without settings nothing is limited. */
export function createLimits(
  settings: LimitSettings | undefined,
  metrics: Metrics,
): Limits {
  if (settings === undefined)
    return {
      limitRefusal: (error) => error,
      turns: NO_TURNS,
      limitNewcomers: (same) => same,
    };
  const {
    registrationsPerMinutePerPrefix: perMinute,
    failedAttemptsPerSecondPerAddress: perSecond,
  } = settings;
  const buckets = (rate: number, burst: number) =>
    createTokenBuckets({
      perSecond: rate,
      burst,
      maxBuckets: MAX_BUCKETS,
      now: () => performance.now() / 1000,
    });
  const newcomers = buckets(perMinute / 60, perMinute);
  const unproven = buckets(perSecond, perSecond * FAILURE_BURST_SECONDS);
  const count: Metrics["countLimited"] = (limit) => metrics.countLimited(limit);
  return {
    limitRefusal: createRefusalLimit({
      unproven,
      proven: buckets(perMinute / 60, perMinute),
      count,
    }),
    turns: createAddressTurns(unproven, () => count("failed_attempts")),
    limitNewcomers: (register) =>
      limitNewcomers({ register, newcomers, count }),
  };
}
