/**
 * The peer: oidc-provider alone, on its own in-memory adapter, as its documentation sets it up.
 *
 * - `POST /reg`: its own dynamic registration, open, no software statement, nothing verified and nothing
 *   written to disk. The registration access token that it would issue by default is switched off: that
 *   is work Accredit does not do.
 * - `POST /token`: client credentials by `private_key_jwt` (ES256, `jti` required to be new, as the
 *   library always does), one resource indicator, access tokens as ES256 JWTs. The clients are static
 *   ones of its configuration, so no adapter is asked for them.
 */
import { generateKeyPairSync, type JsonWebKey } from "node:crypto";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import Provider from "oidc-provider";
import { RESOURCE, SCOPE, clientIdOf } from "../load/requests.ts";

const publicJwks = JSON.parse(process.argv[2] ?? "[]") as JsonWebKey[];

const server = createServer();
server.listen(0, "127.0.0.1", () => {
  const { port } = server.address() as AddressInfo;
  const issuer = `http://127.0.0.1:${port}`;
  const handle = makeProvider(issuer).callback();
  server.on("request", (request, response) => void handle(request, response));
  process.send?.({ kind: "listening", port });
});
process.once("SIGTERM", () => process.exit(0));

function makeProvider(issuer: string): Provider {
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const signingKey = {
    ...privateKey.export({ format: "jwk" }),
    kid: "signing",
    alg: "ES256",
    use: "sig",
  };
  return new Provider(issuer, {
    jwks: { keys: [signingKey] as never },
    scopes: ["openid", ...SCOPE.split(" ")],
    clientAuthMethods: ["private_key_jwt", "client_secret_basic"],
    clientDefaults: { id_token_signed_response_alg: "ES256" },
    clients: publicJwks.map((jwk, i) => ({
      client_id: clientIdOf(i),
      token_endpoint_auth_method: "private_key_jwt",
      token_endpoint_auth_signing_alg: "ES256",
      grant_types: ["client_credentials"],
      response_types: [],
      redirect_uris: [],
      scope: SCOPE,
      jwks: { keys: [{ ...jwk, kid: clientIdOf(i), alg: "ES256" }] as never },
    })),
    ttl: { ClientCredentials: 300 },
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      registration: { enabled: true, issueRegistrationAccessToken: false },
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
