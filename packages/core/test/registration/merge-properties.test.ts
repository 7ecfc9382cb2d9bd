import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { claimSets, members } from "./arbitraries.ts";
import { decideOn, propose } from "./fixture.ts";

const KNOWN_FIELD =
  /^(?:redirect_uris|token_endpoint_auth_method|grant_types|response_types|scope|(?:client_name|client_uri|logo_uri|tos_uri|policy_uri)(?:#[A-Za-z0-9-]+)?|contacts|jwks_uri|jwks|software_id|software_version|application_type|spiffe_id|spiffe_bundle_endpoint|tls_client_certificate_bound_access_tokens)$/;

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

test("[DCR-TI-08] [DCR-07] every member is a known field with an origin, and none holds a secret", async () => {
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
      for (const name of Object.keys(metadata)) assert.match(name, KNOWN_FIELD);
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
