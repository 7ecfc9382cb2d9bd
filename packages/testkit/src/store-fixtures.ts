import { randomUUID } from "node:crypto";
import type {
  AuditDraft,
  AuditEntry,
  ClientProposal,
  CredentialFacts,
  RegistrationConditions,
} from "@accredit/core/ports";
import type { SpiffeId, TrustDomainName } from "@accredit/core/spiffe";

/** What {@link makeProposal} lets a test choose; the rest is filled in. */
export interface ProposalChoice {
  readonly subject?: string;
  /** Default: the subject, as with the `spiffe_id` strategy. */
  readonly clientId?: string;
  /** Epoch seconds. */
  readonly now?: number;
  readonly rule?: string;
  readonly scope?: string;
  readonly clientName?: string;
  readonly auditId?: string;
  readonly softwareId?: string;
  readonly leaseExpiresAt?: number | null;
  readonly conditions?: Partial<RegistrationConditions>;
}

/** Splits a SPIFFE ID that the test knows to be valid. */
function splitSpiffeId(uri: string): SpiffeId {
  const [trustDomain = "", ...segments] = uri
    .slice("spiffe://".length)
    .split("/");
  return {
    uri,
    trustDomain: trustDomain as TrustDomainName,
    path: segments.map((segment) => `/${segment}`).join(""),
  };
}

function makeFacts(subject: SpiffeId, now: number): CredentialFacts {
  return {
    kind: "jwt-svid",
    trust: subject.trustDomain,
    subject: subject.uri,
    keyId: "key-1",
    algorithm: "ES256",
    fingerprint: "n4bQgYhMfWWaL-qgxVrQFaO_TxsrC4Is0V1sFbDwCgg",
    issuedAt: now - 5,
    expiresAt: now + 300,
  };
}

/** A client as registration would propose it. */
export function makeProposal(choice: ProposalChoice = {}): ClientProposal {
  const subject = splitSpiffeId(
    choice.subject ?? "spiffe://example.org/ns/prod/agent/a",
  );
  const now = choice.now ?? 1_750_000_000;
  const rule = choice.rule ?? "agents";
  return {
    now,
    conditions: {
      maxClientsPerSubject: 16,
      maxClientsOfRule: undefined,
      maxClientsOfTrust: undefined,
      keyThumbprints: null,
      keysProven: true,
      ...choice.conditions,
    },
    client: {
      kind: "spiffe",
      clientId: choice.clientId ?? subject.uri,
      trust: subject.trustDomain,
      subject: subject.uri,
      softwareId: choice.softwareId ?? "",
      updatedAt: now,
      leaseExpiresAt: choice.leaseExpiresAt ?? null,
      rule,
      resources: ["https://api.example"],
      metadata: {
        token_endpoint_auth_method: "spiffe_jwt",
        grant_types: ["client_credentials"],
        response_types: [],
        scope: choice.scope ?? "read",
        client_name: choice.clientName ?? "Agent a",
        spiffe_id: subject.uri,
      },
      provenance: {
        token_endpoint_auth_method: "default",
        grant_types: "template",
        response_types: "default",
        scope: "attested",
        client_name: "requested",
        spiffe_id: "attested",
      },
    },
    audit: {
      id: choice.auditId ?? randomUUID(),
      time: now,
      code: null,
      reasons: [],
      rule,
      credential: makeFacts(subject, now),
      remote: "192.0.2.7",
    },
  };
}

/** What a caller knows of an audit row. */
export function makeAudit(change: Partial<AuditDraft> = {}): AuditDraft {
  return {
    id: randomUUID(),
    time: 1_750_000_000,
    code: null,
    reasons: [],
    rule: null,
    credential: null,
    remote: null,
    ...change,
  };
}

/** The audit row of a refused registration. */
export function makeRefusal(change: Partial<AuditEntry> = {}): AuditEntry {
  return {
    id: randomUUID(),
    time: 1_750_000_000,
    action: "registration.refused",
    code: "policy_denied",
    reasons: ["scope: expected one of read, got admin"],
    clientId: null,
    rule: "agents",
    credential: null,
    remote: null,
    ...change,
  };
}
