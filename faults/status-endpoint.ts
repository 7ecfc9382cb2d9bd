import { generateKeyPairSync, type JsonWebKey } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { deflateSync } from "node:zlib";
import { FakeBundleEndpoint, FakeCredentialIssuer } from "@accredit/testkit";
import type { Acknowledged } from "./load.ts";
import { makePlace, type Place } from "./place.ts";
import type { Scenario } from "./scenario.ts";
import { startAccredit } from "./server-process.ts";
import { QUICK, SLOW } from "./troubles.ts";
import { verifyCredentialClients } from "./verify.ts";

const ISSUER = "https://issuer.example";
const ENTRIES = 131_072;
const PATIENCE_MS = 30_000;
const now = (): number => Math.floor(Date.now() / 1000);

/**
 * The endpoint of a status list is cut, garbled and slow while credentials register: each is registered or told
 * to come again, nobody is refused; and when it is back, what it revokes is refused.
 */
export const statusEndpoint: Scenario = async ({ directory, short }) => {
  const endpoint = await FakeBundleEndpoint.start();
  const issuer = await FakeCredentialIssuer.create({ issuer: ISSUER });
  const place = await makeCredentialPlace(
    join(directory, "status-endpoint"),
    endpoint,
    issuer,
  );
  const publish = async (revoked: boolean): Promise<void> =>
    endpoint.serve(await statusList(issuer, endpoint.url, revoked));
  await publish(false);
  const server = await startAccredit(place.directory, place.issuer);
  const acknowledged: Acknowledged[] = [];
  const problems: string[] = [];
  let used = 0;
  const register = async (): Promise<number> => {
    const subject = `did:example:${used++}`;
    const { status, clientId } = await registerOnce(
      place,
      issuer,
      subject,
      endpoint.url,
    );
    if (status === 201) acknowledged.push({ clientId, subject });
    else if (status !== 503)
      problems.push(`a registration was answered ${status}`);
    return status;
  };
  const until = async (status: number): Promise<boolean> => {
    const end = performance.now() + PATIENCE_MS;
    while (performance.now() < end) {
      const { status: came } = await registerOnce(
        place,
        issuer,
        "did:example:asked",
        endpoint.url,
      );
      if (came === status) return true;
      await sleep(200);
    }
    return false;
  };
  if (!(await until(201))) problems.push("no credential was ever registered");
  const troubles = short ? QUICK : [...QUICK, ...SLOW];
  let seen = 0;
  for (const [name, answer] of troubles) {
    endpoint.serve(answer);
    const end = performance.now() + PATIENCE_MS;
    const { requests } = endpoint;
    let status = 0;
    // Longer than the list's grace: from then on nobody may be registered by it.
    while (status !== 503 && performance.now() < end) {
      status = await register();
      await sleep(50);
    }
    if (status === 503 && endpoint.requests > requests) seen++;
    else
      problems.push(
        `${name}: expected 503 once the list could not be read for longer than its grace, got ${status} after ${endpoint.requests - requests} requests for it`,
      );
    await publish(false);
    if (!(await until(201)))
      problems.push(`${name}: nobody is registered after it is over`);
  }
  await publish(true);
  if (!(await until(400)))
    problems.push("what the list revokes goes on being registered");
  await publish(false);
  if (!(await until(201)))
    problems.push("what the list restores is not registered again");
  await server.end("SIGTERM");
  await endpoint.close();
  const lost = await verifyCredentialClients(place.databaseFile, acknowledged);
  if (acknowledged.length === 0) problems.push("nothing was acknowledged");
  if (lost > 0) problems.push(`${lost} acknowledged registrations are lost`);
  return {
    name: "broken status endpoint",
    faults: `${seen} kinds, each beyond the grace`,
    acknowledged: acknowledged.length,
    lost,
    problems,
  };
};

async function makeCredentialPlace(
  directory: string,
  endpoint: FakeBundleEndpoint,
  issuer: FakeCredentialIssuer,
): Promise<Place> {
  mkdirSync(directory, { recursive: true });
  const keys = issuer.keys.map(({ kid, publicJwk }) => ({ ...publicJwk, kid }));
  writeFileSync(join(directory, "jwks.json"), JSON.stringify({ keys }));
  writeFileSync(join(directory, "ca.pem"), endpoint.caPem);
  return makePlace(directory, {
    trust: [
      {
        kind: "vc",
        issuer: ISSUER,
        keys: { jwks_file: "./jwks.json" },
        types: ["https://types.example/client"],
        status: "required",
      },
    ],
    policy: [
      {
        name: "partners",
        match: { trust: ISSUER, subject: "*" },
        allow: {
          grant_types: ["client_credentials"],
          token_endpoint_auth_methods: ["private_key_jwt"],
        },
      },
    ],
    more: {
      status_lists: {
        ca_file: "./ca.pem",
        allow_private_addresses: true,
        floor: "1s",
        ceiling: "1s",
        grace: "2s",
      },
    },
  });
}

async function registerOnce(
  { issuer: server }: Place,
  issuer: FakeCredentialIssuer,
  sub: string,
  uri: string,
): Promise<{ readonly status: number; readonly clientId: string }> {
  const { presented } = await issuer.sdJwtVc({
    iss: ISSUER,
    sub,
    vct: "https://types.example/client",
    iat: now(),
    exp: now() + 3600,
    status: { status_list: { idx: 7, uri } },
  });
  const response = await fetch(`${server}/register`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({
      software_statement: presented,
      jwks: { keys: [OWN_KEY] },
    }),
  });
  const { client_id: clientId = "" } = (await response.json()) as {
    client_id?: string;
  };
  return { status: response.status, clientId };
}

const OWN_KEY: JsonWebKey = generateKeyPairSync("ec", {
  namedCurve: "P-256",
}).publicKey.export({ format: "jwk" });

function statusList(
  issuer: FakeCredentialIssuer,
  sub: string,
  revoked: boolean,
): Promise<string> {
  const bytes = Buffer.alloc(ENTRIES / 8);
  if (revoked) bytes.fill(255);
  return issuer.sign(
    {
      sub,
      iss: ISSUER,
      iat: now(),
      ttl: 1,
      status_list: {
        bits: 1,
        lst: deflateSync(bytes).toString("base64url"),
      },
    },
    { typ: "statuslist+jwt" },
  );
}
