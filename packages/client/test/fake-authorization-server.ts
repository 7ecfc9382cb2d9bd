import { once } from "node:events";
import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type ServerResponse,
} from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import type { TestContext } from "node:test";
import { TLSSocket } from "node:tls";
import { claimsOf } from "./fake-svids.ts";

/** Answers a request some other way than a good server would. */
export type Misbehaviour = (
  response: ServerResponse,
  request: IncomingMessage,
) => void;

/** A request that came, with its body. */
export interface SeenRequest {
  readonly path: string;
  readonly body: string;
  readonly parameters: URLSearchParams;
}

/**
 * An authorization server on loopback that registers SPIFFE clients and gives them tokens, and behaves as
 * badly as a test asks. It reads JWT-SVIDs without verifying them.
 */
export class FakeAuthorizationServer {
  readonly issuer: string;
  readonly registrationEndpoint: string;
  readonly tokenEndpoint: string;
  readonly seen: SeenRequest[] = [];
  /** Members of the metadata that a test changes; undefined takes one out. */
  metadata: Record<string, unknown> = {};
  tokenTtlSeconds = 600;
  /** What the next requests for a path get instead of a good answer, first come first served. */
  readonly next: Record<string, Misbehaviour[]> = {};
  /** What every request for a path gets instead. */
  readonly always: Record<string, Misbehaviour> = {};
  /** Client identifiers by SPIFFE ID; clear it to forget them all. */
  readonly clients = new Map<string, string>();
  #tokens = 0;

  constructor(issuer: string) {
    this.issuer = issuer;
    this.registrationEndpoint = `${issuer}/register`;
    this.tokenEndpoint = `${issuer}/token`;
  }

  static async start(
    t: TestContext,
    path = "",
  ): Promise<FakeAuthorizationServer> {
    let answer: RequestListener = () => undefined;
    const server = createServer((request, response) =>
      answer(request, response),
    );
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    const fake = new FakeAuthorizationServer(`http://127.0.0.1:${port}${path}`);
    answer = fake.listener();
    t.after(async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    });
    return fake;
  }

  /** How many requests came for a path. */
  count(path: string): number {
    return this.seen.filter((request) => request.path === path).length;
  }

  listener(): RequestListener {
    return (request, response) => {
      void this.#answer(request, response);
    };
  }

  async #answer(
    request: IncomingMessage,
    response: ServerResponse,
  ): Promise<void> {
    const path = (request.url ?? "").replace(/^.*(?=\/\w+$)/, "");
    const where = request.url?.startsWith("/.well-known/") ? "/metadata" : path;
    const body = await text(request);
    const parameters = new URLSearchParams(body);
    this.seen.push({ path: where, body, parameters });
    const misbehave = this.next[where]?.shift() ?? this.always[where];
    if (misbehave !== undefined) return misbehave(response, request);
    switch (where) {
      case "/metadata":
        return json(response, 200, this.#metadata());
      case "/register":
        return this.#register(
          JSON.parse(body) as Record<string, unknown>,
          response,
        );
      case "/token":
        return this.#token(parameters, request, response);
      default:
        return json(response, 404, { error: "invalid_request" });
    }
  }

  #metadata(): Record<string, unknown> {
    return {
      issuer: this.issuer,
      registration_endpoint: this.registrationEndpoint,
      token_endpoint: this.tokenEndpoint,
      response_types_supported: [],
      ...this.metadata,
    };
  }

  #register(body: Record<string, unknown>, response: ServerResponse): void {
    const { software_statement: statement, ...metadata } = body;
    const { sub, aud } = claimsOf(String(statement));
    if (aud !== this.registrationEndpoint) {
      return json(response, 400, {
        error: "invalid_software_statement",
        error_description: `expected the audience ${this.registrationEndpoint}`,
      });
    }
    this.clients.set(String(sub), String(sub));
    json(response, 201, {
      client_id: sub,
      client_id_issued_at: 1_750_000_000,
      ...metadata,
      software_statement: statement,
      accredit_provenance: { grant_types: "body" },
      accredit_resources: ["https://api.example"],
    });
  }

  #token(
    parameters: URLSearchParams,
    request: IncomingMessage,
    response: ServerResponse,
  ): void {
    const assertion = parameters.get("client_assertion");
    const claims = assertion === null ? {} : claimsOf(assertion);
    const id = parameters.get("client_id") ?? claims["sub"];
    const isProven =
      assertion === null
        ? certifiedName(request) === id
        : claims["aud"] === this.issuer && claims["sub"] === id;
    if (!isProven || this.clients.get(String(id)) === undefined)
      return json(response, 401, { error: "invalid_client" });
    json(response, 200, {
      access_token: `token-${++this.#tokens}`,
      token_type: "Bearer",
      expires_in: this.tokenTtlSeconds,
      scope: parameters.get("scope") ?? "read",
    });
  }
}

/** The SPIFFE ID in the certificate that the peer showed, if TLS found it good. */
function certifiedName({ socket }: IncomingMessage): string | undefined {
  if (!(socket instanceof TLSSocket) || !socket.authorized) return undefined;
  const { subjectaltname } = socket.getPeerCertificate();
  return subjectaltname?.replace(/^URI:/, "");
}

/** Answers with JSON. */
export function json(
  response: ServerResponse,
  status: number,
  body: unknown,
  headers: Readonly<Record<string, string>> = {},
): void {
  response.writeHead(status, {
    "Content-Type": "application/json",
    ...headers,
  });
  response.end(JSON.stringify(body));
}

/** A misbehaviour that answers with JSON. */
export function answering(
  status: number,
  body: unknown = { error: "temporarily_unavailable" },
  headers: Readonly<Record<string, string>> = {},
): Misbehaviour {
  return (response) => json(response, status, body, headers);
}
