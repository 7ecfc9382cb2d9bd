import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { innerRequest } from "../src/authorization-server/inner-request.ts";
import {
  createProvider,
  PROVIDER_TOKEN_PATH,
} from "../src/authorization-server/provider.ts";
import { loadSigningKeys } from "../src/authorization-server/signing-keys.ts";

/**
 * Drives oidc-provider as if our authentication step had been skipped: the request reaches it, the client
 * exists by name, and nobody was authenticated.
 */
test("[DCR-TI-09] oidc-provider refuses every request that our authentication did not bind", async (t) => {
  const { privateJwks } = await loadSigningKeys(
    { loadOrCreateSigningKeys: async (generate) => [await generate()] },
    { now: () => Math.floor(Date.now() / 1000) },
  );
  const provider = createProvider({
    issuer: "http://127.0.0.1",
    clock: { now: () => Math.floor(Date.now() / 1000) },
    privateJwks,
    accessTokenTtlSeconds: 600,
    defaultResource: "http://127.0.0.1",
  });
  const handle = provider.callback();
  const server = createServer((request, response) => {
    const parameters: [string, string][] = [
      ["grant_type", "client_credentials"],
      ["client_id", "spiffe://example.org/ns/prod/agent/alice"],
    ];
    void handle(
      innerRequest(request, PROVIDER_TOKEN_PATH, parameters),
      response,
    );
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => server.close());

  const { port } = server.address() as AddressInfo;
  const response = await fetch(`http://127.0.0.1:${port}/token`, {
    method: "POST",
    body: "x=1",
  });
  const body = (await response.json()) as Record<string, unknown>;
  assert.deepEqual([response.status, body["error"]], [401, "invalid_client"]);
});
