import type { IncomingMessage } from "node:http";
import { DcrError } from "@accredit/core/errors";

/** SEC-06. */
export const MAX_BODY_BYTES = 64 * 1024;

/**
 * Reads the whole request body, up to the limit counted on what arrives, not on what was announced.
 *
 * @throws {DcrError} `request_too_large`; `request_malformed` when the client goes away half-way
 */
export function readBody(
  request: IncomingMessage,
  limit = MAX_BODY_BYTES,
): Promise<Buffer> {
  const announced = request.headers["content-length"];
  if (announced !== undefined && Number(announced) > limit) {
    return Promise.reject(tooLarge(limit));
  }
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let received = 0;
    const done = (): void => {
      request
        .off("data", onData)
        .off("end", onEnd)
        .off("error", onCut)
        .off("close", onCut);
    };
    const onData = (chunk: Buffer): void => {
      received += chunk.length;
      if (received <= limit) {
        chunks.push(chunk);
        return;
      }
      done();
      request.pause();
      reject(tooLarge(limit));
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
      done();
      reject(
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
