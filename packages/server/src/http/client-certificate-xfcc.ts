import { createHash } from "node:crypto";
import { DcrError } from "@accredit/core/errors";
import type { CertificateChain } from "./client-certificate.ts";

/** Members of an element whose repetition would let a reader choose. */
const SINGLE = new Set(["cert", "chain", "hash"]);
const MAX_CHAIN = 16;
const PEM =
  /-----BEGIN CERTIFICATE-----\r?\n((?:[A-Za-z0-9+/]{1,76}={0,2}\r?\n)+)-----END CERTIFICATE-----(?:\r?\n|$)/y;

/**
 * Reads Envoy's `X-Forwarded-Client-Cert`, given by its lines: one line with one element, whose `Cert` or
 * `Chain` has the certificate itself. More elements mean that a hop appended to what it was sent, and then
 * whose certificate is meant is a guess. `Hash`, `URI`, `Subject` and `DNS` alone prove nothing: anyone knows
 * them (A20).
 *
 * @returns undefined where there is no such header, or no certificate in it
 * @throws {DcrError} `certificate_malformed`
 * @see Envoy, HTTP connection manager, x-forwarded-client-cert
 */
export function readXfcc(
  lines: readonly string[],
): CertificateChain | undefined {
  const [line, ...more] = lines;
  if (line === undefined) return undefined;
  if (more.length > 0) throw malformed("one header", `${lines.length}`);
  const members = parseElement(line);
  const cert = pemOf(members.get("cert"), 1);
  const chain = pemOf(members.get("chain"), MAX_CHAIN);
  const certificates = chain ?? cert;
  const [leaf] = certificates ?? [];
  if (leaf === undefined) return undefined;
  if (cert?.[0] !== undefined && !Buffer.from(leaf).equals(cert[0]))
    throw malformed("Chain to begin with Cert", "another");
  const hash = members.get("hash");
  if (
    hash !== undefined &&
    hash.toLowerCase() !== createHash("sha256").update(leaf).digest("hex")
  )
    throw malformed("the Hash of the certificate", "another");
  return certificates;
}

/**
 * One element by its grammar: `name=value` joined by `;`. A value is in double quotes, where a backslash
 * takes the next character as it is, or has none of `,;="` in it.
 */
function parseElement(line: string): ReadonlyMap<string, string> {
  const members = new Map<string, string>();
  let at = 0;
  for (;;) {
    const name = take(/([A-Za-z]{1,32})=/y)?.toLowerCase();
    if (name === undefined) throw malformed("Name=value", "something else");
    const quoted = take(/"((?:[^"\\]|\\.)*)"/y);
    const value =
      quoted === undefined ? take(/([^,;="\\]*)/y) : unescape(quoted);
    if (SINGLE.has(name) && members.has(name))
      throw malformed("each member once", "one repeated");
    members.set(name, value ?? "");
    if (at === line.length) return members;
    if (line[at] !== ";") {
      throw line[at] === ","
        ? malformed("one element", "several")
        : malformed("members separated by ';'", "something else");
    }
    at++;
  }

  function take(pattern: RegExp): string | undefined {
    pattern.lastIndex = at;
    const match = pattern.exec(line);
    if (match === null) return undefined;
    at = pattern.lastIndex;
    return match[1] ?? "";
  }
}

function unescape(quoted: string): string {
  return quoted.replace(/\\(.)/gs, "$1");
}

/** One to `limit` certificates in URL-encoded PEM, nothing around them; decoded once. */
function pemOf(
  value: string | undefined,
  limit: number,
): readonly Uint8Array[] | undefined {
  if (value === undefined) return undefined;
  const text = percentDecoded(value);
  const certificates: Uint8Array[] = [];
  PEM.lastIndex = 0;
  while (PEM.lastIndex < text.length) {
    const body = PEM.exec(text)?.[1]?.replace(/\r?\n/g, "");
    const der = Buffer.from(body ?? "", "base64");
    if (body === undefined || der.toString("base64") !== body)
      throw malformed("certificates in URL-encoded PEM", "something else");
    certificates.push(der);
  }
  if (certificates.length === 0 || certificates.length > limit)
    throw malformed(`1 to ${limit} certificates`, `${certificates.length}`);
  return certificates;
}

function percentDecoded(value: string): string {
  try {
    return decodeURIComponent(value);
  } catch (cause) {
    if (cause instanceof URIError)
      throw malformed("URL-encoded PEM", "something else");
    throw cause;
  }
}

function malformed(expected: string, came: string): DcrError {
  return new DcrError(
    "certificate_malformed",
    `expected ${expected} in X-Forwarded-Client-Cert, got ${came}`,
  );
}
