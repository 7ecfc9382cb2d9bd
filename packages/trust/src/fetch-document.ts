import { lookup } from "node:dns/promises";
import { isIP } from "node:net";
import type { Dispatcher } from "undici";
import { abortable, isTimeout } from "./lib/abortable.ts";
import { createConnector } from "./lib/connector.ts";
import { specialRange } from "./lib/public-address.ts";
import { SourceError } from "./source-error.ts";

/** Bundles larger than this are refused unread (and so would the parser refuse them). */
export const MAX_DOCUMENT_BYTES = 1024 * 1024;
/** Covers everything from the name lookup to the last byte. */
export const FETCH_DEADLINE_MS = 5000;
/** Named apart from other wrong statuses: the operator wants to know that none is followed. */
const REDIRECTS = new Set([301, 302, 303, 307, 308]);

/** One document to get, and what to allow on the way. */
export interface DocumentRequest {
  readonly url: URL;
  /** The media types to ask for. Default: `application/json`. */
  readonly accept?: string | undefined;
  /** PEM certificates trusted beside the system's, for this request. */
  readonly extraCa?: string | undefined;
  /** Judges the endpoint's certificates in place of Web PKI and the host name; see `https_spiffe`. */
  readonly verifyPeer?:
    ((chain: readonly Uint8Array[]) => Promise<void>) | undefined;
  /** Whether the endpoint may be at a private, loopback or other special-use address. Default: no. */
  readonly allowPrivateAddresses?: boolean | undefined;
  readonly signal: AbortSignal;
  /** Milliseconds. Default: {@link FETCH_DEADLINE_MS}. */
  readonly deadlineMs?: number | undefined;
  /** Bytes. Default: {@link MAX_DOCUMENT_BYTES}. */
  readonly maxBytes?: number | undefined;
  /** The IP addresses of a host name. Default: the operating system's. */
  readonly resolve?:
    ((hostname: string) => Promise<readonly string[]>) | undefined;
}

/** Gets one document; {@link fetchDocument} is the one that goes out. */
export type FetchDocument = (request: DocumentRequest) => Promise<Uint8Array>;

/**
 * Parses the URL of a bundle endpoint (FED-03).
 *
 * @throws {SourceError} `url_invalid`
 * @see SPIFFE Federation section 5.2.1.1
 */
export function parseEndpointUrl(text: string): URL {
  const url = URL.parse(text);
  if (url === null) {
    throw new SourceError(
      "url_invalid",
      "expected an https URL, got a text that is no URL",
    );
  }
  if (url.protocol !== "https:") {
    throw new SourceError(
      "url_invalid",
      `expected an https URL, got one of scheme ${url.protocol.slice(0, 20)}`,
    );
  }
  if (url.username !== "" || url.password !== "") {
    throw new SourceError(
      "url_invalid",
      `expected a URL without user information for host ${url.host}, got one with it`,
    );
  }
  return url;
}

/**
 * Gets one document over https with nothing left to the other side: one connection of its own to a checked
 * address, TLS 1.2 or later with the full name check, status 200, no redirect, no compression, no proxy, no
 * client certificate, a size limit and one deadline for it all.
 *
 * @throws {SourceError}
 * @see SPIFFE Federation section 5.2.1
 */
export async function fetchDocument(
  request: DocumentRequest,
): Promise<Uint8Array> {
  const { url, deadlineMs = FETCH_DEADLINE_MS } = request;
  parseEndpointUrl(url.href);
  // Aborted at the end whatever the outcome, so that no socket outlives the call.
  const finished = new AbortController();
  const signal = AbortSignal.any([
    request.signal,
    finished.signal,
    AbortSignal.timeout(deadlineMs),
  ]);
  try {
    const addresses = await findAddresses(request, signal);
    return await get(request, addresses, signal);
  } catch (cause) {
    if (isTimeout(signal.reason)) {
      throw new SourceError(
        "deadline_exceeded",
        `expected the whole document from ${url.host} within ${deadlineMs} ms, got less by then`,
        { cause },
      );
    }
    request.signal.throwIfAborted();
    if (cause instanceof SourceError) throw cause;
    throw new SourceError(
      "response_broken",
      `expected a whole HTTP response from ${url.host}, got a broken one${errorCode(cause)}`,
      { cause },
    );
  } finally {
    finished.abort();
  }
}

/**
 * The addresses to connect to, every one of them checked. The connection then goes to these and nowhere
 * else, so a name that resolves to another address a moment later gains nothing.
 */
async function findAddresses(
  {
    url,
    allowPrivateAddresses = false,
    resolve = systemLookup,
  }: DocumentRequest,
  signal: AbortSignal,
): Promise<readonly string[]> {
  // The URL parser made one spelling of them all: 127.1, 0x7f.1, fullwidth digits are 127.0.0.1 by now.
  const literal = url.hostname.replace(/^\[(.*)\]$/, "$1");
  let addresses: readonly string[];
  if (isIP(literal) !== 0) {
    addresses = [literal];
  } else {
    try {
      addresses = await abortable(resolve(url.hostname), signal);
    } catch (cause) {
      throw new SourceError(
        "dns_failed",
        `expected ${url.hostname} to resolve, got a failure${errorCode(cause)}`,
        { cause },
      );
    }
    if (addresses.length === 0) {
      throw new SourceError(
        "dns_failed",
        `expected an address of ${url.hostname}, got none`,
      );
    }
  }
  if (!allowPrivateAddresses) {
    for (const address of addresses) refuseSpecial(url, address);
  }
  return addresses;
}

function refuseSpecial(url: URL, address: string): void {
  const range = specialRange(address);
  if (range === undefined) return;
  throw new SourceError(
    "address_not_public",
    // Not the address itself: what a name resolves to inside a network is told to nobody.
    `expected public addresses only for ${url.hostname}, got one of range ${range}`,
  );
}

async function systemLookup(hostname: string): Promise<readonly string[]> {
  const found = await lookup(hostname, { all: true });
  return found.map(({ address }) => address);
}

async function get(
  request: DocumentRequest,
  addresses: readonly string[],
  signal: AbortSignal,
): Promise<Uint8Array> {
  const {
    url,
    accept = "application/json",
    maxBytes = MAX_DOCUMENT_BYTES,
  } = request;
  // Loaded with the first: a server whose sources are files starts without it.
  const { Client } = await import("undici");
  // A client of its own for each request: no connection is ever used again. It reads no proxy settings,
  // follows no redirects and inflates nothing.
  const client = new Client(url.origin, {
    pipelining: 0,
    headersTimeout: 0,
    bodyTimeout: 0,
    connect: createConnector({
      addresses,
      extraCa: request.extraCa,
      verifyPeer: request.verifyPeer,
      signal,
      checkPeer: (address) => {
        if (request.allowPrivateAddresses !== true) refuseSpecial(url, address);
      },
    }),
  });
  try {
    const response = await client.request({
      method: "GET",
      path: url.pathname + url.search,
      headers: { accept, "accept-encoding": "identity" },
      signal,
    });
    // Giving up on a body makes it fail; whoever still reads it sees that, nobody else needs to.
    response.body.on("error", () => {});
    refuseUnexpected(url, response);
    return await readAll(url, response.body, maxBytes);
  } finally {
    await client.destroy();
  }
}

function refuseUnexpected(
  url: URL,
  { statusCode, headers }: Dispatcher.ResponseData,
): void {
  if (REDIRECTS.has(statusCode)) {
    throw new SourceError(
      "redirect_refused",
      `expected status 200 from ${url.host}, got ${statusCode}; redirects are not followed`,
    );
  }
  if (statusCode !== 200) {
    throw new SourceError(
      "status_unexpected",
      `expected status 200 from ${url.host}, got ${statusCode}`,
    );
  }
  const encoding = headers["content-encoding"] ?? "identity";
  if (String(encoding).toLowerCase() !== "identity") {
    throw new SourceError(
      "encoding_refused",
      `expected the document of ${url.host} without Content-Encoding, got one with it`,
    );
  }
}

async function readAll(
  url: URL,
  body: AsyncIterable<Uint8Array>,
  maxBytes: number,
): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of body) {
    size += chunk.length;
    if (size > maxBytes) {
      throw new SourceError(
        "document_too_large",
        `expected at most ${maxBytes} bytes from ${url.host}, got more`,
      );
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** The error's code in parentheses: `(ENOTFOUND)`. Codes are constants of Node and undici. */
function errorCode(error: unknown): string {
  if (error instanceof Error && "code" in error) {
    return ` (${String(error.code)})`;
  }
  return "";
}
