import type { IncomingMessage, ServerResponse } from "node:http";
import { DcrError } from "@accredit/core/errors";
import type { Metrics } from "../admin/metrics.ts";
import { MAX_BODY_BYTES } from "../http/read-body.ts";
import { countedWarning, type Log } from "../log.ts";
import { errorHeaders, wireError } from "../wire/errors.ts";
import { errorReply } from "../wire/reply.ts";

/**
 * Makes what answers a request that comes while the load gate is full: 503 with `Retry-After`, always the same and as
 * cheap as an answer can be, as there may be many times more of them than the server can work on. They have no request
 * id and no log line of their own; the log has their number every ten seconds.
 */
export function createTurnAway({
  metrics,
  log,
}: {
  readonly metrics: Pick<Metrics, "countLimited">;
  readonly log: Log;
}): (request: IncomingMessage, response: ServerResponse) => void {
  const { code, message } = new DcrError(
    "overloaded",
    "the server has more to do than it can finish in good time: try again when Retry-After says",
  );
  const wire = wireError(code);
  const { status, headers, body } = errorReply(
    wire.status,
    wire.error,
    message,
    errorHeaders(wire),
  );
  const head = Object.entries({
    ...headers,
    "Content-Length": String(Buffer.byteLength(body)),
  }).flat();
  const warn = countedWarning(log, "turned requests away: overloaded");

  return (request, response) => {
    metrics.countLimited("load");
    response.writeHead(
      status,
      endsSoon(request) ? head : [...head, "Connection", "close"],
    );
    response.end(body);
    warn();
  };
}

/** Whether the body, which Node reads past, has an end that is near: then the connection can be used again. */
function endsSoon({ headers }: IncomingMessage): boolean {
  return (
    headers["transfer-encoding"] === undefined &&
    Number(headers["content-length"] ?? 0) <= MAX_BODY_BYTES
  );
}
