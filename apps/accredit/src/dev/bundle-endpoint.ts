import { once } from "node:events";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import type { DevCertificateAuthority } from "./certificate-authority.ts";
import type { DevKeys } from "./keys.ts";

/** Where the bundle endpoint listens; port 0 takes a free one. */
export interface BundleListen {
  readonly host: string;
  readonly port: number;
}

/** A running bundle endpoint. */
export interface BundleEndpoint {
  readonly url: string;
  close(): Promise<void>;
}

/**
 * Renders the SPIFFE bundle: the JWK Set of the published keys, its sequence and its refresh hint.
 *
 * @see SPIFFE Trust Domain and Bundle, section 4
 */
export function renderBundle(
  keys: DevKeys,
  refreshHintSeconds: number,
): string {
  return JSON.stringify({
    keys: keys.publicKeys().map((key) => ({ ...key, use: "jwt-svid" })),
    spiffe_sequence: keys.sequence(),
    spiffe_refresh_hint: refreshHintSeconds,
  });
}

/** Serves the bundle at `/bundle.json` over TLS, profile `https_web`. */
export async function startBundleEndpoint(
  listen: BundleListen,
  authority: DevCertificateAuthority,
  render: () => string,
): Promise<BundleEndpoint> {
  const server = createServer(
    await authority.issueServerCertificate(),
    (request, response) => {
      if (request.url !== "/bundle.json") {
        response.writeHead(404).end();
      } else if (request.method !== "GET" && request.method !== "HEAD") {
        response.writeHead(405, { Allow: "GET, HEAD" }).end();
      } else {
        const body = render();
        response.writeHead(200, {
          "Content-Type": "application/json",
          "Content-Length": Buffer.byteLength(body),
          "Cache-Control": "no-store",
        });
        response.end(body); // Node leaves the body out of an answer to HEAD.
      }
    },
  );
  server.listen(listen.port, listen.host);
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    url: `https://${nameInUrl(listen.host)}:${port}/bundle.json`,
    async close() {
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

/** A name of this machine that is in the certificate. */
function nameInUrl(host: string): string {
  if (host === "::1") return "[::1]";
  return host === "127.0.0.1" ? host : "localhost";
}
