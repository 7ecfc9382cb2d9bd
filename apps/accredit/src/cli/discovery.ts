import { CommandError } from "./io.ts";

/** The endpoints of a server, as its metadata document names them. */
export interface DiscoveredServer {
  readonly issuer: string;
  readonly registrationEndpoint: string;
  readonly tokenEndpoint: string;
}

const TIMEOUT_MS = 10_000;
const LOOPBACK = new Set(["localhost", "127.0.0.1", "[::1]"]);

/**
 * Finds a server's endpoints (RFC 8414 section 3): the well-known part goes between host and path, and
 * the document must name the very issuer that was asked for.
 *
 * @throws {CommandError}
 */
export async function discover(server: string): Promise<DiscoveredServer> {
  const url = secureUrl(server, "--server");
  const path = url.pathname === "/" ? "" : url.pathname;
  const document = await requestJson(
    new URL(`/.well-known/oauth-authorization-server${path}`, url.origin),
    {},
  );
  if (document.status !== 200) {
    throw new CommandError(
      `expected authorization server metadata at ${server}, got HTTP ${document.status}`,
    );
  }
  const {
    issuer,
    registration_endpoint: registration,
    token_endpoint: token,
  } = document.body;
  if (issuer !== server && issuer !== server.replace(/\/$/, "")) {
    throw new CommandError(
      `expected the server at ${server} to be that issuer, its metadata names ${String(issuer)}; use that as --server`,
    );
  }
  if (typeof registration !== "string" || typeof token !== "string") {
    throw new CommandError(
      `the metadata of ${server} names no registration_endpoint or token_endpoint`,
    );
  }
  return {
    issuer,
    registrationEndpoint: secureUrl(registration, "registration_endpoint").href,
    tokenEndpoint: secureUrl(token, "token_endpoint").href,
  };
}

/**
 * Parses a URL that credentials will be sent to: https, or http to this machine only.
 *
 * @throws {CommandError}
 */
function secureUrl(text: string, name: string): URL {
  const url = URL.parse(text);
  if (url === null)
    throw new CommandError(`${name}: expected a URL, got ${text}`, 2);
  if (
    url.protocol !== "https:" &&
    !(url.protocol === "http:" && LOOPBACK.has(url.hostname))
  ) {
    throw new CommandError(
      `${name}: expected https (http only to this machine), got ${url.protocol}//${url.host}`,
      2,
    );
  }
  return url;
}

/** Sends a request and reads a JSON object; follows no redirect, since a credential may be in it. */
export async function requestJson(
  url: string | URL,
  init: RequestInit,
): Promise<{
  readonly status: number;
  readonly body: Record<string, unknown>;
}> {
  let response: Response;
  try {
    response = await fetch(url, {
      ...init,
      redirect: "error",
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
  } catch (cause) {
    const reason =
      cause instanceof Error && cause.cause instanceof Error
        ? cause.cause.message
        : String(cause);
    throw new CommandError(
      `no answer from ${new URL(url).origin}: ${reason}`,
      1,
      { cause },
    );
  }
  const text = await response.text();
  try {
    const body: unknown = JSON.parse(text);
    if (body !== null && typeof body === "object" && !Array.isArray(body)) {
      return { status: response.status, body: { ...body } };
    }
  } catch {
    // Reported below, with what came.
  }
  throw new CommandError(
    `expected a JSON object from ${String(url)}, got HTTP ${response.status} with something else`,
  );
}

/** A refusal of the server in words. */
export function refusal(
  what: string,
  status: number,
  body: Record<string, unknown>,
): CommandError {
  return new CommandError(
    `${what} refused: HTTP ${status} ${String(body["error"])}: ${String(body["error_description"])}`,
  );
}
