/**
 * The peer for mutual TLS: oidc-provider alone, with `tls_client_auth` (RFC 8705), on the same certificates.
 * OpenSSL verifies the chain in the handshake; the library compares the URI name that the client registered.
 */
import type { X509Certificate } from "node:crypto";
import { generateKeyPairSync } from "node:crypto";
import { readFileSync } from "node:fs";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import type { TLSSocket } from "node:tls";
import Provider from "oidc-provider";
import { RESOURCE, SCOPE } from "../load/requests.ts";

/** What the benchmark wrote for it: PEM texts and the client's SPIFFE ID. */
interface Setup {
  readonly key: string;
  readonly cert: string;
  readonly clientAuthority: string;
  readonly subject: string;
}

const setup = JSON.parse(readFileSync(process.argv[2] ?? "", "utf8")) as Setup;
const server = createServer({
  key: setup.key,
  cert: setup.cert,
  ca: setup.clientAuthority,
  requestCert: true,
  rejectUnauthorized: false,
});
server.listen(0, "localhost", () => {
  const { port } = server.address() as AddressInfo;
  const handle = makeProvider(`https://localhost:${port}`).callback();
  server.on("request", (request, response) => void handle(request, response));
  process.send?.({ kind: "listening", port });
});
process.once("SIGTERM", () => process.exit(0));

function makeProvider(issuer: string): Provider {
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const socketOf = (ctx: { readonly socket: unknown }): TLSSocket =>
    ctx.socket as TLSSocket;
  const certificateOf = (socket: TLSSocket): X509Certificate | undefined =>
    socket.getPeerX509Certificate();
  return new Provider(issuer, {
    jwks: {
      keys: [
        {
          ...privateKey.export({ format: "jwk" }),
          kid: "signing",
          alg: "ES256",
          use: "sig",
        },
      ] as never,
    },
    scopes: ["openid", ...SCOPE.split(" ")],
    clientAuthMethods: ["tls_client_auth", "client_secret_basic"],
    clientDefaults: { id_token_signed_response_alg: "ES256" },
    clients: [
      {
        client_id: setup.subject,
        token_endpoint_auth_method: "tls_client_auth",
        tls_client_auth_san_uri: setup.subject,
        grant_types: ["client_credentials"],
        response_types: [],
        redirect_uris: [],
        scope: SCOPE,
      },
    ],
    ttl: { ClientCredentials: 300 },
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      mTLS: {
        enabled: true,
        tlsClientAuth: true,
        getCertificate: (ctx) => certificateOf(socketOf(ctx)),
        certificateAuthorized: (ctx) => socketOf(ctx).authorized,
        certificateSubjectMatches: (ctx, _property, expected) =>
          certificateOf(socketOf(ctx))?.subjectAltName === `URI:${expected}`,
      },
      resourceIndicators: {
        enabled: true,
        getResourceServerInfo: () => ({
          scope: SCOPE,
          audience: RESOURCE,
          accessTokenTTL: 300,
          accessTokenFormat: "jwt",
          jwt: { sign: { alg: "ES256" } },
        }),
      },
    },
  });
}
