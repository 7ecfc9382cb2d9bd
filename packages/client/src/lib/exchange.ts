import { AccreditClientError } from "../error.ts";
import { withDeadline } from "./deadline.ts";
import { redact } from "./redact.ts";

/** What this package needs of `fetch`; the global one is one. */
export type Fetch = (url: string, init: RequestInit) => Promise<Response>;

/** How a request is sent. */
export interface RequestSettings {
  /** Default: the global `fetch`. */
  readonly fetch?: Fetch | undefined;
  /** Ends the request; the call then rejects with its reason. */
  readonly signal?: AbortSignal | undefined;
  /** How long one request may take, its answer included; milliseconds, 10 000 by default. */
  readonly timeoutMs?: number | undefined;
}

/** A JSON object as it came: nothing in it is checked. */
export type JsonObject = Readonly<Record<string, unknown>>;

/** An answer with its body. */
export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  /** Undefined where the body is not a JSON object of a reasonable size. */
  readonly body: JsonObject | undefined;
  /** What the body is, in words. */
  readonly got: string;
}

const TIMEOUT_MS = 10_000;
const MAX_BODY = 256 * 1024;

/**
 * Sends a request and reads the answer, whatever it says. Follows no redirect, since a credential may be
 * in it, and reads 256 KiB at most.
 *
 * @param secrets - credentials in the request, to be kept out of errors
 * @throws {AccreditClientError} `server_unreachable`
 * @throws the signal's reason
 */
export async function exchange(
  url: string,
  init: RequestInit,
  settings: RequestSettings,
  secrets: readonly string[] = [],
): Promise<Answer> {
  const { fetch = globalThis.fetch, signal, timeoutMs = TIMEOUT_MS } = settings;
  const { origin } = new URL(url);
  const late = (): Error =>
    new AccreditClientError(
      "server_unreachable",
      `expected a whole answer from ${origin} within ${timeoutMs} ms`,
    );
  return withDeadline(timeoutMs, signal, late, async (ending) => {
    try {
      const response = await fetch(url, {
        ...init,
        redirect: "manual",
        signal: ending,
      });
      const { status, headers } = response;
      return { status, headers, ...(await readBody(response)) };
    } catch (error) {
      // Not kept as the cause: a fetch of the caller's may put the request into its errors.
      throw new AccreditClientError(
        "server_unreachable",
        `no answer from ${origin}: ${redact(reasonOf(error), secrets, 200)}`,
      );
    }
  });
}

async function readBody(
  response: Response,
): Promise<Pick<Answer, "body" | "got">> {
  const status = `HTTP ${response.status}`;
  if (response.status < 200 || isRedirect(response.status)) {
    await response.body?.cancel();
    return { body: undefined, got: `a redirect (${status})` };
  }
  const type = (response.headers.get("content-type") ?? "")
    .split(";", 1)[0]
    ?.trim()
    .toLowerCase();
  if (type !== "application/json") {
    await response.body?.cancel();
    const shown = type === "" ? "no content type" : redact(type ?? "", [], 60);
    return { body: undefined, got: `${status} with ${shown}` };
  }
  const bytes = await readBytes(response);
  if (bytes === undefined)
    return {
      body: undefined,
      got: `${status} with more than ${MAX_BODY} bytes`,
    };
  const body = parseObject(bytes);
  return {
    body,
    got: body === undefined ? `${status} with no JSON object` : status,
  };
}

function isRedirect(status: number): boolean {
  return status >= 300 && status < 400;
}

/** Undefined where there is more than this package reads. Counts what is left after decompression. */
async function readBytes(response: Response): Promise<Buffer | undefined> {
  const reader = response.body?.getReader();
  const chunks: Uint8Array[] = [];
  let length = 0;
  for (;;) {
    const { value } = (await reader?.read()) ?? {};
    if (value === undefined) return Buffer.concat(chunks);
    length += value.byteLength;
    if (length > MAX_BODY) {
      await reader?.cancel();
      return undefined;
    }
    chunks.push(value);
  }
}

function parseObject(bytes: Buffer): JsonObject | undefined {
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    const value: unknown = JSON.parse(text);
    return value !== null && typeof value === "object" && !Array.isArray(value)
      ? (value as JsonObject)
      : undefined;
  } catch {
    // The parser's error quotes what it could not parse.
    return undefined;
  }
}

/** The innermost reason that fetch gives, like `connect ECONNREFUSED 127.0.0.1:1`. */
function reasonOf(error: unknown): string {
  let current = error;
  for (let depth = 0; depth < 4; depth += 1) {
    if (!(current instanceof Error) || !(current.cause instanceof Error)) break;
    current = current.cause;
  }
  if (!(current instanceof Error)) return "the request failed";
  const { code } = current as NodeJS.ErrnoException;
  return current.message === "" ? (code ?? current.name) : current.message;
}
