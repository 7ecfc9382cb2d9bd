import { once } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer, type Server } from "node:https";
import type { AddressInfo, Socket } from "node:net";
import type { SecureVersion } from "node:tls";
import {
  FakeCertificateAuthority,
  type FakeCertificate,
  type FakeCertificateChoice,
} from "./fake-certificate-authority.ts";

/** How a {@link FakeBundleEndpoint} answers one request: with a response, or with a fault. */
export type FakeAnswer = FakeResponse | FakeFault;

/** A whole HTTP response. */
export interface FakeResponse {
  readonly body: string | Uint8Array;
  /** Default: 200. */
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** Waits for this before it answers. */
  readonly after?: Promise<unknown>;
}

/**
 * `hang`: never answers; `drip`: a byte every few milliseconds, for ever; `endless`: as many bytes as the
 * client takes; `truncated`: half of what Content-Length says, then the end; `garbage`: no HTTP at all;
 * `reset`: a TCP reset.
 */
export interface FakeFault {
  readonly fault:
    "hang" | "drip" | "endless" | "truncated" | "garbage" | "reset";
}

/** What a {@link FakeBundleEndpoint} is like. */
export interface FakeBundleEndpointOptions {
  /** Default: an authority of its own, see {@link FakeBundleEndpoint.caPem}. */
  readonly authority?: FakeCertificateAuthority;
  readonly certificate?: FakeCertificateChoice;
  /** Its key and certificates, PEM, instead of ones that the authority issues. */
  readonly keyPair?: FakeCertificate;
  /** The newest TLS version it speaks. Default: Node's. */
  readonly maxTlsVersion?: SecureVersion;
  /** The port to listen on, to come back where another endpoint was. Default: a free one. */
  readonly port?: number;
}

/** A real https server on the loopback interface that answers as the test says. */
export class FakeBundleEndpoint {
  /** `https://localhost:<port>/bundle.json` */
  readonly url: string;
  readonly port: number;
  /** The certificate that clients have to trust. */
  readonly caPem: string;
  /** TCP connections accepted so far. */
  connections = 0;
  /** Requests received so far. */
  requests = 0;
  /** The request that came last. */
  lastRequest: IncomingMessage | undefined;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #next: FakeAnswer[] = [];
  #answer: FakeAnswer = { body: "", status: 404 };

  private constructor(server: Server, caPem: string) {
    this.#server = server;
    this.caPem = caPem;
    this.port = (server.address() as AddressInfo).port;
    this.url = `https://localhost:${this.port}/bundle.json`;
    server.on("connection", (socket: Socket) => {
      this.connections++;
      this.#sockets.add(socket);
      socket.on("error", () => {}); // Clients that go away are what tests are about.
      socket.once("close", () => this.#sockets.delete(socket));
    });
    server.on(
      "request",
      (request: IncomingMessage, response: ServerResponse) => {
        this.requests++;
        this.lastRequest = request;
        void this.#respond(this.#next.shift() ?? this.#answer, response);
      },
    );
  }

  /** Listens on 127.0.0.1. */
  static async start(
    options: FakeBundleEndpointOptions = {},
  ): Promise<FakeBundleEndpoint> {
    const authority =
      options.authority ?? (await FakeCertificateAuthority.create());
    const server = createServer({
      ...(options.keyPair ?? (await authority.issue(options.certificate))),
      ...(options.maxTlsVersion === undefined
        ? {}
        : {
            minVersion: "TLSv1",
            maxVersion: options.maxTlsVersion,
            // OpenSSL has its older versions behind this.
            ciphers: "DEFAULT@SECLEVEL=0",
          }),
    });
    server.on("tlsClientError", () => {});
    server.listen(options.port ?? 0, "127.0.0.1");
    await once(server, "listening");
    return new FakeBundleEndpoint(server, authority.pem);
  }

  /** Answers every request like this from now on. */
  serve(answer: FakeAnswer | string | Uint8Array): void {
    this.#answer = asAnswer(answer);
  }

  /** Answers the next requests like this, one each, before what {@link serve} was told. */
  serveNext(...answers: readonly (FakeAnswer | string | Uint8Array)[]): void {
    this.#next.push(...answers.map(asAnswer));
  }

  /** Connections open now. */
  openConnections(): number {
    return this.#sockets.size;
  }

  /** Stops listening and drops every connection. May be called again. */
  async close(): Promise<void> {
    if (!this.#server.listening) return;
    const closed = once(this.#server, "close");
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  async #respond(answer: FakeAnswer, response: ServerResponse): Promise<void> {
    response.on("error", () => {});
    if (!("fault" in answer)) {
      await answer.after;
      response.writeHead(answer.status ?? 200, {
        "Content-Type": "application/json",
        ...answer.headers,
      });
      response.end(answer.body);
      return;
    }
    switch (answer.fault) {
      case "hang":
        return;
      case "drip":
        return drip(response);
      case "endless":
        return pour(response);
      case "truncated":
        response.writeHead(200, { "Content-Length": "100" });
        response.write("{".repeat(50), () => response.socket?.end());
        return;
      case "garbage":
        response.socket?.end("220 mail.example ESMTP\r\n\r\n");
        return;
      case "reset":
        for (const socket of this.#sockets) socket.resetAndDestroy();
    }
  }
}

function asAnswer(answer: FakeAnswer | string | Uint8Array): FakeAnswer {
  return typeof answer === "string" || answer instanceof Uint8Array
    ? { body: answer }
    : answer;
}

function drip(response: ServerResponse): void {
  response.writeHead(200, { "Content-Type": "application/json" });
  const timer = setInterval(() => response.write(" "), 10);
  response.once("close", () => clearInterval(timer));
}

function pour(response: ServerResponse): void {
  response.writeHead(200, { "Content-Type": "application/json" });
  const chunk = Buffer.alloc(65_536, " ");
  const more = (): void => {
    while (!response.destroyed && response.write(chunk));
  };
  response.on("drain", more);
  more();
}
