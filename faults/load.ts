import { randomUUID } from "node:crypto";
import { mint, type Place } from "./place.ts";

/** A registration that was answered with 201. */
export interface Acknowledged {
  readonly clientId: string;
  readonly subject: string;
}

/** Workloads that register, one new SPIFFE ID after the other. */
export interface Load {
  readonly acknowledged: readonly Acknowledged[];
  /** Answers by status. */
  readonly statuses: ReadonlyMap<number, number>;
  /** Requests that were cut off, by the error's code; refused connections are not among them. */
  readonly cuts: readonly string[];
  /** How long the slowest answer so far took, in milliseconds. */
  readonly slowestMs: () => number;
  /** Resolves with the next answer, whatever it is, or when nobody calls any more. */
  progress(): Promise<void>;
  /** Resolves when the callers are done: told to stop, told so by the server, or unable to connect. */
  readonly done: Promise<void>;
  stop(): Promise<void>;
}

const CALLERS = 16;

/** Starts the load. A caller ends with the connection that the server says it closes, as a balancer would. */
export function startLoad(place: Place): Load {
  const acknowledged: Acknowledged[] = [];
  const statuses = new Map<number, number>();
  const cuts: string[] = [];
  const told = { stop: false };
  let slowest = 0;
  let waiting: (() => void)[] = [];
  const tell = (): void => {
    for (const resolve of waiting) resolve();
    waiting = [];
  };

  const call = async (): Promise<void> => {
    while (!told.stop) {
      const subject = `spiffe://example.org/load/${randomUUID()}`;
      const audience = `${place.issuer}/register`;
      const body = JSON.stringify({
        software_statement: await mint(place, subject, audience),
      });
      const sent = performance.now();
      try {
        const response = await fetch(audience, {
          method: "POST",
          headers: { "Content-Type": "application/json" },
          body,
        });
        const text = await response.text();
        slowest = Math.max(slowest, performance.now() - sent);
        const { status } = response;
        statuses.set(status, (statuses.get(status) ?? 0) + 1);
        if (status === 201) {
          const { client_id } = JSON.parse(text) as { client_id: string };
          acknowledged.push({ clientId: client_id, subject });
        }
        tell();
        if (response.headers.get("connection") === "close") return;
      } catch (error) {
        const code = codeOf(error);
        if (code !== "ECONNREFUSED") cuts.push(code);
        return;
      }
    }
  };
  const done = Promise.all(Array.from({ length: CALLERS }, call)).then(tell);
  return {
    acknowledged,
    statuses,
    cuts,
    slowestMs: () => slowest,
    progress: () =>
      Promise.race([
        new Promise<void>((resolve) => void waiting.push(resolve)),
        done,
      ]),
    done,
    stop: () => {
      told.stop = true;
      return done;
    },
  };
}

function codeOf(error: unknown): string {
  const cause = error instanceof Error ? (error.cause ?? error) : error;
  const { code } = cause as { readonly code?: unknown };
  return typeof code === "string" ? code : String(cause);
}

/** Statuses that were not expected, one sentence for each. */
export function unexpected(
  { statuses }: Load,
  expected: readonly number[],
): readonly string[] {
  return [...statuses]
    .filter(([status]) => !expected.includes(status))
    .map(([status, times]) => `${times} registrations were answered ${status}`);
}
