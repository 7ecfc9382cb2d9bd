/**
 * `odd-server.ts <mode> <issuer>`: the server on a store that is not as it should be. `early` acknowledges
 * before the commit, which is the fault that the harness must notice; `small` has a database that may not
 * grow, as on a full disk.
 */
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { parseSpiffeBundle, parseTrustDomainName } from "@accredit/core/spiffe";
import { parseSpiffeIdPattern } from "@accredit/core/spiffe";
import type { Store } from "@accredit/core/ports";
import { createAccreditServer, HTTP_SERVER_LIMITS } from "@accredit/server";
import { openSqliteStore } from "@accredit/store";

const [mode = "", issuer = ""] = process.argv.slice(2);
const SMALL_BYTES = 1_500_000;

const clock = { now: () => Math.floor(Date.now() / 1000) };
const store = await openSqliteStore({
  path: "accredit.db",
  clock,
  ...(mode === "small" && { maxBytes: SMALL_BYTES }),
});
const early: Store = {
  ...store,
  register: async (proposal) => {
    void store.register(proposal).catch(() => {});
    return {
      client: {
        ...proposal.client,
        issuedAt: proposal.now,
        registrationId: proposal.audit.id,
      },
      created: true,
    };
  },
  deleteClient: async (clientId, audit) => {
    void store.deleteClient(clientId, audit).catch(() => {});
    return true;
  },
};
const trustDomain = parseTrustDomainName("example.org");
const trust = {
  trustDomain,
  issuer: { mode: "require", values: [trustDomain] },
  keyId: "optional",
  bundle: await parseSpiffeBundle(readFileSync("bundle.json")),
} as const;
const ignore = (): void => {};

const { publicListener } = await createAccreditServer(
  {
    issuer,
    audiences: [],
    clientId: "spiffe_id",
    policy: [
      {
        name: "all",
        match: {
          trust: trustDomain,
          subject: parseSpiffeIdPattern("spiffe://example.org/**"),
        },
        allow: {
          grantTypes: ["client_credentials"],
          scopes: [],
          resources: [],
          redirectUris: [],
          tokenEndpointAuthMethods: ["spiffe_jwt"],
        },
        attestedOnly: [],
        template: {},
        introspect: "own",
      },
    ],
    clockToleranceSeconds: 60,
    maxLifetimeSeconds: 3600,
    maxAgeSeconds: 3600,
    accessTokenTtlSeconds: 600,
    defaultResource: undefined,
  },
  {
    store: mode === "early" ? early : store,
    trust: { spiffe: (name) => (name === trustDomain ? trust : undefined) },
    trustHealth: () => [],
    refreshTrust: async () => undefined,
    clock,
    log: { info: ignore, warn: ignore, error: ignore },
    draining: () => false,
  },
);
const server = createServer(HTTP_SERVER_LIMITS, publicListener);
server.listen(Number(new URL(issuer).port), "127.0.0.1");
process.once("SIGTERM", () => {
  server.close();
  server.closeAllConnections();
  void store.close();
});
