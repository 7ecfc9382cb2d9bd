import assert from "node:assert/strict";
import { connect } from "node:net";
import { test, type TestContext } from "node:test";
import { watchLoad } from "@accredit/server";
import {
  startServer,
  WORKLOAD,
  type RunningServer,
} from "../running-server.ts";

const GENEROUS = 1_000_000;
const limits = (changes: {
  readonly registrations?: number;
  readonly failures?: number;
}) => ({
  limits: {
    registrationsPerMinutePerPrefix: changes.registrations ?? GENEROUS,
    failedAttemptsPerSecondPerAddress: changes.failures ?? GENEROUS,
  },
});

async function register(
  server: RunningServer,
  claims: Readonly<Record<string, unknown>> = {},
): Promise<Response> {
  return post(server, { software_statement: await server.statement(claims) });
}

function post(server: RunningServer, body: unknown): Promise<Response> {
  return fetch(`${server.url}/register`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
  });
}

/** Repeats until something is refused by a limit; what the machine's speed lets through does not matter. */
async function untilLimited(
  attempt: () => Promise<Response>,
  expected: number,
): Promise<Response> {
  for (let n = 0; n < 500; n++) {
    const response = await attempt();
    if (response.status === 429) return response;
    assert.equal(response.status, expected);
    await response.body?.cancel();
  }
  throw new Error("the limit never came");
}

async function assertLimited(response: Response): Promise<void> {
  assert.equal(response.status, 429);
  assert.match(response.headers.get("retry-after") ?? "", /^[1-9][0-9]*$/);
  assert.equal(response.headers.get("cache-control"), "no-store");
  const { error } = (await response.json()) as { error: string };
  assert.equal(error, "temporarily_unavailable");
}

const alice = WORKLOAD.replace(/alice$/, "");

test("[D07] [DCR-02] newcomers beyond the limit of their path get 429; renewals and other paths go on", async (t) => {
  const server = await startServer(t, limits({ registrations: 5 }));
  assert.equal((await register(server)).status, 201);
  let n = 0;
  const limited = await untilLimited(
    () => register(server, { sub: `${alice}new-${n++}` }),
    201,
  );
  await assertLimited(limited);
  const refused = `${alice}new-${n - 1}`;
  assert.equal(await server.store.findClient(refused), undefined);
  for (let again = 0; again < 10; again++)
    assert.equal((await register(server)).status, 201, "a renewal");
  const elsewhere = "spiffe://example.org/ns/test/agent/alice";
  assert.equal((await register(server, { sub: elsewhere })).status, 201);
  const rows = await server.audit();
  assert.ok(rows.every(({ action }) => action !== "registration.refused"));
});

test("[D07] renewals and refusals of the store use up nothing that newcomers need", async (t) => {
  const server = await startServer(t, limits({ registrations: 2 }));
  for (let n = 0; n < 20; n++)
    assert.equal((await register(server)).status, 201);
  assert.equal((await register(server, { sub: `${alice}bob` })).status, 201);
});

test("[D05] [D11] failed attempts beyond the limit get 429 and no audit row; good requests of the same address are served", async (t) => {
  const server = await startServer(t, limits({ failures: 1 }));
  const good = await server.statement();
  const bad = `${good.slice(0, -10)}${good.at(-10) === "A" ? "B" : "A"}${good.slice(-9)}`;
  const attempt = () => post(server, { software_statement: bad });
  await assertLimited(await untilLimited(attempt, 400));
  const before = (await server.audit()).length;
  await untilLimited(attempt, 400);
  for (let n = 0; n < 5; n++)
    assert.equal((await register(server)).status, 201, "a good request");
  const elsewhere = "spiffe://example.org/elsewhere";
  assert.equal(
    (await register(server, { sub: elsewhere })).status,
    400,
    "a refusal of a workload that was proven is told whatever its neighbours do",
  );
  const rows = await server.audit();
  assert.ok(before >= 5, "the first ones are written down");
  assert.ok(rows.length < 100);
});

test("[D05] [D11] good requests that wait among a storm of bad ones from the same address are served", async (t) => {
  const server = await startServer(t, limits({ failures: 1 }));
  const good = await server.statement();
  const bad = `${good.slice(0, -10)}${good.at(-10) === "A" ? "B" : "A"}${good.slice(-9)}`;
  const send = (statement: string) =>
    post(server, { software_statement: statement });
  await untilLimited(() => send(bad), 400);
  const answers = await Promise.all(
    Array.from({ length: 80 }, async (_, n) => {
      const isGood = n % 4 === 0;
      return { isGood, status: (await send(isGood ? good : bad)).status };
    }),
  );
  for (const { isGood, status } of answers) {
    // A token may come back meanwhile, for one that is told why.
    if (isGood) assert.equal(status, 201);
    else assert.ok(status === 429 || status === 400, String(status));
  }
});

test("[D05] the limit on failed attempts covers every endpoint, and X-Forwarded-For moves nobody out of it", async (t) => {
  const server = await startServer(t, limits({ failures: 1 }));
  const form = (path: string) => (n: number) =>
    fetch(server.url + path, {
      method: "POST",
      headers: { "X-Forwarded-For": `192.0.2.${n % 250}` },
      body: new URLSearchParams({
        grant_type: "client_credentials",
        token: "x",
        client_assertion_type:
          "urn:ietf:params:oauth:client-assertion-type:jwt-spiffe",
        client_assertion: `a.b.c${n}`,
      }),
    });
  let n = 0;
  await assertLimited(await untilLimited(() => form("/token")(n++), 401));
  for (const path of ["/token", "/introspect", "/revoke"])
    await assertLimited(await untilLimited(() => form(path)(n++), 401));
  const managed = () =>
    fetch(`${server.url}/register/nobody`, {
      headers: { Authorization: "Bearer nothing" },
    });
  await assertLimited(await untilLimited(managed, 401));
  await assertLimited(await untilLimited(() => post(server, []), 400));
  const cut = () =>
    fetch(`${server.url}/register`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: "{",
    });
  await assertLimited(await untilLimited(cut, 400));
  const rows = (await server.audit()).length;
  for (let more = 0; more < 20; more++) await cut();
  assert.ok((await server.audit()).length <= rows + 1, "no row beyond it");
});

test("[D07] refusals of a proven workload have a limit of their own", async (t) => {
  const server = await startServer(t, limits({ registrations: 3 }));
  const sub = "spiffe://example.org/elsewhere/a/b";
  await assertLimited(await untilLimited(() => register(server, { sub }), 400));
  assert.equal((await register(server)).status, 201);
});

test("[D07] [D11] a proven workload that asks for tokens in vain has a limit of its own, and its neighbours theirs", async (t) => {
  const server = await startServer(t, limits({ registrations: 3 }));
  const token = async (sub: string) =>
    fetch(`${server.url}/token`, {
      method: "POST",
      body: new URLSearchParams({
        grant_type: "client_credentials",
        client_assertion_type:
          "urn:ietf:params:oauth:client-assertion-type:jwt-spiffe",
        client_assertion: await server.statement({ sub, aud: server.url }),
      }),
    });
  await assertLimited(await untilLimited(() => token(WORKLOAD), 401));
  const rows = (await server.audit()).length;
  await untilLimited(() => token(WORKLOAD), 401);
  assert.ok((await server.audit()).length <= rows + 1, "no row beyond it");
  for (const name of ["bob", "carol"])
    assert.equal((await token(`${alice}${name}`)).status, 401);
});

/** A request that lies in the socket already when the loop gets to it. */
async function waiting(t: TestContext, server: RunningServer, path: string) {
  const socket = connect(Number(new URL(server.url).port), "127.0.0.1");
  t.after(() => socket.destroy());
  await new Promise((resolve) => socket.once("connect", resolve));
  let text = "";
  socket.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
  return {
    send: () =>
      socket.write(
        `POST ${path} HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n`,
      ),
    answer: async () => {
      while (!text.includes("\r\n\r\n"))
        await new Promise((resolve) => socket.once("data", resolve));
      return text;
    },
  };
}

test("[Q16] [D05] while the event loop is behind, registrations and tokens get 503 with Retry-After; then it recovers", async (t) => {
  const loadGate = watchLoad(100);
  t.after(() => loadGate.close());
  const server = await startServer(t, {}, undefined, [], {
    loadGate,
  });
  const untilServed = async (): Promise<void> => {
    while ((await register(server)).status !== 201);
  };
  await untilServed();
  const requests = [
    await waiting(t, server, "/register"),
    await waiting(t, server, "/token"),
  ];
  for (const { send } of requests) send();
  const end = performance.now() + 600;
  while (performance.now() < end);
  for (const { answer } of requests) {
    const text = await answer();
    assert.match(text, /^HTTP\/1\.1 503 /);
    assert.match(text, /\r\nRetry-After: [1-9]/i);
    assert.match(text, /"error":"temporarily_unavailable"/);
    assert.doesNotMatch(text, /\r\nConnection: close/i);
  }
  await untilServed();
});
