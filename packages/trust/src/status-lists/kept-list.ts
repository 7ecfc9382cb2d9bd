import { DcrError } from "@accredit/core/errors";
import {
  isSameList,
  MAX_STATUS_TOKEN_BYTES,
  verifyStatusListCredential,
  type IssuerKeySource,
  type StatusList,
  type StatusListKind,
} from "@accredit/core/vc";
import type { StatusListTimes } from "@accredit/core/ports";
import { parseEndpointUrl, type FetchDocument } from "../fetch-document.ts";
import { SingleFlight } from "../lib/single-flight.ts";
import type { KeeperClock, KeeperLog } from "../options.ts";
import { SourceError } from "../source-error.ts";
import type { FetchLimits } from "./fetch-limits.ts";
import type { StatusListChange } from "./options.ts";

/** A list that cannot be fetched is tried less and less often, but never less than this. */
const MAX_PAUSE_SECONDS = 120;
/** How long a list may be used that does not say. */
const DEFAULT_TTL_SECONDS = 300;
const ACCEPT: Readonly<Record<StatusListKind, string>> = {
  token_status_list: "application/statuslist+jwt",
  bitstring: "application/vc+jwt, application/jwt;q=0.9, */*;q=0.1",
  status_list_2021: "application/vc+jwt, application/jwt;q=0.9, */*;q=0.1",
};

/** Which list: its place, the issuer of the credentials on it, and what kind they say it is. */
export interface ListIdentity {
  readonly issuer: string;
  readonly listUrl: string;
  readonly kind: StatusListKind;
}

/** One text for each list. */
export function nameOf({ kind, listUrl, issuer }: ListIdentity): string {
  return JSON.stringify([kind, listUrl, issuer]);
}

/** What a kept list shares with all others. Times in seconds. */
export interface KeptListPorts {
  readonly issuerKeys: (issuer: string) => IssuerKeySource | undefined;
  readonly clock: KeeperClock;
  readonly log: KeeperLog;
  readonly fetch: FetchDocument;
  readonly random: () => number;
  readonly limits: FetchLimits;
  readonly onChange: (change: StatusListChange) => void;
  readonly times: StatusListTimes | undefined;
  readonly allowPrivateAddresses: boolean;
  readonly extraCa: string | undefined;
  readonly floorSeconds: number;
  readonly ceilingSeconds: number;
  readonly maxStaleSeconds: number;
  readonly clockToleranceSeconds: number;
  readonly signal: AbortSignal;
}

/** How one list is doing; times in epoch seconds. */
export interface StatusListStatus extends ListIdentity {
  /** Whether credentials on it can be judged now. */
  readonly ready: boolean;
  readonly bytes: number;
  readonly issuedAt: number | null;
  readonly expiresAt: number | null;
  readonly lastSuccess: number | null;
  readonly lastError: string | null;
  readonly ageSeconds: number | null;
}

/** One status list, fetched once for every credential on it. */
export class KeptList {
  readonly identity: ListIdentity;
  /** Epoch seconds at which somebody last asked. */
  usedAt: number;
  readonly #ports: KeptListPorts;
  /** Kept even when too old to use: a later one is still compared with it (V23). */
  #held: StatusList | undefined;
  /** Epoch seconds at which the last fetch that succeeded began. */
  #lastSuccess: number | null = null;
  #lastAttempt: number | null = null;
  /** How long after the last attempt the next is due. */
  #pause = 0;
  #ttl = DEFAULT_TTL_SECONDS;
  #failure: unknown = null;
  #failures = 0;
  readonly #read = new SingleFlight(() => this.#attempt());

  constructor(identity: ListIdentity, ports: KeptListPorts) {
    this.identity = identity;
    this.#ports = ports;
    this.usedAt = ports.clock.now();
  }

  get bytes(): number {
    return this.#held?.bytes.length ?? 0;
  }

  /** Why the last fetch failed; null where it did not. */
  get failure(): unknown {
    return this.#failure;
  }

  /** Whether it is time to fetch; a clock that was set back makes it time. */
  isDue(now: number): boolean {
    if (this.#lastAttempt === null) return true;
    const waited = now - this.#lastAttempt;
    return waited < 0 || waited >= this.#pause;
  }

  /** The list, as long as it may be used: never past its own expiry (STAT-05, V22). */
  usable(now: number): StatusList | undefined {
    const list = this.#held;
    if (list === undefined || this.#lastSuccess === null) return undefined;
    if (list.expiresAt !== undefined && list.expiresAt <= now) return undefined;
    const age = now - this.#lastSuccess;
    return age <= this.#ttl + this.#ports.maxStaleSeconds ? list : undefined;
  }

  /**
   * Whether whoever asks has to wait for a fetch: there is nothing to go by, or the list's time to live is
   * over and it was not tried yet. The loop is there before, unless that time is short.
   */
  mustWait(now: number): boolean {
    if (this.usable(now) === undefined) return true;
    const age = now - (this.#lastSuccess ?? 0);
    return age >= this.#ttl && this.#failure === null;
  }

  /** Fetches now, or joins the fetch that is under way. Never rejects. */
  fetch(): Promise<void> {
    return this.#read.join();
  }

  /** Makes a fetch that begins after this call. Never rejects. */
  refresh(): Promise<void> {
    return this.#read.after();
  }

  /** Resolves once no fetch is under way. */
  async settled(): Promise<void> {
    await this.#read.settled();
  }

  status(): StatusListStatus {
    const now = this.#ports.clock.now();
    const failure = this.#failure;
    return {
      ...this.identity,
      ready: this.usable(now) !== undefined,
      bytes: this.bytes,
      issuedAt: this.#held?.issuedAt ?? null,
      expiresAt: this.#held?.expiresAt ?? null,
      lastSuccess: this.#lastSuccess,
      lastError: failure === null ? null : messageOf(failure),
      ageSeconds:
        this.#lastSuccess === null
          ? null
          : Math.max(0, now - this.#lastSuccess),
    };
  }

  async #attempt(): Promise<void> {
    const { clock, limits, signal } = this.#ports;
    if (signal.aborted) return;
    try {
      const url = parseEndpointUrl(this.identity.listUrl);
      await limits.run(url.host, async () => {
        // A list is as fresh as the moment it was asked for, not the one it arrived.
        const startedAt = clock.now();
        const list = await this.#fetch(url, startedAt);
        await this.#requireNewest(list);
        this.#succeed(list, startedAt);
      });
    } catch (error) {
      if (!signal.aborted) this.#fail(error);
    }
  }

  async #fetch(url: URL, now: number): Promise<StatusList> {
    const { fetch, allowPrivateAddresses, extraCa, signal } = this.#ports;
    const { kind, listUrl, issuer } = this.identity;
    const bytes = await fetch({
      url,
      accept: ACCEPT[kind],
      allowPrivateAddresses,
      extraCa,
      signal,
      maxBytes: MAX_STATUS_TOKEN_BYTES,
    });
    return verifyStatusListCredential(
      Buffer.from(bytes).toString("latin1").trimEnd(),
      {
        kind,
        url: listUrl,
        credentialIssuer: issuer,
        issuerKeys: this.#ports.issuerKeys,
        now,
        clockToleranceSeconds: this.#ports.clockToleranceSeconds,
      },
    );
  }

  /**
   * Who has the list's place may not go back to an old one that says less (V23): not than the one in use, which
   * stays, nor than what was in use before it was let go, or on another node.
   *
   * @throws {DcrError} `status_list_invalid`
   */
  async #requireNewest({ issuedAt = Infinity }: StatusList): Promise<void> {
    const newest =
      this.#held?.issuedAt ??
      (await this.#ports.times?.newestStatusList(nameOf(this.identity))) ??
      0;
    if (issuedAt >= newest) return;
    throw new DcrError(
      "status_list_invalid",
      `expected a status list issued at ${newest} or later, got one of ${issuedAt}: a newer one was taken before`,
    );
  }

  #succeed(list: StatusList, startedAt: number): void {
    const held = this.#held;
    const { floorSeconds, ceilingSeconds } = this.#ports;
    const ttl = list.ttlSeconds ?? DEFAULT_TTL_SECONDS;
    this.#ttl = Math.min(ceilingSeconds, Math.max(floorSeconds, ttl));
    this.#held = list;
    this.#lastSuccess = startedAt;
    this.#lastAttempt = startedAt;
    this.#pause = this.#spread(this.#ttl);
    if (this.#failure !== null)
      this.#log("info", "status list can be read again");
    this.#failure = null;
    this.#failures = 0;
    if (held === undefined || !isSameList(held, list)) this.#tell(held, list);
  }

  /** Only now that all is in place: whoever hears of it may ask at once. */
  #tell(held: StatusList | undefined, list: StatusList): void {
    if (held !== undefined && held.issuedAt === list.issuedAt)
      this.#log("error", "two different status lists of one time of issue");
    this.#note(list);
    const change = held === undefined ? "first" : "changed";
    this.#log("info", `status list ${change === "first" ? "read" : "changed"}`);
    try {
      this.#ports.onChange({ ...this.identity, change });
    } catch (error) {
      this.#log("error", `nobody heard of a changed list: ${messageOf(error)}`);
    }
  }

  /** Of lists that say the same it matters not which is the newest, so this is seldom. */
  #note({ issuedAt }: StatusList): void {
    if (issuedAt === undefined) return;
    const { times } = this.#ports;
    times
      ?.noteStatusList(nameOf(this.identity), issuedAt)
      .catch((error: unknown) => {
        this.#log("warn", `status list's time not kept: ${messageOf(error)}`);
      });
  }

  /** Early enough for the loop, and each node at another time, so that they do not fetch in step. */
  #spread(seconds: number): number {
    const { floorSeconds, random } = this.#ports;
    return Math.max(floorSeconds, seconds * (0.8 + random() / 10));
  }

  /** Keeps what is held. Logs a failure that goes on only when it changes. */
  #fail(error: unknown): void {
    const { clock, floorSeconds } = this.#ports;
    const message = messageOf(error);
    this.#lastAttempt = clock.now();
    const doubled = floorSeconds * 2 ** Math.min(this.#failures++, 10);
    this.#pause = Math.min(doubled, Math.max(floorSeconds, MAX_PAUSE_SECONDS));
    if (this.#failure === null || messageOf(this.#failure) !== message) {
      const reason =
        error instanceof SourceError
          ? error.reason
          : error instanceof DcrError
            ? error.code
            : "unexpected";
      this.#log("warn", `status list not refreshed: ${message}`, { reason });
    }
    this.#failure = error ?? "unknown failure";
  }

  #log(
    level: keyof KeeperLog,
    message: string,
    fields: Readonly<Record<string, unknown>> = {},
  ): void {
    this.#ports.log[level]({ ...this.identity, ...fields }, message);
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : "unknown failure";
}
