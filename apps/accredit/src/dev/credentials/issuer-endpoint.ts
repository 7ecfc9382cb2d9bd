import { once } from "node:events";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";

/** What the endpoint serves at a path. */
export interface IssuerDocument {
  readonly contentType: string;
  /** Made anew for each request. */
  body(): Promise<string>;
}

/** A running HTTPS endpoint. */
export interface IssuerEndpoint {
  /** `https://localhost:<port>`. */
  readonly origin: string;
  close(): Promise<void>;
}

/** Serves documents over TLS on loopback; port 0 takes a free one. What it serves may depend on its own origin. */
export async function startIssuerEndpoint(
  { host, port }: { readonly host: string; readonly port: number },
  certificate: { readonly key: string; readonly cert: string },
  documentsOf: (origin: string) => ReadonlyMap<string, IssuerDocument>,
): Promise<IssuerEndpoint> {
  let documents: ReadonlyMap<string, IssuerDocument> = new Map();
  const server = createServer({ ...certificate }, (request, response) => {
    // Looked up as it came: what is no path, like `//`, would make URL throw.
    const [path = ""] = (request.url ?? "").split("?", 1);
    const document = documents.get(path);
    if (document === undefined) {
      response.writeHead(404).end();
    } else if (request.method !== "GET" && request.method !== "HEAD") {
      response.writeHead(405, { Allow: "GET, HEAD" }).end();
    } else {
      document.body().then(
        (body) =>
          response
            .writeHead(200, {
              "Content-Type": document.contentType,
              "Content-Length": Buffer.byteLength(body),
              "Cache-Control": "no-store",
            })
            .end(body),
        () => response.writeHead(500).end(),
      );
    }
  });
  server.listen(port, host);
  await once(server, "listening");
  const origin = `https://localhost:${(server.address() as AddressInfo).port}`;
  documents = documentsOf(origin);
  return {
    origin,
    async close() {
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}
