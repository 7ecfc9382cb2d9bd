/** How long after one pulse came back the next is sent, in milliseconds. */
export const PULSE_INTERVAL_MS = 50;

/** How often the number of requests that may be in work is set anew, in milliseconds. */
export const REVIEW_INTERVAL_MS = 250;

/** More are never in work at once: each holds memory, and the last of them waits for all the others. */
export const MOST_IN_WORK = 2000;

/** So many may always be in work: enough to keep processor and disk busy. */
export const LEAST_IN_WORK = 64;

/** Decides whether a request is worked on or sent away at once. */
export interface LoadGate {
  /** Whether the server has more to do than it can finish in good time, so that new work had better not begin. */
  isFull(): boolean;
  /** Takes a request in; the function is called once, when its answer is out. */
  enter(): () => void;
}

/** A gate where everything comes in. */
export const OPEN_GATE: LoadGate = {
  isFull: () => false,
  enter: () => () => {},
};

/** A {@link LoadGate} and the pulse that it goes by. */
export interface PulsedGate extends LoadGate {
  /** Notes that the pulse came back; the next is due {@link PULSE_INTERVAL_MS} later. */
  pulse(): void;
}

/**
 * Makes a gate that lets in as many requests as keep the server's own delay short. The delay is that of a pulse, a
 * trifle of work that goes the way of the requests: waiting for other servers, or a flood of what is refused in
 * passing, moves it as little or as much as it holds the others up. Past `maxDelayMs` nothing comes in until a pulse
 * was in time. Past a quarter of it, as a request waits at several places, fewer may be in work; below, more.
 */
export function createLoadGate(
  maxDelayMs: number,
  nowMs: () => number,
): PulsedGate {
  let due = nowMs() + PULSE_INTERVAL_MS;
  let wasLate = false;
  let inWork = 0;
  let limit = MOST_IN_WORK;
  let review = { at: nowMs(), worstDelay: 0, mostInWork: 0 };

  const setLimit = ({ worstDelay, mostInWork }: typeof review): void => {
    if (worstDelay <= maxDelayMs / 4)
      limit = Math.min(MOST_IN_WORK, Math.ceil(limit * 1.1) + 8);
    // With so few in work it is not they who are in each other's way.
    else if (mostInWork > LEAST_IN_WORK)
      limit = Math.max(
        LEAST_IN_WORK,
        Math.floor(Math.min(limit, mostInWork) * 0.7),
      );
  };

  return {
    pulse() {
      const now = nowMs();
      const delay = now - due;
      wasLate = delay > maxDelayMs;
      due = now + PULSE_INTERVAL_MS;
      review.worstDelay = Math.max(review.worstDelay, delay);
      if (now - review.at < REVIEW_INTERVAL_MS) return;
      setLimit(review);
      review = { at: now, worstDelay: 0, mostInWork: inWork };
    },
    // Before the pulse is back, what it will say is known already.
    isFull: () => wasLate || nowMs() - due > maxDelayMs || inWork >= limit,
    enter() {
      inWork++;
      review.mostInWork = Math.max(review.mostInWork, inWork);
      let inside = true;
      return () => {
        if (inside) inWork--;
        inside = false;
      };
    },
  };
}

/** A {@link LoadGate} on this process, until it is closed. */
export interface WatchedGate extends LoadGate {
  close(): void;
}

/**
 * A gate that goes by this process: its pulse waits for the event loop and for the threads that verify signatures.
 * It keeps no process alive.
 *
 * @param maxDelayMs how long work may wait in the process
 */
export function watchLoad(maxDelayMs: number): WatchedGate {
  const gate = createLoadGate(maxDelayMs, () => performance.now());
  const nothing = new Uint8Array();
  let timer: NodeJS.Timeout | undefined;
  const beat = (): void => {
    timer = setTimeout(() => {
      void goRound();
    }, PULSE_INTERVAL_MS).unref();
  };
  const goRound = async (): Promise<void> => {
    await crypto.subtle.digest("SHA-256", nothing);
    gate.pulse();
    if (timer !== undefined) beat();
  };
  beat();
  return {
    isFull: () => gate.isFull(),
    enter: () => gate.enter(),
    close: () => {
      clearTimeout(timer);
      timer = undefined;
    },
  };
}
