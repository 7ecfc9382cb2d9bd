import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { test } from "node:test";
import { gzipSync } from "node:zlib";
import type { FakeBundleEndpoint } from "@accredit/testkit";
import {
  fetchDocument,
  SOURCE_ERRORS,
  SourceError,
  type DocumentRequest,
  type SourceErrorReason,
} from "@accredit/trust";
import {
  authority,
  startCanary,
  startEndpoint,
  until,
} from "./support/harness.ts";

const never = new AbortController().signal;

function request(
  url: string,
  change: Partial<DocumentRequest> = {},
): DocumentRequest {
  return {
    url: new URL(url),
    extraCa: authority.pem,
    allowPrivateAddresses: true,
    signal: never,
    ...change,
  };
}

async function refusal(
  asked: DocumentRequest,
  reason: SourceErrorReason,
): Promise<SourceError> {
  const error: unknown = await fetchDocument(asked).then(
    () => assert.fail(`expected ${reason}, got a document`),
    (caught: unknown) => caught,
  );
  assert.ok(error instanceof SourceError, String(error));
  assert.equal(error.reason, reason, error.message);
  assert.match(error.message, /^[\x20-\x7e]+$/);
  assert.match(error.message, /^expected .*, got /);
  return error;
}

test("[FED-06] gets a document with a plain GET and no compression", async (t) => {
  const endpoint = await startEndpoint(t);
  endpoint.serve('{"keys":[]}');
  const document = await fetchDocument(request(`${endpoint.url}?a=b`));
  assert.equal(Buffer.from(document).toString(), '{"keys":[]}');
  assert.equal(endpoint.lastRequest?.method, "GET");
  assert.equal(endpoint.lastRequest?.url, "/bundle.json?a=b");
  assert.equal(endpoint.lastRequest?.headers["accept-encoding"], "identity");
  await until(() => endpoint.openConnections() === 0);
});

test("[FED-06] takes a document whatever its content type", async (t) => {
  const endpoint = await startEndpoint(t);
  endpoint.serve({ body: "x", headers: { "Content-Type": "text/html" } });
  assert.equal((await fetchDocument(request(endpoint.url))).length, 1);
});

test("[F04] makes a new connection for each document", async (t) => {
  const endpoint = await startEndpoint(t);
  endpoint.serve("x");
  for (let i = 0; i < 3; i++) await fetchDocument(request(endpoint.url));
  assert.equal(endpoint.connections, 3);
});

for (const [url, why] of [
  ["http://bundle.example/", "another scheme"],
  ["ftp://bundle.example/", "another scheme"],
  ["https://u@bundle.example/", "a user"],
  ["https://u:secret@bundle.example/", "a password"],
] as const) {
  test(`[FED-03] refuses a URL with ${why}: ${url}`, async () => {
    const { message } = await refusal(request(url), "url_invalid");
    assert.doesNotMatch(message, /secret/);
  });
}

const wrongResponses: readonly (readonly [
  string,
  Parameters<FakeBundleEndpoint["serve"]>[0],
  SourceErrorReason,
])[] = [
  ["status 204", { body: "", status: 204 }, "status_unexpected"],
  ["status 206", { body: "{}", status: 206 }, "status_unexpected"],
  ["status 304", { body: "", status: 304 }, "status_unexpected"],
  ["status 404", { body: "{}", status: 404 }, "status_unexpected"],
  ["status 503", { body: "{}", status: 503 }, "status_unexpected"],
  ["[F10] gzip", coded("gzip"), "encoding_refused"],
  ["[F10] a chain of codings", coded("br, gzip"), "encoding_refused"],
  ["[F10] identity and gzip", coded("identity, gzip"), "encoding_refused"],
  ["[F10] an endless body", { fault: "endless" }, "document_too_large"],
  ["[Q11] half a body", { fault: "truncated" }, "response_broken"],
  ["[Q11] something that is no HTTP", { fault: "garbage" }, "response_broken"],
  ["[Q11] a reset", { fault: "reset" }, "response_broken"],
];
for (const [what, answer, reason] of wrongResponses) {
  test(`refuses ${what}`, async (t) => {
    const endpoint = await startEndpoint(t);
    endpoint.serve(answer);
    await refusal(request(endpoint.url), reason);
    assert.equal(endpoint.requests, 1, "one attempt only");
    await until(() => endpoint.openConnections() === 0);
  });
}

function coded(coding: string): Parameters<FakeBundleEndpoint["serve"]>[0] {
  return {
    body: gzipSync(Buffer.alloc(4096)),
    headers: { "Content-Encoding": coding },
  };
}

test("takes a document of exactly the limit and none of one byte more", async (t) => {
  const endpoint = await startEndpoint(t);
  const limit = 1024 * 1024;
  endpoint.serve("x".repeat(limit));
  assert.equal((await fetchDocument(request(endpoint.url))).length, limit);
  endpoint.serve("x".repeat(limit + 1));
  await refusal(request(endpoint.url), "document_too_large");
});

for (const status of [301, 302, 303, 307, 308]) {
  test(`[F05] [FED-07] follows no redirect: ${status}`, async (t) => {
    const endpoint = await startEndpoint(t);
    const canary = await startCanary(t);
    const location = `https://127.0.0.1:${canary.port}/`;
    endpoint.serve({ body: "", status, headers: { Location: location } });
    const error = await refusal(request(endpoint.url), "redirect_refused");
    assert.ok(!error.message.includes(String(canary.port)));
    assert.equal(canary.hits(), 0);
  });
}

for (const fault of ["hang", "drip"] as const) {
  test(`[F11] gives up on an endpoint that would ${fault}`, async (t) => {
    const endpoint = await startEndpoint(t);
    endpoint.serve({ fault });
    const asked = request(endpoint.url, { deadlineMs: 300 });
    const { message } = await refusal(asked, "deadline_exceeded");
    assert.match(message, /within 300 ms/);
    await until(() => endpoint.openConnections() === 0);
  });
}

test("[F11] gives up on a TLS handshake that does not go on", async (t) => {
  const canary = await startCanary(t);
  const url = `https://127.0.0.1:${canary.port}/`;
  await refusal(request(url, { deadlineMs: 200 }), "deadline_exceeded");
  await until(() => canary.hits() === 1);
});

test("[F11] [Q19] gives up on a name lookup that does not answer", async () => {
  const asked = request("https://bundle.example/", {
    deadlineMs: 50,
    resolve: () => new Promise(() => {}),
  });
  await refusal(asked, "deadline_exceeded");
});

test("ends when the caller wants it to", async (t) => {
  const endpoint = await startEndpoint(t);
  endpoint.serve({ fault: "hang" });
  const stop = new AbortController();
  const fetched = fetchDocument(request(endpoint.url, { signal: stop.signal }));
  await until(() => endpoint.requests === 1);
  stop.abort();
  await assert.rejects(fetched, { name: "AbortError" });
  await until(() => endpoint.openConnections() === 0);
});

test("says that a name does not resolve", async () => {
  const url = "https://bundle.example/?token=secret";
  for (const resolve of [
    () => Promise.reject(Object.assign(new Error("no"), { code: "ENOTFOUND" })),
    () => Promise.resolve([]),
  ]) {
    const { message } = await refusal(request(url, { resolve }), "dns_failed");
    assert.doesNotMatch(message, /secret/);
  }
});

test("says that nobody listens", async (t) => {
  const endpoint = await startEndpoint(t);
  await endpoint.close();
  const { message } = await refusal(request(endpoint.url), "connect_failed");
  assert.match(message, /ECONNREFUSED/);
});

test("every reason is explained", () => {
  for (const text of Object.values(SOURCE_ERRORS)) assert.match(text, /\.$/);
});

test(
  "[Q18] fetches that fail leave no descriptor behind",
  { skip: process.platform === "linux" ? false : "counts them in /proc" },
  async (t) => {
    const endpoint = await startEndpoint(t);
    const descriptors = (): number => readdirSync("/proc/self/fd").length;
    const failAll = async (): Promise<void> => {
      for (const fault of [
        "endless",
        "truncated",
        "garbage",
        "reset",
      ] as const) {
        endpoint.serve({ fault });
        await assert.rejects(fetchDocument(request(endpoint.url)));
      }
      endpoint.serve({ status: 500, body: "" });
      await assert.rejects(fetchDocument(request(endpoint.url)));
      await assert.rejects(fetchDocument(request("https://127.0.0.1:1/")));
    };
    await failAll();
    const before = descriptors();
    for (let times = 0; times < 100; times++) await failAll();
    // The endpoint's side of a connection is this process's too, and goes in its own time.
    await until(() => descriptors() <= before);
  },
);
