import type { IncomingMessage } from "node:http";

/** The path without its query, byte for byte. */
export function pathOf(request: IncomingMessage): string {
  const target = request.url ?? "";
  const query = target.indexOf("?");
  return query === -1 ? target : target.slice(0, query);
}
