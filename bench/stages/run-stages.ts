/**
 * The stages of a registration, one after the other on the same requests, by the same functions that the
 * server calls. Requests go through in batches as large as the load generator's concurrency: signatures
 * are then checked side by side and registrations share commits, as under load.
 */
import { createPublicKey, verify } from "node:crypto";
import { join } from "node:path";
import { v7 as uuidv7 } from "uuid";
import { verifySoftwareStatement } from "@accredit/core/credential";
import { parseStrictJson, type JsonObject } from "@accredit/core/json";
import type { ClientProposal } from "@accredit/core/ports";
import {
  attestationOf,
  decide,
  findRule,
  mergeMetadata,
  register,
} from "@accredit/core/registration";
import { endpointsOf, registrationSettings } from "@accredit/server";
import { openSqliteStore } from "@accredit/store";
import { prepareRequests } from "../load/requests.ts";
import { clientResponse } from "../../packages/server/src/wire/client-response.ts";
import { jsonReply } from "../../packages/server/src/wire/reply.ts";
import { makePolicy, makeTrustSource } from "./fixtures.ts";
import { Stopwatch } from "./stopwatch.ts";
import type { FromStages, Stage, StagesRequest } from "./protocol.ts";

const ISSUER = "http://127.0.0.1";
const BATCH = 32;
const clock = { now: (): number => Math.floor(Date.now() / 1000) };

process.channel?.ref();
process.once("message", (request: StagesRequest) => {
  void answer(request);
});

async function answer(request: StagesRequest): Promise<void> {
  const stages: FromStages = { kind: "stages", stages: await measure(request) };
  process.send?.(stages, () => process.exit(0));
}

async function measure({
  directory,
  keys,
  batches,
}: StagesRequest): Promise<readonly Stage[]> {
  const endpoints = endpointsOf(ISSUER);
  const settings = registrationSettings({
    issuer: ISSUER,
    audiences: [],
    clientId: "spiffe_id",
    policy: makePolicy(),
    clockToleranceSeconds: 60,
    maxLifetimeSeconds: 3600,
    maxAgeSeconds: 3600,
    accessTokenTtlSeconds: 300,
    defaultResource: undefined,
  });
  const trust = await makeTrustSource(keys);
  const store = await openSqliteStore({
    path: join(directory, "stages.db"),
    clock,
  });
  const audience = settings.audiences[0] ?? "";
  const requirements = { ...settings, now: clock.now() };
  const bareKey = {
    key: createPublicKey({ key: keys.authority.publicJwk, format: "jwk" }),
    dsaEncoding: "ieee-p1363",
  } as const;

  // The first half warms up; only the second counts.
  const stopwatch = new Stopwatch();
  for (let batch = 0; batch < 2 * batches; batch++) {
    if (batch === batches) stopwatch.reset();
    const requests = prepareRequests(
      {
        kind: "svid-registration",
        url: "",
        audience,
        first: batch * BATCH,
      },
      BATCH,
      keys,
    );

    const bodies = await stopwatch.time("strict JSON of the body", () =>
      requests.map(
        ({ body }) =>
          parseStrictJson(body, {
            maxBytes: 65536,
            maxDepth: 32,
          }) as JsonObject,
      ),
    );
    const statements = bodies.map((body) => readStatement(body));
    const credentials = await stopwatch.time("verify the statement", () =>
      Promise.all(
        statements.map((statement) =>
          verifySoftwareStatement(statement, trust, requirements),
        ),
      ),
    );
    await stopwatch.time(
      "a bare ES256 verify, for comparison",
      () => {
        for (const statement of statements) {
          const dot = statement.lastIndexOf(".");
          const signature = Buffer.from(statement.slice(dot + 1), "base64url");
          const signed = Buffer.from(statement.slice(0, dot));
          if (!verify("sha256", signed, bareKey, signature))
            throw new Error("the signature does not verify");
        }
      },
      true,
    );
    const decisions = await stopwatch.time("rule, merge, policy", () =>
      credentials.map((credential, i) => {
        const attestation = attestationOf(credential);
        const rule = findRule(settings.policy, attestation);
        if (rule === undefined) throw new Error("no rule matches");
        const merged = mergeMetadata(
          attestation,
          bodies[i] ?? {},
          rule,
          settings,
        );
        const decision = decide(rule, merged, settings);
        if (!decision.allow) throw new Error("the policy refused");
        return decision;
      }),
    );

    // What `register` hands to the store, caught on the way.
    const proposals: ClientProposal[] = [];
    const catcher = {
      register: async (proposal: ClientProposal) => {
        proposals.push(proposal);
        const client = { ...proposal.client, issuedAt: 0, registrationId: "" };
        return { client, created: true };
      },
      appendAudit: () => Promise.reject(new Error("a refusal")),
      suspensionsOf: async () => [],
      listClients: async () => ({ clients: [], next: null }),
      claimOnce: async () => true,
    };
    await Promise.all(
      bodies.map((body) =>
        register({ body, requestId: uuidv7(), remote: "127.0.0.1" }, settings, {
          clock,
          trust,
          store: catcher,
          newClientId: uuidv7,
          newManagementToken: uuidv7,
        }),
      ),
    );
    if (decisions.length !== proposals.length)
      throw new Error("one is missing");

    const outcomes = await stopwatch.time("store, until on disk", () =>
      Promise.all(proposals.map((proposal) => store.register(proposal))),
    );
    await stopwatch.time("response", () =>
      outcomes.map((outcome, i) =>
        jsonReply(
          201,
          clientResponse(
            {
              ...outcome,
              softwareStatement: statements[i] ?? "",
              managementToken: undefined,
            },
            endpoints,
          ),
        ),
      ),
    );
  }
  await store.close();
  return stopwatch.stages(batches * BATCH);
}

function readStatement({ software_statement: statement }: JsonObject): string {
  if (typeof statement !== "string") throw new Error("no statement");
  return statement;
}
