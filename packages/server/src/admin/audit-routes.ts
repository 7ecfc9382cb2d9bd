import { DcrError } from "@accredit/core/errors";
import type {
  AuditAction,
  AuditRecord,
  AuditSection,
} from "@accredit/core/ports";
import { errorReply, jsonReply } from "../wire/reply.ts";
import {
  PAGE_QUERY,
  pageLimit,
  wholeNumber,
  type ApiCall,
  type ApiRoute,
} from "./api-route.ts";

const TEXT = { type: "string" } as const;
const ENTRY = { $ref: "#/components/schemas/AuditEntry" } as const;

const ACTIONS = [
  "client.registered",
  "client.updated",
  "client.renewed",
  "client.deleted",
  "client.token_destroyed",
  "clients.expired",
  "clients.removed",
  "credentials.withdrawn",
  "credentials.restored",
  "suspension.set",
  "suspension.lifted",
  "issuer.refreshed",
  "token.revoked",
  "registration.refused",
  "authentication.refused",
  "management.refused",
  "token.refused",
  "administration.refused",
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
      client_id: {
        description: "Only of this client, and rows about many that name it.",
        schema: TEXT,
      },
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
    summary:
      "Reads the whole trail, or a section of it, and says whether it is what was written.",
    query: {
      after: {
        description:
          "`sequence` of an earlier answer: only rows after it. With `chain`.",
        schema: { type: "integer" },
      },
      chain: {
        description:
          "`head` of the same answer: the chain value that the row `after` has to have.",
        schema: TEXT,
      },
      limit: {
        description: "At most so many rows; to the end where left out.",
        schema: { type: "integer", minimum: 1 },
      },
      head: {
        description: "A chain value that one of the rows should have.",
        schema: TEXT,
      },
    },
    answer: {
      type: "object",
      required: [
        "rows",
        "unchained",
        "sequence",
        "head",
        "complete",
        "anchored",
        "broken",
      ],
      properties: {
        rows: { type: "integer" },
        unchained: {
          type: "integer",
          description: "Rows from before the chain began.",
        },
        sequence: {
          type: "integer",
          description: "The last row that is as it was written; 0 for none.",
        },
        head: {
          type: ["string", "null"],
          description:
            "Its chain value. Keep both elsewhere: they show later whether the trail still leads up to there.",
        },
        complete: {
          type: "boolean",
          description: "Whether the end of the trail was reached.",
        },
        anchored: {
          type: "boolean",
          description:
            "Whether a row has the `head` that was asked for; true where none was.",
        },
        broken: {
          type: ["object", "null"],
          description: "Where the trail first is not what was written.",
          properties: {
            sequence: { type: "integer" },
            id: { type: ["string", "null"] },
            reason: TEXT,
          },
        },
      },
    },
    handle: async ({ query }, { store }) =>
      jsonReply(200, await store.verifyAudit(readSection(query))),
  },
];

function readSection(query: ApiCall["query"]): AuditSection {
  const sequence = wholeNumber(query, "after");
  const limit = wholeNumber(query, "limit");
  const { chain = null, head } = query;
  if (limit === 0)
    throw new DcrError("request_malformed", "expected limit from 1, got 0");
  if (sequence === undefined && chain !== null)
    throw new DcrError(
      "request_malformed",
      "expected after beside chain, got chain alone",
    );
  const after = sequence === undefined ? undefined : { sequence, chain };
  // Before the first row there is none to have a value.
  return { limit, head, ...(sequence !== 0 && { after }) };
}

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
