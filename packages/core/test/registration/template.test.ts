import assert from "node:assert/strict";
import { test } from "node:test";
import type { JsonValue } from "@accredit/core/json";
import { propose, reasonsAgainst, SUBJECT } from "./fixture.ts";

test("[P10] a path segment in a template is checked like anything else", async () => {
  const rows: readonly (readonly [
    sub: string,
    template: Readonly<Record<string, JsonValue>>,
    expected: Readonly<Record<string, JsonValue>> | readonly string[],
  ])[] = [
    [
      SUBJECT,
      {
        client_name: "Agent {path[3]} of {path[1]} in {trust_domain}",
        software_id: "{spiffe_id}",
        software_version: "{path}",
        contacts: ["{path[0]}", "ops"],
      },
      {
        client_name: "Agent alice of prod in example.org",
        software_id: SUBJECT,
        software_version: "/ns/prod/agent/alice",
        contacts: ["ns", "ops"],
      },
    ],
    [
      "spiffe://example.org/ns/evil.example/agent/a",
      { redirect_uris: ["https://{path[1]}/cb"] },
      // Well-formed, so it is the rule that has to refuse it.
      ["redirect_uri_invalid redirect_uris"],
    ],
    [
      "spiffe://example.org/ns/127.0.0.1/agent/a",
      { logo_uri: "https://{path[1]}/logo" },
      ["metadata_invalid logo_uri"],
    ],
    [
      "spiffe://example.org/ns/javascript/agent/a",
      { redirect_uris: ["{path[1]}:alert(1)"] },
      ["redirect_uri_invalid redirect_uris"],
    ],
    [
      "spiffe://example.org/ns/admin/agent/a",
      { scope: "{path[1]}" },
      ["metadata_invalid scope"],
    ],
    [
      SUBJECT,
      { contacts: ["{path[0]}", "{path[0]}"] },
      ["metadata_invalid contacts"],
    ],
    [
      SUBJECT,
      { client_name: "Agent {path[4]}" },
      ["metadata_invalid client_name"],
    ],
    [SUBJECT, { client_name: "{nonsense}" }, ["metadata_invalid client_name"]],
    [SUBJECT, { nonsense: "x" }, ["metadata_invalid nonsense"]],
    [SUBJECT, { constructor: "x" }, ["metadata_invalid constructor"]],
  ];
  for (const [sub, template, expected] of rows) {
    const situation = { claims: { sub }, rule: { template } };
    if (Array.isArray(expected)) {
      assert.deepEqual(
        await reasonsAgainst(situation),
        expected,
        JSON.stringify(template),
      );
      continue;
    }
    const { metadata, provenance, problems } = await propose(situation);
    assert.deepEqual(problems, []);
    for (const [field, value] of Object.entries(expected)) {
      assert.deepEqual(metadata[field], value);
      assert.equal(provenance[field], "template");
    }
  }
});
