import type { Suspension } from "@accredit/core/ports";
import {
  withdrawalOf,
  type RegisteredClient,
} from "@accredit/core/registration";
import { registrationClientUri } from "../management/client-uri.ts";
import { errorReply, jsonReply, type Reply } from "../wire/reply.ts";
import {
  adminAudit,
  PAGE_QUERY,
  pageLimit,
  wholeNumber,
  type ApiPorts,
  type ApiRoute,
} from "./api-route.ts";

const TEXT = { type: "string" } as const;
const CLIENT = { $ref: "#/components/schemas/Client" } as const;

/** The schema of a client in the admin API. */
export const CLIENT_SCHEMA = {
  type: "object",
  required: ["client_id", "kind", "trust", "subject", "rule", "standing"],
  properties: {
    client_id: TEXT,
    kind: { enum: ["spiffe", "vc"] },
    trust: { type: "string", description: "Trust domain or issuer." },
    subject: TEXT,
    software_id: { type: ["string", "null"] },
    rule: { type: "string", description: "The policy rule that admitted it." },
    issued_at: { type: "integer", description: "Epoch seconds." },
    updated_at: { type: "integer", description: "Epoch seconds." },
    lease_expires_at: {
      type: ["integer", "null"],
      description: "Epoch seconds; null for a registration without a lease.",
    },
    standing: {
      enum: [
        "active",
        "expired",
        "suspended",
        "withdrawn",
        "revoked",
        "unknown",
      ],
      description:
        "Whether it would get a token. `suspended` by an administrator or by the issuer of its credential, `revoked` by that issuer, `unknown` while the credential's status list cannot be read.",
    },
    standing_reason: { type: ["string", "null"] },
    metadata: { type: "object" },
    provenance: {
      type: "object",
      description: "Where each member of the metadata came from.",
      additionalProperties: {
        enum: ["attested", "template", "requested", "default"],
      },
    },
    resources: { type: "array", items: TEXT },
    registration_client_uri: TEXT,
  },
} as const;

/** What the admin API says of clients, and does to them. */
export const CLIENT_ROUTES: readonly ApiRoute[] = [
  {
    method: "get",
    path: "/clients",
    operationId: "listClients",
    summary: "Clients, oldest first, page by page.",
    query: {
      ...PAGE_QUERY,
      after: {
        description: "`next` of the page before.",
        schema: { type: "integer" },
      },
      trust: {
        description: "Only of this trust domain or issuer.",
        schema: TEXT,
      },
      rule: { description: "Only of this policy rule.", schema: TEXT },
      subject: { description: "Only of this subject, exactly.", schema: TEXT },
    },
    answer: {
      type: "object",
      required: ["clients", "next"],
      properties: {
        clients: { type: "array", items: CLIENT },
        next: {
          type: ["integer", "null"],
          description: "Give it as `after` for the next page; null at the end.",
        },
      },
    },
    async handle({ query }, ports) {
      const { trust, rule, subject } = query;
      const page = await ports.store.listClients({
        limit: pageLimit(query),
        after: wholeNumber(query, "after"),
        trust,
        rule,
        subject,
      });
      const suspensions = await ports.store.suspensionsOf(page.clients);
      return jsonReply(200, {
        clients: page.clients.map((client) =>
          describe(client, suspensions, ports),
        ),
        next: page.next,
      });
    },
  },
  {
    method: "get",
    path: "/clients/{client_id}",
    operationId: "showClient",
    summary: "One client, and whether it stands.",
    answer: CLIENT,
    notFound: "No client has this client_id.",
    async handle({ path }, ports) {
      const client = await ports.store.findClient(path["client_id"] ?? "");
      if (client === undefined) return noClient();
      const suspensions = await ports.store.suspensionsOf([client]);
      return jsonReply(200, describe(client, suspensions, ports));
    },
  },
  {
    method: "delete",
    path: "/clients/{client_id}",
    operationId: "deleteClient",
    summary:
      "Deletes a client. One whose credential still is good can register again; suspend what must not.",
    answer: null,
    notFound: "No client has this client_id.",
    async handle(call, ports) {
      const deleted = await ports.store.deleteClient(
        call.path["client_id"] ?? "",
        adminAudit(call, ports),
      );
      return deleted ? { status: 204, headers: {}, body: "" } : noClient();
    },
  },
];

function noClient(): Reply {
  return errorReply(404, "not_found", "no client has this client_id");
}

function describe(
  client: RegisteredClient,
  suspensions: readonly Suspension[],
  ports: ApiPorts,
): Record<string, unknown> {
  return {
    client_id: client.clientId,
    kind: client.kind,
    trust: client.trust,
    subject: client.subject,
    software_id: client.softwareId === "" ? null : client.softwareId,
    rule: client.rule,
    issued_at: client.issuedAt,
    updated_at: client.updatedAt,
    lease_expires_at: client.leaseExpiresAt,
    ...standingOf(client, suspensions, ports),
    metadata: client.metadata,
    provenance: client.provenance,
    resources: client.resources,
    registration_client_uri: registrationClientUri(
      ports.endpoints,
      client.clientId,
    ),
  };
}

const STANDINGS = {
  registration_expired: "expired",
  registration_suspended: "suspended",
  registration_withdrawn: "withdrawn",
  revoked: "revoked",
  suspended: "suspended",
  invalid: "unknown",
  unavailable: "unknown",
} as const;

/** What a token request would go by; of a credential's status, what is known without asking for it. */
function standingOf(
  client: RegisteredClient,
  suspensions: readonly Suspension[],
  { store, trust, policy, leaseNow, clock, statuses }: ApiPorts,
): { readonly standing: string; readonly standing_reason: string | null } {
  const withdrawal = withdrawalOf(client, {
    trust,
    policy,
    suspensions,
    now: leaseNow(),
    leasesStillSince: store.noRoomSince(),
  });
  if (withdrawal !== undefined)
    return {
      standing: STANDINGS[withdrawal.code],
      standing_reason: withdrawal.message,
    };
  const isAsked =
    client.kind === "vc" &&
    client.credential.status.length > 0 &&
    trust.credentialIssuer?.(client.trust)?.status !== "off";
  const status = isAsked
    ? statuses?.lastKnown(client.trust, client.credential.status, clock.now())
    : undefined;
  return status === undefined || status.verdict === "valid"
    ? { standing: "active", standing_reason: null }
    : {
        standing: STANDINGS[status.verdict],
        standing_reason: `by the status of its credential: ${status.reason}`,
      };
}
