import { DcrError } from "@accredit/core/errors";
import {
  statusOf,
  type CredentialStatuses,
  type ListReference,
  type StatusReference,
  type StatusVerdict,
} from "@accredit/core/vc";
import { fetchDocument } from "../fetch-document.ts";
import { FetchLimits } from "./fetch-limits.ts";
import {
  KeptList,
  nameOf,
  type KeptListPorts,
  type StatusListStatus,
} from "./kept-list.ts";
import type { StatusListKeeperOptions } from "./options.ts";

/** How often the keeper looks for lists that are due; more often where lists may be fetched more often. */
const TICK_SECONDS = 15;
/** How long somebody who asks waits for a fetch and those before it. */
const PATIENCE_MS = 6000;
/** A list that nobody uses and nobody has asked for so long is let go. */
const IDLE_SECONDS = 3600;
const DEFAULTS = {
  floorSeconds: 30,
  ceilingSeconds: 900,
  maxStaleSeconds: 3600,
  clockToleranceSeconds: 60,
  maxFetches: 8,
  maxFetchesPerHost: 2,
  maxLists: 1000,
  maxBytes: 256 * 1024 * 1024,
} as const;
const NOT_HELD = "its status list is not here";
/** What decides where entries of one credential say different things. */
const GRAVITY = ["valid", "unavailable", "invalid", "suspended", "revoked"];

/** A {@link CredentialStatuses} that fetches each list once, and again when it is due. */
export interface StatusListKeeper extends CredentialStatuses {
  /** Starts to fetch lists again when they are due. May be called again. */
  start(): void;
  status(): readonly StatusListStatus[];
  /** Fetches a list again, whoever's credentials are on it; false where none of this URL is held. */
  refresh(listUrl: string): Promise<boolean>;
  /** Ends the loop and every fetch; resolves once they have. May be called again. */
  close(): Promise<void>;
}

/** Makes a keeper of status lists; it holds none until one is asked for. */
export function createStatusListKeeper(
  options: StatusListKeeperOptions,
): StatusListKeeper {
  const stop = new AbortController();
  const { signal } = stop;
  const { clock } = options;
  const { maxLists = DEFAULTS.maxLists, maxBytes = DEFAULTS.maxBytes } =
    options;
  const ports = makePorts(options, signal);
  const tickSeconds = Math.min(TICK_SECONDS, ports.floorSeconds);
  const lists = new Map<string, KeptList>();
  let loop: Promise<void> | undefined;

  const keyOf = (issuer: string, { kind, listUrl }: ListReference): string =>
    nameOf({ issuer, listUrl, kind });

  const find = (issuer: string, reference: ListReference): KeptList => {
    const { kind, listUrl } = reference;
    const identity = { issuer, listUrl, kind };
    const key = keyOf(issuer, reference);
    const list = lists.get(key) ?? new KeptList(identity, ports);
    // The map's order is that of use.
    lists.delete(key);
    lists.set(key, list);
    list.usedAt = clock.now();
    return list;
  };

  const shed = (): void => {
    const isIdle = ({ usedAt, identity }: KeptList): boolean =>
      clock.now() - usedAt > IDLE_SECONDS &&
      options.isInUse?.(identity.listUrl) === false;
    let bytes = 0;
    for (const list of lists.values()) bytes += list.bytes;
    for (const [key, list] of lists) {
      const isTooMuch = lists.size > maxLists || bytes > maxBytes;
      if (!isIdle(list) && (!isTooMuch || lists.size === 1)) continue;
      lists.delete(key);
      bytes -= list.bytes;
      if (isTooMuch)
        ports.log.warn({ ...list.identity }, "status list let go for others");
    }
  };

  const judge = async (
    issuer: string,
    reference: StatusReference,
    now: number,
  ): Promise<StatusVerdict> => {
    const problem = referenceProblem(issuer, reference, options);
    if (problem !== undefined) return problem;
    const known = reference as ListReference;
    const list = find(issuer, known);
    const mustWait = list.mustWait(clock.now());
    const fetch = list.isDue(clock.now()) ? list.fetch() : list.settled();
    if (mustWait) await waitFor(fetch, ports);
    shed();
    return verdictOf(list, known, now);
  };

  const lastKnown = (
    issuer: string,
    reference: StatusReference,
    now: number,
  ): StatusVerdict => {
    const problem = referenceProblem(issuer, reference, options);
    if (problem !== undefined) return problem;
    const known = reference as ListReference;
    const list = lists.get(keyOf(issuer, known));
    return list === undefined
      ? { verdict: "unavailable", reason: NOT_HELD }
      : verdictOf(list, known, now);
  };

  const run = async (): Promise<void> => {
    try {
      for (;;) {
        const now = clock.now();
        for (const list of lists.values()) {
          // Not waited for: one that is slow holds up no other.
          if (list.isDue(now)) void list.fetch();
        }
        shed();
        await clock.sleep(tickSeconds * 1000, signal);
      }
    } catch (error) {
      // Without its loop a list is fetched when somebody asks; say why.
      if (!signal.aborted)
        options.log.error({ error: String(error) }, "status lists not kept");
    }
  };

  return {
    async check(issuer, references, now) {
      const verdicts = await Promise.all(
        references.map((reference) => judge(issuer, reference, now)),
      );
      return worst(verdicts);
    },
    lastKnown: (issuer, references, now) =>
      worst(references.map((each) => lastKnown(issuer, each, now))),
    start() {
      loop ??= run();
    },
    status: () => [...lists.values()].map((list) => list.status()),
    async refresh(listUrl) {
      const found = [...lists.values()].filter(
        ({ identity }) => identity.listUrl === listUrl,
      );
      await Promise.all(found.map((list) => list.refresh()));
      return found.length > 0;
    },
    async close() {
      stop.abort();
      await loop;
      await Promise.all([...lists.values()].map((list) => list.settled()));
    },
  };
}

function makePorts(
  options: StatusListKeeperOptions,
  signal: AbortSignal,
): KeptListPorts {
  const settings = { ...DEFAULTS, ...defined(options) };
  return {
    issuerKeys: options.issuerKeys,
    clock: options.clock,
    log: options.log,
    fetch: options.fetch ?? fetchDocument,
    random: options.random ?? Math.random,
    limits: new FetchLimits(settings.maxFetches, settings.maxFetchesPerHost),
    onChange: options.onChange ?? (() => {}),
    times: options.times,
    allowPrivateAddresses: options.allowPrivateAddresses ?? false,
    extraCa: options.extraCa,
    floorSeconds: settings.floorSeconds,
    ceilingSeconds: settings.ceilingSeconds,
    maxStaleSeconds: settings.maxStaleSeconds,
    clockToleranceSeconds: settings.clockToleranceSeconds,
    signal,
  };
}

/** The numbers of the options that are there. */
function defined(
  options: StatusListKeeperOptions,
): Partial<Record<keyof typeof DEFAULTS, number>> {
  return Object.fromEntries(
    Object.entries(options).filter(([, value]) => typeof value === "number"),
  );
}

/** What can be said of a reference without its list; undefined where the list has to be asked. */
function referenceProblem(
  issuer: string,
  reference: StatusReference,
  { allowStatusList2021, allowedOrigins }: StatusListKeeperOptions,
): StatusVerdict | undefined {
  if (
    reference.kind === "unknown" ||
    (reference.kind === "status_list_2021" && allowStatusList2021 !== true)
  )
    return invalid("its status mechanism is not one this server takes");
  const url = URL.parse(reference.listUrl);
  if (url?.protocol !== "https:" || url.username !== "" || url.hash !== "")
    return invalid("its status list is not at an https URL");
  const origins = allowedOrigins?.(issuer);
  return origins?.includes(url.origin) === false
    ? invalid("its status list is not where its issuer's lists may be")
    : undefined;
}

/** Waits for a fetch, but not for ever: behind it may be a queue. */
async function waitFor(
  fetch: Promise<void>,
  { clock, signal }: KeptListPorts,
): Promise<void> {
  const pause = new AbortController();
  const patience = clock
    .sleep(PATIENCE_MS, AbortSignal.any([pause.signal, signal]))
    .catch(() => {});
  await Promise.race([fetch, patience]);
  pause.abort();
}

function verdictOf(
  list: KeptList,
  reference: ListReference,
  now: number,
): StatusVerdict {
  const usable = list.usable(now);
  if (usable === undefined) {
    const { failure } = list;
    const reason = failure instanceof Error ? failure.message : NOT_HELD;
    return failure instanceof DcrError && failure.code === "status_list_invalid"
      ? invalid(reason)
      : { verdict: "unavailable", reason };
  }
  try {
    const status = statusOf(usable, reference);
    if (status === "valid") return { verdict: "valid" };
    const reason = `the status list at ${reference.listUrl} says so`;
    return { verdict: status, reason };
  } catch (error) {
    if (error instanceof DcrError) return invalid(error.message);
    throw error;
  }
}

function worst(verdicts: readonly StatusVerdict[]): StatusVerdict {
  let gravest: StatusVerdict = { verdict: "valid" };
  for (const each of verdicts) {
    if (GRAVITY.indexOf(each.verdict) > GRAVITY.indexOf(gravest.verdict))
      gravest = each;
  }
  return gravest;
}

function invalid(reason: string): StatusVerdict {
  return { verdict: "invalid", reason };
}
