import type { IncomingMessage } from "node:http";
import { DcrError } from "@accredit/core/errors";

/** SEC-06. */
export const MAX_BODY_BYTES = 64 * 1024;

/** How many bytes of bodies a listener holds at once, of requests under way and of those in work. */
export interface BodyBudget {
  /** Whether there is room for so many bytes more; then they are held until given back. */
  take(bytes: number): boolean;
  giveBack(bytes: number): void;
}

/** For a listener that only its operator reaches. */
export const NO_BUDGET: BodyBudget = { take: () => true, giveBack: () => {} };

/** Makes a budget of so many bytes. */
export function createBodyBudget(maxBytes: number): BodyBudget {
  let held = 0;
  return {
    take(bytes) {
      if (held + bytes > maxBytes) return false;
      held += bytes;
      return true;
    },
    giveBack: (bytes) => void (held -= bytes),
  };
}

/**
 * Reads the whole request body, up to the limit counted on what arrives, not on what was announced. The bytes of the
 * body it returns are taken from the budget; the caller gives them back.
 *
 * @throws {DcrError} `request_too_large`; `request_malformed` when the client goes away half-way; `overloaded` when the
 *   budget is used up
 */
export function readBody(
  request: IncomingMessage,
  budget: BodyBudget,
  limit = MAX_BODY_BYTES,
): Promise<Buffer> {
  const announced = request.headers["content-length"];
  if (announced !== undefined && Number(announced) > limit) {
    return Promise.reject(tooLarge(limit));
  }
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let received = 0;
    let held = 0;
    const stop = (error: DcrError): void => {
      done();
      budget.giveBack(held);
      request.pause();
      reject(error);
    };
    const done = (): void => {
      request
        .off("data", onData)
        .off("end", onEnd)
        .off("error", onCut)
        .off("close", onCut);
    };
    const onData = (chunk: Buffer): void => {
      received += chunk.length;
      if (received > limit) {
        stop(tooLarge(limit));
      } else if (budget.take(chunk.length)) {
        held += chunk.length;
        chunks.push(chunk);
      } else {
        stop(
          new DcrError(
            "overloaded",
            "too many request bodies are under way: try again when Retry-After says",
          ),
        );
      }
    };
    const onEnd = (): void => {
      done();
      const [only] = chunks;
      resolve(
        chunks.length === 1 && only !== undefined
          ? only
          : Buffer.concat(chunks, received),
      );
    };
    const onCut = (): void => {
      stop(
        new DcrError(
          "request_malformed",
          "expected the whole request body, got only a part of it",
        ),
      );
    };
    request
      .on("data", onData)
      .on("end", onEnd)
      .on("error", onCut)
      .on("close", onCut);
  });
}

function tooLarge(limit: number): DcrError {
  return new DcrError(
    "request_too_large",
    `expected a request body of at most ${limit} bytes, got more`,
  );
}
