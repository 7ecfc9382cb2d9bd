import { DcrError } from "@accredit/core/errors";
import type { AuditAction, AuditRecord } from "@accredit/core/ports";
import { errorReply, jsonReply } from "../wire/reply.ts";
import {
  PAGE_QUERY,
  pageLimit,
  wholeNumber,
  type ApiRoute,
} from "./api-route.ts";

const TEXT = { type: "string" } as const;
const ENTRY = { $ref: "#/components/schemas/AuditEntry" } as const;

const ACTIONS = [
  "client.registered",
  "client.updated",
  "client.renewed",
  "client.deleted",
  "clients.expired",
  "clients.removed",
  "credentials.withdrawn",
  "credentials.restored",
  "suspension.set",
  "suspension.lifted",
  "registration.refused",
  "authentication.refused",
  "management.refused",
  "token.refused",
] as const satisfies readonly AuditAction[];

/** The schema of an audit row. */
export const AUDIT_SCHEMA = {
  type: "object",
  required: ["sequence", "id", "time", "action"],
  properties: {
    sequence: { type: "integer" },
    id: { type: "string", description: "Also the request's X-Request-Id." },
    time: { type: "integer", description: "Epoch seconds." },
    action: { enum: ACTIONS },
    code: {
      type: ["string", "null"],
      description: "The stable reason code of a refusal (docs/errors.md).",
    },
    reasons: { type: "array", items: TEXT },
    client_id: { type: ["string", "null"] },
    rule: { type: ["string", "null"] },
    credential: {
      type: ["object", "null"],
      description:
        "Who acted, by what: kind (jwt-svid, x509-svid, wit-svid, vc, private_key_jwt, registration_access_token, admin_token), trust, subject, key and fingerprint of the credential; never the credential. Null where nothing was proven, and with remote null for what the server does by itself.",
    },
    remote: { type: ["string", "null"] },
    details: { type: ["object", "null"] },
    chain: {
      type: ["string", "null"],
      description: "SHA-256 over this row and the chain value before it.",
    },
  },
} as const;

/** What the admin API says of the audit trail. */
export const AUDIT_ROUTES: readonly ApiRoute[] = [
  {
    method: "get",
    path: "/audit",
    operationId: "listAudit",
    summary: "The audit trail, newest first, page by page.",
    query: {
      ...PAGE_QUERY,
      before: {
        description:
          "`next` of the page before: only rows with a smaller sequence.",
        schema: { type: "integer" },
      },
      client_id: { description: "Only of this client.", schema: TEXT },
      action: { description: "Only this action.", schema: { enum: ACTIONS } },
    },
    answer: {
      type: "object",
      required: ["entries", "next"],
      properties: {
        entries: { type: "array", items: ENTRY },
        next: { type: ["integer", "null"] },
      },
    },
    async handle({ query }, { store }) {
      const limit = pageLimit(query);
      const rows = await store.readAudit({
        limit,
        before: wholeNumber(query, "before"),
        clientId: query["client_id"],
        action: readAction(query["action"]),
      });
      return jsonReply(200, {
        entries: rows.map(describe),
        next: rows.length < limit ? null : (rows.at(-1)?.sequence ?? null),
      });
    },
  },
  {
    method: "get",
    path: "/audit/{id}",
    operationId: "showAudit",
    summary:
      "One decision by its id: who, by what credential, which rule, and every reason.",
    answer: ENTRY,
    notFound: "No audit row has this id.",
    async handle({ path }, { store }) {
      const row = await store.findAudit(path["id"] ?? "");
      return row === undefined
        ? errorReply(404, "not_found", "no audit row has this id")
        : jsonReply(200, describe(row));
    },
  },
  {
    method: "get",
    path: "/audit-verification",
    operationId: "verifyAudit",
    summary: "Reads the whole trail and says whether its chain holds.",
    answer: {
      type: "object",
      required: ["rows", "unchained", "head", "broken"],
      properties: {
        rows: { type: "integer" },
        unchained: {
          type: "integer",
          description: "Rows from before the chain began.",
        },
        head: {
          type: ["string", "null"],
          description: "Keep it elsewhere to notice rows cut off the end.",
        },
        broken: {
          type: ["object", "null"],
          properties: { sequence: { type: "integer" }, id: TEXT },
        },
      },
    },
    handle: async (_call, { store }) =>
      jsonReply(200, await store.verifyAudit()),
  },
];

function readAction(text: string | undefined): AuditAction | undefined {
  if (text === undefined) return undefined;
  const action = ACTIONS.find((each) => each === text);
  if (action !== undefined) return action;
  throw new DcrError(
    "request_malformed",
    `expected an action of ${ACTIONS.join(", ")}, got another`,
  );
}

function describe(row: AuditRecord): Record<string, unknown> {
  const { clientId, credential, details = null, ...rest } = row;
  return {
    ...rest,
    client_id: clientId,
    credential: credential && {
      kind: credential.kind,
      trust: credential.trust,
      subject: credential.subject,
      key_id: credential.keyId,
      algorithm: credential.algorithm,
      fingerprint: credential.fingerprint,
      issued_at: credential.issuedAt ?? null,
      expires_at: credential.expiresAt,
    },
    details,
  };
}
