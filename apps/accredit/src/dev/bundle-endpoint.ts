import { once } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import type { DevCertificateAuthority } from "./certificate-authority.ts";
import { certificatesPem, privateKeyPem } from "./certificates.ts";
import { follow, type Current, type FollowSettings } from "./follow.ts";
import type { X509SvidIssuer } from "./x509-svids.ts";

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

/** A bundle endpoint that serves with an X509-SVID. */
export interface SpiffeBundleEndpoint extends BundleEndpoint {
  /** Serves with the newest SVID from now on; it comes to that by itself a little later. */
  refresh(): Promise<void>;
}

/** A bundle endpoint whose certificate can be replaced. */
interface TlsEndpoint extends BundleEndpoint {
  serveWith(certificate: ServerCertificate): void;
}

/** PEM; the certificates leaf first. */
interface ServerCertificate {
  readonly cert: string;
  readonly key: string;
}

/** Serves the bundle at `/bundle.json` over TLS, profile `https_web`. */
export async function startBundleEndpoint(
  listen: BundleListen,
  authority: DevCertificateAuthority,
  render: () => string,
): Promise<BundleEndpoint> {
  return listenTls(listen, await authority.issueServerCertificate(), render);
}

/**
 * Serves the bundle at `/bundle.json` over TLS, profile `https_spiffe`: its certificate is always the
 * newest X509-SVID of the trust domain's own identity.
 *
 * @see SPIFFE Federation, section 5.2.2
 */
export async function startSpiffeBundleEndpoint(
  listen: BundleListen,
  spiffeId: string,
  issuer: X509SvidIssuer,
  settings: FollowSettings,
  render: () => string,
): Promise<SpiffeBundleEndpoint> {
  const newest = async (): Promise<Current<ServerCertificate>> => {
    const { svid, renewAt } = await issuer.of({ spiffeId });
    const cert = certificatesPem(svid.chain);
    const value = { cert, key: privateKeyPem(svid.privateKey) };
    return { value, until: renewAt };
  };
  const { value: first } = await newest();
  const endpoint = await listenTls(listen, first, render);
  const stopping = new AbortController();
  const following = (async () => {
    const all = follow(settings, stopping.signal, newest, ({ cert }) => cert);
    for await (const next of all) endpoint.serveWith(next);
  })();
  return {
    url: endpoint.url,
    refresh: async () => endpoint.serveWith((await newest()).value),
    async close() {
      stopping.abort();
      await Promise.all([following, endpoint.close()]);
    },
  };
}

async function listenTls(
  listen: BundleListen,
  certificate: ServerCertificate,
  render: () => string,
): Promise<TlsEndpoint> {
  const server = createServer({ ...certificate }, (request, response) =>
    answer(request, response, render),
  );
  server.listen(listen.port, listen.host);
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    url: `https://${nameInUrl(listen.host)}:${port}/bundle.json`,
    serveWith: (next) => server.setSecureContext({ ...next }),
    async close() {
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

function answer(
  request: IncomingMessage,
  response: ServerResponse,
  render: () => string,
): void {
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
}

/** A name of this machine that is in the certificate. */
function nameInUrl(host: string): string {
  if (host === "::1") return "[::1]";
  return host === "127.0.0.1" ? host : "localhost";
}
