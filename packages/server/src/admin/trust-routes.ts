import type { Suspension } from "@accredit/core/ports";
import { parseJsonObject } from "../http/json-body.ts";
import { DcrError } from "@accredit/core/errors";
import { errorReply, jsonReply } from "../wire/reply.ts";
import { adminAudit, type ApiPorts, type ApiRoute } from "./api-route.ts";
import { effectiveTargetOf, targetOf } from "./suspension-target.ts";
import type { TrustSourceHealth } from "./metrics.ts";

const TEXT = { type: "string" } as const;
const SUSPENSION = { $ref: "#/components/schemas/Suspension" } as const;
const ISSUER = { $ref: "#/components/schemas/Issuer" } as const;
/** Characters of a reason. */
const MAX_REASON = 500;

/** How many clients a withdrawal hits; of one in force, only where it was just set. */
const COUNT = {
  clients: {
    type: "integer",
    description:
      "How many clients with a running lease it hits; one that many SPIFFE IDs share, where it hits some of them.",
  },
  complete: {
    type: "boolean",
    description:
      "False where they were not counted to the end: there are so many, or more.",
  },
} as const;

/** The schema of a withdrawal in force. */
export const SUSPENSION_SCHEMA = {
  type: "object",
  required: ["scope", "value", "reason", "since"],
  properties: {
    scope: { enum: ["trust", "rule", "subject", "client"] },
    value: {
      type: "string",
      description:
        "A trust domain or issuer, a rule's name, a pattern of SPIFFE IDs or a subject, or a client_id.",
    },
    reason: TEXT,
    since: {
      type: "integer",
      description: "Epoch seconds: since when it is in force.",
    },
    ...COUNT,
  },
} as const;

/** The schema of a trust source. */
export const ISSUER_SCHEMA = {
  type: "object",
  required: ["name", "ready", "suspended", "clients"],
  properties: {
    name: { type: "string", description: "Trust domain or issuer." },
    required: { type: "boolean" },
    ready: { type: "boolean", description: "Whether it has usable keys." },
    keys: { type: "integer", description: "Usable JWT keys." },
    x509_authorities: {
      type: "integer",
      description: "Usable X.509 authorities; none of an issuer.",
    },
    last_success: { type: ["integer", "null"], description: "Epoch seconds." },
    last_error: { type: ["string", "null"] },
    suspended: { type: "boolean" },
    clients: { type: "integer", description: "Clients that it vouched for." },
  },
} as const;

/** What the admin API says of trust sources and of withdrawals, and does to them. */
export const TRUST_ROUTES: readonly ApiRoute[] = [
  {
    method: "get",
    path: "/issuers",
    operationId: "listIssuers",
    summary: "The trust sources of the configuration, and how they are doing.",
    answer: {
      type: "object",
      required: ["issuers"],
      properties: { issuers: { type: "array", items: ISSUER } },
    },
    async handle(_call, ports) {
      const suspensions = await ports.store.suspensions();
      const issuers = await Promise.all(
        ports
          .trustHealth()
          .map((health) => describeIssuer(health, suspensions, ports)),
      );
      return jsonReply(200, { issuers });
    },
  },
  {
    method: "post",
    path: "/issuers/{name}/refresh",
    operationId: "refreshIssuer",
    summary: "Reads the keys of a trust source anew, now.",
    answer: ISSUER,
    notFound: "The configuration has no trust source of this name.",
    async handle(call, ports) {
      const name = call.path["name"] ?? "";
      const health = await ports.refreshTrust(name);
      if (health === undefined) {
        return errorReply(
          404,
          "not_found",
          "the configuration has no trust source of this name",
        );
      }
      const { ready, keys, lastError } = health;
      await ports.store.appendAudit({
        ...adminAudit(call, ports),
        action: "issuer.refreshed",
        clientId: null,
        details: { issuer: name, ready, keys, error: lastError },
      });
      const suspensions = await ports.store.suspensions();
      return jsonReply(200, await describeIssuer(health, suspensions, ports));
    },
  },
  {
    method: "get",
    path: "/suspensions",
    operationId: "listSuspensions",
    summary: "Every withdrawal in force.",
    answer: {
      type: "object",
      required: ["suspensions"],
      properties: { suspensions: { type: "array", items: SUSPENSION } },
    },
    handle: async (_call, { store }) =>
      jsonReply(200, { suspensions: await store.suspensions() }),
  },
  {
    method: "get",
    path: "/suspensions/{scope}/{value}/preview",
    operationId: "previewSuspension",
    summary: "How many clients a withdrawal would hit. Changes nothing.",
    answer: {
      type: "object",
      required: ["scope", "value", "clients", "complete"],
      properties: { scope: TEXT, value: TEXT, ...COUNT },
    },
    async handle(call, ports) {
      const target = await effectiveTargetOf(call, ports);
      const count = await ports.store.countTargets(target);
      return jsonReply(200, { ...target, ...count });
    },
  },
  {
    method: "put",
    path: "/suspensions/{scope}/{value}",
    operationId: "suspend",
    summary:
      "Withdraws: what it is about gets nothing from its next request on, on every node.",
    body: {
      type: "object",
      properties: { reason: { type: "string", maxLength: MAX_REASON } },
      additionalProperties: false,
    },
    answer: SUSPENSION,
    async handle(call, ports) {
      const target = await effectiveTargetOf(call, ports);
      const suspension = {
        ...target,
        reason: readReason(await call.body()),
        since: ports.clock.now(),
      };
      const set = await ports.store.suspend(
        suspension,
        adminAudit(call, ports),
      );
      return jsonReply(200, { ...suspension, ...set });
    },
  },
  {
    method: "delete",
    path: "/suspensions/{scope}/{value}",
    operationId: "resume",
    summary: "Lifts a withdrawal: what it was about works as before.",
    answer: null,
    notFound: "There is no such withdrawal.",
    async handle(call, ports) {
      const lifted = await ports.store.resume(
        targetOf(call),
        adminAudit(call, ports),
      );
      return lifted
        ? { status: 204, headers: {}, body: "" }
        : errorReply(404, "not_found", "there is no such withdrawal");
    },
  },
];

function readReason(bytes: Uint8Array): string {
  if (bytes.byteLength === 0) return "";
  const { reason = "", ...unknown } = parseJsonObject(bytes);
  if (Object.keys(unknown).length > 0)
    throw new DcrError(
      "request_malformed",
      "expected a body of the member reason, or none, got another member",
    );
  if (typeof reason === "string" && reason.length <= MAX_REASON) return reason;
  throw new DcrError(
    "request_malformed",
    `expected reason as a text of at most ${MAX_REASON} characters, got another value`,
  );
}

async function describeIssuer(
  health: TrustSourceHealth,
  suspensions: readonly Suspension[],
  { store }: ApiPorts,
): Promise<Record<string, unknown>> {
  const { trustDomain: name, required, ready, keys, x509Authorities } = health;
  const target = { scope: "trust", value: name } as const;
  const { clients } = await store.countTargets(target);
  return {
    name,
    required,
    ready,
    keys,
    x509_authorities: x509Authorities ?? 0,
    last_success: health.lastSuccess,
    last_error: health.lastError,
    suspended: suspensions.some(
      ({ scope, value }) => scope === "trust" && value === name,
    ),
    clients,
  };
}
