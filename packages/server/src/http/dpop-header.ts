import type { IncomingMessage } from "node:http";
import { DcrError } from "@accredit/core/errors";
import { headerLines } from "./header-lines.ts";

/**
 * The one DPoP proof of a request (RFC 9449 section 4.3).
 *
 * @throws {DcrError} `request_malformed`
 */
export function readDpop(request: IncomingMessage): string | undefined {
  const [proof, ...more] = headerLines(request, "dpop");
  if (more.length === 0) return proof;
  throw new DcrError(
    "request_malformed",
    `expected one DPoP header, got ${more.length + 1}`,
  );
}
