import assert from "node:assert/strict";
import { test } from "node:test";
import { createTokenSource, discover, register } from "@accredit/client";
import { createWorkloadApiClient } from "@accredit/workload-api";
import { decodeJwt } from "jose";
import { AGENT, startWithWorkloadApi } from "./running-with-workload-api.ts";

test("registers with Accredit through the Workload API, again and again", async (t) => {
  const { issuer, domain } = await startWithWorkloadApi(t);
  const svidSource = createWorkloadApiClient({
    address: domain.workloadApiAddress,
  });
  t.after(() => svidSource.close());
  const server = await discover(issuer);
  const client = await register({
    server,
    svidSource,
    metadata: { client_name: "One", grant_types: ["client_credentials"] },
  });
  assert.equal(client.clientId, AGENT);
  assert.equal(client.metadata["client_name"], "One");
  assert.equal(client.metadata["scope"], "read write");
  assert.ok(Object.keys(client.provenance).includes("client_name"));
  assert.deepEqual(client.resources, ["https://api.example"]);
  const again = await register({ server, svidSource });
  assert.equal(again.issuedAt, client.issuedAt);
});

test("says what Accredit has against a registration", async (t) => {
  const { issuer, domain } = await startWithWorkloadApi(t);
  const svidSource = createWorkloadApiClient({
    address: domain.workloadApiAddress,
  });
  t.after(() => svidSource.close());
  await assert.rejects(
    register({ server: issuer, svidSource, audience: issuer }),
    {
      code: "registration_refused",
      status: 400,
      oauthError: "invalid_software_statement",
      description: /audience|aud/,
    },
  );
});

for (const method of ["spiffe_jwt", "spiffe_x509"] as const) {
  test(`[SCA] gets tokens by ${method}, through rotations and a server that forgets`, async (t) => {
    const { issuer, domain, ca, forget } = await startWithWorkloadApi(t);
    let steady = 0;
    const clock = { now: () => Date.now() / 1000, steady: () => steady };
    const source = createTokenSource({
      issuer,
      workloadApi: domain.workloadApiAddress,
      method,
      scope: "read",
      resource: "https://api.example",
      ca,
      clock,
    });
    t.after(() => source.close());
    const tokens = await Promise.all(
      Array.from({ length: 20 }, () => source.getToken()),
    );
    const [first] = tokens;
    assert.ok(first !== undefined);
    assert.equal(new Set(tokens.map((token) => token.accessToken)).size, 1);
    const { sub, aud, scope } = decodeJwt(first.accessToken);
    assert.deepEqual(
      { sub, aud, scope },
      { sub: AGENT, aud: "https://api.example", scope: "read" },
    );

    await forget();
    steady += 3600;
    const second = await source.getToken();
    assert.notEqual(second.accessToken, first.accessToken);
    assert.equal(decodeJwt(second.accessToken)["sub"], AGENT);
    await source.close();
    await assert.rejects(source.getToken(), { code: "closed" });
  });
}
