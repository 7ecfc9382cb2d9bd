import assert from "node:assert/strict";
import { test } from "node:test";
import type { ClientProposal } from "@accredit/core/ports";
import { makeAudit } from "@accredit/testkit";
import { startServer, WORKLOAD, type RunningServer } from "./running-server.ts";

const JSON_BODY = { "Content-Type": "application/json" };

async function register(server: RunningServer): Promise<string> {
  const answer = await fetch(`${server.url}/register`, {
    method: "POST",
    headers: JSON_BODY,
    body: JSON.stringify({ software_statement: await server.statement() }),
  });
  const body = (await answer.json()) as Record<string, unknown>;
  return String(body["registration_client_uri"]);
}

for (const [what, comesAgain] of [
  ["deleted", false],
  ["deleted and registered again", true],
] as const) {
  test(`[I10] [MGMT-02] an update of a client that was ${what} after it proved itself is refused as one of a client that is gone`, async (t) => {
    const server = await startServer(t);
    const { store } = server;
    const uri = await register(server);
    const before = { ...store };
    Object.assign(store, {
      register: async (proposal: ClientProposal) => {
        Object.assign(store, before);
        await store.deleteClient(WORKLOAD, makeAudit());
        if (comesAgain) await register(server);
        return before.register(proposal);
      },
    });
    const answer = await fetch(uri, {
      method: "PUT",
      headers: {
        ...JSON_BODY,
        Authorization: `Bearer ${await server.statement({ aud: uri })}`,
      },
      body: JSON.stringify({ client_id: WORKLOAD, client_name: "late" }),
    });
    const body = (await answer.json()) as Record<string, unknown>;
    assert.deepEqual([answer.status, body["error"]], [401, "invalid_token"]);
    assert.equal(
      answer.headers.get("www-authenticate"),
      'Bearer error="invalid_token"',
    );
    const [newest] = await server.audit();
    assert.equal(newest?.action, "management.refused");
    const client = await store.findClient(WORKLOAD);
    assert.equal(client !== undefined, comesAgain);
    assert.equal(client?.metadata.client_name, undefined);
  });
}
