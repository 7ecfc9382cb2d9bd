import { DcrError } from "@accredit/core/errors";
import type { CertificateChain } from "./client-certificate.ts";

/** A byte sequence of RFC 8941 section 3.3.5, without parameters. */
const BYTES = /^:([A-Za-z0-9+/]+={0,2}):$/;
/** RFC 9440 lets a chain be long; header and verifier do not. */
const MAX_CHAIN = 16;

/**
 * Reads `Client-Cert` and `Client-Cert-Chain`, each given by its lines: one line of each at most, since a
 * second one is somebody else's.
 *
 * @returns undefined where there is neither
 * @throws {DcrError} `certificate_malformed`
 * @see RFC 9440 sections 2.2 and 2.3
 */
export function readClientCertField(
  leafLines: readonly string[],
  chainLines: readonly string[],
): CertificateChain | undefined {
  const leaf = single(leafLines, "Client-Cert");
  const chain = single(chainLines, "Client-Cert-Chain");
  if (leaf === undefined) {
    if (chain === undefined) return undefined;
    throw malformed("Client-Cert beside Client-Cert-Chain", "none");
  }
  return [decode(leaf, "Client-Cert"), ...decodeChain(chain)];
}

function decodeChain(line: string | undefined): readonly Uint8Array[] {
  // An empty list is usually left out, and may be written (RFC 8941 section 4.2.1).
  if (line === undefined || line === "") return [];
  const items = line
    .split(",")
    .map((item) => item.replace(/^[ \t]+|[ \t]+$/g, ""));
  if (items.length > MAX_CHAIN)
    throw malformed(
      `at most ${MAX_CHAIN} certificates in Client-Cert-Chain`,
      `${items.length}`,
    );
  return items.map((item) => decode(item, "Client-Cert-Chain"));
}

function single(lines: readonly string[], name: string): string | undefined {
  const [line, ...more] = lines;
  if (more.length > 0) throw malformed(`one ${name} header`, `${lines.length}`);
  return line;
}

function decode(item: string, name: string): Uint8Array {
  const text = BYTES.exec(item)?.[1] ?? "";
  const bytes = Buffer.from(text, "base64");
  // Buffer decodes leniently; encoding what it made again shows anything it overlooked.
  if (text === "" || bytes.toString("base64") !== text)
    throw malformed(`a byte sequence in ${name}`, "something else");
  return bytes;
}

function malformed(expected: string, came: string): DcrError {
  return new DcrError(
    "certificate_malformed",
    `expected ${expected}, got ${came}`,
  );
}
