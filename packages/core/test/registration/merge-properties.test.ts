import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { JsonValue } from "@accredit/core/json";
import { decideOn, propose, SUBJECT } from "./fixture.ts";

/** Members that a body or a statement may well hold, right and wrong ones. */
const members = fc.dictionary(
  fc.oneof(
    fc.constantFrom(
      "redirect_uris",
      "scope",
      "client_name",
      "client_name#de",
      "client_name#DE",
      "logo_uri",
      "jwks",
      "jwks_uri",
      "grant_types",
      "response_types",
      "contacts",
      "token_endpoint_auth_method",
      "spiffe_id",
      "client_secret",
      "software_statement",
      "application_type",
    ),
    fc.string(),
  ),
  fc.oneof(
    fc.constantFrom<JsonValue>(
      "read",
      "https://app.example/cb",
      ["client_credentials"],
      ["authorization_code"],
      ["code"],
      ["https://app.example/cb"],
      [],
      "none",
      SUBJECT,
    ),
    fc.jsonValue().map((value) => value as JsonValue),
  ),
  { maxKeys: 8 },
);
const REGISTERED_CLAIMS = new Set(["sub", "iss", "aud", "iat", "exp", "nbf"]);
const claimSets = members.map((claims) =>
  Object.fromEntries(
    Object.entries(claims).filter(([name]) => !REGISTERED_CLAIMS.has(name)),
  ),
);

test("[DCR-03] the statement always beats the request, whatever either says", async () => {
  await fc.assert(
    fc.asyncProperty(claimSets, members, async (claims, body) => {
      const alone = await propose({ claims });
      const both = await propose({ claims, body });
      for (const [name, origin] of Object.entries(alone.provenance)) {
        if (origin !== "attested") continue;
        assert.deepEqual(both.metadata[name], alone.metadata[name]);
        assert.equal(both.provenance[name], "attested");
      }
    }),
    { numRuns: 150 },
  );
});

test("[DCR-TI-08] every member has an origin, and none holds a secret", async () => {
  await fc.assert(
    fc.asyncProperty(claimSets, members, async (claims, body) => {
      const decision = await decideOn({ claims, body });
      const { metadata, provenance } = decision.allow
        ? decision
        : await propose({ claims, body });
      assert.deepEqual(
        Object.keys(metadata).toSorted(),
        Object.keys(provenance).toSorted(),
      );
      assert.deepEqual(
        Object.keys(metadata).filter((name) =>
          /secret|access_token$/.test(name),
        ),
        [],
      );
      if (!decision.allow) {
        for (const { message } of decision.reasons)
          assert.match(message, /^[\x20-\x7e]{1,400}$/);
      }
    }),
    { numRuns: 150 },
  );
});
