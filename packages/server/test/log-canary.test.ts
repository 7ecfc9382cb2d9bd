import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import fc from "fast-check";
import { startServer } from "./running-server.ts";

/** A credential of this run, whole and in the pieces that would still be worth stealing. */
function pieces(credential: string): readonly string[] {
  const [, payload = "", signature = ""] = credential.split(".");
  return [credential, payload, signature, signature.slice(0, 24)];
}

/** What can be done to a credential before it is sent, so that every refusal gets to see one. */
const SPOIL: Readonly<Record<string, (credential: string) => string>> = {
  whole: (credential) => credential,
  cut: (credential) => credential.slice(0, -2),
  "with a tail": (credential) => `${credential}.x`,
  "with a tilde": (credential) => `${credential}~`,
  "bad header": (credential) =>
    `e30${credential.slice(credential.indexOf("."))}`,
  "with a space": (credential) => `${credential} `,
};

test("[SEC-05] [L01] [L02] wherever a credential is put in a request, no log line and no audit row has it", async (t) => {
  const server = await startServer(t);
  const registered = await fetch(`${server.url}/register`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ software_statement: await server.statement() }),
  });
  assert.equal(registered.status, 201);
  const good = await server.statement();
  const credentials = [
    await server.statement(),
    await server.statement({ aud: server.url }),
    await server.statement({ exp: 1 }),
    await server.statement({ sub: "spiffe://elsewhere/a" }),
  ];

  const request = fc.record({
    credential: fc.constantFrom(...credentials),
    spoil: fc.constantFrom(...Object.keys(SPOIL)),
    path: fc.constantFrom(
      "/register",
      "/token",
      "/introspect",
      "/revoke",
      "/jwks",
      "/nothing",
    ),
    place: fc.constantFrom(
      "json",
      "json member",
      "metadata",
      "form",
      "form token",
      "query",
      "path",
      "authorization",
      "header",
      "body",
    ),
  });
  await fc.assert(
    fc.asyncProperty(request, async ({ credential, spoil, path, place }) => {
      const text = SPOIL[spoil]?.(credential) ?? credential;
      const json = { "Content-Type": "application/json" };
      const form = { "Content-Type": "application/x-www-form-urlencoded" };
      const sent: Readonly<Record<string, [string, RequestInit]>> = {
        json: [
          path,
          { headers: json, body: JSON.stringify({ software_statement: text }) },
        ],
        // Beside a good statement, so that metadata and policy get to speak of it.
        metadata: [
          path,
          {
            headers: json,
            body: JSON.stringify({
              software_statement: good,
              scope: text.trim(),
              grant_types: [text],
              redirect_uris: [text],
              client_uri: text,
              token_endpoint_auth_method: text,
            }),
          },
        ],
        "json member": [
          path,
          {
            headers: json,
            body: JSON.stringify({
              [text]: text,
              scope: text,
              redirect_uris: [text],
            }),
          },
        ],
        form: [
          path,
          {
            headers: form,
            body: new URLSearchParams({
              client_assertion: text,
              client_assertion_type: text,
            }),
          },
        ],
        "form token": [
          path,
          {
            headers: form,
            body: new URLSearchParams({
              token: text,
              client_id: text,
              [text]: "1",
            }),
          },
        ],
        query: [`${path}?client_assertion=${encodeURIComponent(text)}`, {}],
        path: [`${path}/${encodeURIComponent(text)}`, {}],
        authorization: [
          path,
          { headers: { Authorization: `Bearer ${text.trim()}` } },
        ],
        header: [
          path,
          {
            headers: {
              "X-Statement": text.trim(),
              "Content-Type": text.trim(),
            },
          },
        ],
        body: [path, { headers: json, body: text }],
      };
      const [target, init] = sent[place] ?? [path, {}];
      const response = await fetch(server.url + target, {
        method: "POST",
        ...init,
      });
      await response.arrayBuffer();
      assert.ok(
        response.status < 500,
        `${place} at ${path}: ${response.status}`,
      );
    }),
    { numRuns: 150 },
  );

  const written = [
    ...server.log,
    JSON.stringify(await server.store.readAudit({ limit: 10_000 })),
  ].join("\n");
  const stored =
    readFileSync(server.databaseFile, "latin1") +
    readFileSync(`${server.databaseFile}-wal`, "latin1");
  for (const credential of credentials) {
    for (const piece of pieces(credential)) {
      assert.ok(
        !written.includes(piece),
        "a credential is in the log or the audit trail",
      );
      assert.ok(
        !stored.includes(piece),
        "a credential is in the database file",
      );
    }
  }
  assert.ok(server.log.length >= 150, "the requests were logged at all");
});
