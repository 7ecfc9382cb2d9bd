import type { IncomingMessage } from "node:http";

/**
 * The values of a header, one for each line it stands on. Node joins repeated lines or drops some of them,
 * and then a second value is no longer told from the first.
 *
 * @param name - in lower case
 */
export function headerLines(
  { rawHeaders }: Pick<IncomingMessage, "rawHeaders">,
  name: string,
): readonly string[] {
  const lines: string[] = [];
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const header = rawHeaders[at];
    if (header?.length === name.length && header.toLowerCase() === name)
      lines.push(rawHeaders[at + 1] ?? "");
  }
  return lines;
}
