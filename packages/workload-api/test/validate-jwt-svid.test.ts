import assert from "node:assert/strict";
import { test } from "node:test";
import { createWorkloadApiClient } from "@accredit/workload-api";
import { Code, ConnectError } from "@connectrpc/connect";
import { startEndpoint } from "./endpoint.ts";
import { ID } from "./svids.ts";

const REQUEST = { audience: "https://as.example", svid: "a.b.c" };

test("[WAPI-08] the endpoint verifies a JWT-SVID and says whose it is", async (t) => {
  const seen: unknown[] = [];
  const claims = { sub: ID, aud: ["https://as.example"], exp: 1_750_000_000 };
  const { address } = await startEndpoint(t, {
    validateJWTSVID({ audience, svid }, context) {
      seen.push(
        audience,
        svid,
        context.requestHeader.get("workload.spiffe.io"),
      );
      return { spiffeId: ID, claims };
    },
  });
  const client = createWorkloadApiClient({ address });
  t.after(() => client.close());
  assert.deepEqual(await client.validateJwtSvid(REQUEST), {
    spiffeId: ID,
    claims,
  });
  assert.deepEqual(seen, ["https://as.example", "a.b.c", "true"]);
});

for (const { name, answer } of [
  { name: "no SPIFFE ID", answer: { claims: { sub: ID } } },
  { name: "no claims", answer: { spiffeId: ID } },
] as const) {
  test(`[WAPI-10] refuses a validation with ${name}`, async (t) => {
    const { address } = await startEndpoint(t, {
      validateJWTSVID: () => answer,
    });
    const client = createWorkloadApiClient({ address });
    t.after(() => client.close());
    await assert.rejects(client.validateJwtSvid(REQUEST), {
      code: "response_invalid",
    });
  });
}

test("[WAPI-08] a token that the endpoint refuses is an invalid argument, and not quoted", async (t) => {
  const { address } = await startEndpoint(t, {
    validateJWTSVID() {
      throw new ConnectError("token has expired", Code.InvalidArgument);
    },
  });
  const client = createWorkloadApiClient({ address });
  t.after(() => client.close());
  await assert.rejects(client.validateJwtSvid(REQUEST), {
    code: "invalid_argument",
    message: /token has expired$/,
  });
});

for (const change of [{ audience: "" }, { svid: "" }]) {
  test(`[WAPI-08] ${JSON.stringify(change)} is the caller's mistake`, async () => {
    const client = createWorkloadApiClient({ address: "unix:///nowhere/a" });
    await assert.rejects(
      client.validateJwtSvid({ ...REQUEST, ...change }),
      TypeError,
    );
    client.close();
  });
}
