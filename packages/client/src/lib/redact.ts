const JWT = /eyJ[\w-]{8,}(?:\.[\w-]*){0,4}/g;
const MIN_SECRET = 16;

/**
 * Makes a text of the other side fit to be shown: printable ASCII, of bounded length, and without the
 * credentials that were sent to it, which it may have echoed.
 *
 * @param secrets - what was sent; each part between dots counts, too
 */
export function redact(
  text: string,
  secrets: readonly string[] = [],
  maxLength = 800,
): string {
  let shown = text.slice(0, 64 * maxLength);
  for (const part of secrets.flatMap((secret) => [
    secret,
    ...secret.split("."),
  ])) {
    if (part.length >= MIN_SECRET) shown = shown.replaceAll(part, "[removed]");
  }
  shown = shown.replace(JWT, "[removed]").replace(/[^\x20-\x7e]/g, "?");
  return shown.length <= maxLength
    ? shown
    : `${shown.slice(0, maxLength - 3)}...`;
}
