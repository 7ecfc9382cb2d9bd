import { createHash } from "node:crypto";
import type { VerifiedCredential } from "../credential/verify.ts";
import { DcrError } from "../errors.ts";
import type { ClientProposal } from "../ports.ts";
import type { Admission } from "./admission.ts";
import type { Attestation } from "./attestation.ts";
import { comparableKeys, readClientKeys } from "./client-keys.ts";
import type { RegisteredClient } from "./client.ts";

/** What a new client is called, and what it may be told apart by. */
export interface NamingSettings {
  readonly clientId: "spiffe_id" | "opaque";
  /** Clients that one subject may have where `software_id` tells them apart. */
  readonly maxClientsPerSubject: number;
  /** Clients that a trust domain or issuer may have; undefined for any number. */
  readonly maxClientsOfTrust: (trust: string) => number | undefined;
}

/** What naming a new client needs of the world; both give unguessable texts. */
export interface NamingPorts {
  /** A new opaque `client_id`, no SPIFFE ID. */
  readonly newClientId: () => string;
  /** A new registration access token. */
  readonly newManagementToken: () => string;
}

/** A client and its conditions, as the store takes them, and the token to tell the caller. */
export interface Proposed {
  readonly client: ClientProposal["client"];
  readonly conditions: ClientProposal["conditions"];
  /** For the caller alone, and only if the store wrote its hash. */
  readonly managementToken: string | undefined;
}

/**
 * A new client's proposal. A SPIFFE client is called by its attested SPIFFE ID, or by the wildcard that the
 * rule registers it under, unless client ids are opaque; a credential's client always gets an opaque id. Only
 * then does `software_id` tell several clients of one subject apart (AMB-03).
 *
 * @throws {DcrError} `metadata_invalid`
 */
export async function proposeClient(
  credential: VerifiedCredential,
  attestation: Attestation,
  admission: Admission,
  context: {
    readonly keysProven: boolean;
    readonly now: number;
    readonly settings: NamingSettings;
    readonly ports: NamingPorts;
  },
): Promise<Proposed> {
  const { settings, ports, now, keysProven } = context;
  const { rule, metadata } = admission;
  const { trust, subject } = attestation;
  const opaque = {
    clientId: ports.newClientId(),
    softwareId: metadata.software_id ?? "",
  };
  const record = recordOf(admission, now);
  const conditions = {
    maxClientsPerSubject: settings.maxClientsPerSubject,
    maxClientsOfRule: rule.maxClients,
    maxClientsOfTrust: settings.maxClientsOfTrust(trust),
  };
  if (credential.kind !== "vc") {
    const name = rule.registerAs?.uri ?? subject;
    return {
      client: {
        kind: "spiffe",
        trust,
        subject: name,
        ...(settings.clientId === "opaque"
          ? opaque
          : { clientId: name, softwareId: "" }),
        ...record,
      },
      conditions: { ...conditions, keyThumbprints: null, keysProven: true },
      managementToken: undefined,
    };
  }
  const managementToken = ports.newManagementToken();
  const { format, types, fingerprint, expiresAt, status } = credential;
  return {
    client: {
      kind: "vc",
      trust,
      subject,
      ...opaque,
      ...record,
      // A client outlives neither its lease nor the credential that vouches for it.
      leaseExpiresAt: Math.min(record.leaseExpiresAt ?? Infinity, expiresAt),
      managementTokenHash: hashManagementToken(managementToken),
      credential: { format, types, fingerprint, expiresAt, status },
    },
    conditions: {
      ...conditions,
      keyThumbprints: await requireKeys(admission),
      keysProven,
    },
    managementToken,
  };
}

/**
 * The proposal of a client that is there and gives itself other metadata.
 *
 * @param nextTokenHash - of the registration access token that replaces the one that was used
 * @throws {DcrError} `metadata_invalid`
 */
export async function proposeUpdate(
  client: RegisteredClient,
  credential: VerifiedCredential | undefined,
  admission: Admission,
  now: number,
  nextTokenHash: string | undefined,
  { maxClientsPerSubject, maxClientsOfTrust }: NamingSettings,
): Promise<Pick<Proposed, "client" | "conditions">> {
  const { issuedAt: _issuedAt, registrationId, ...held } = client;
  const record = recordOf(admission, now);
  const conditions = {
    maxClientsPerSubject,
    maxClientsOfRule: admission.rule.maxClients,
    maxClientsOfTrust: maxClientsOfTrust(client.trust),
    mustBe: {
      clientId: client.clientId,
      registrationId,
      managementTokenHash:
        client.kind === "vc" ? client.managementTokenHash : null,
    },
    keysProven: true,
  };
  if (held.kind === "spiffe") {
    return {
      client: { ...held, ...record },
      conditions: { ...conditions, keyThumbprints: null },
    };
  }
  const vouched =
    credential?.kind === "vc"
      ? {
          format: credential.format,
          types: credential.types,
          fingerprint: credential.fingerprint,
          expiresAt: credential.expiresAt,
          status: credential.status,
        }
      : held.credential;
  return {
    client: {
      ...held,
      ...record,
      leaseExpiresAt: Math.min(
        record.leaseExpiresAt ?? Infinity,
        vouched.expiresAt,
      ),
      credential: vouched,
      managementTokenHash: nextTokenHash ?? held.managementTokenHash,
    },
    conditions: { ...conditions, keyThumbprints: await requireKeys(admission) },
  };
}

/** How a registration access token is kept: its base64url SHA-256. */
export function hashManagementToken(token: string): string {
  return createHash("sha256").update(token).digest("base64url");
}

/** What an admission makes of a client's record, whoever the client is. */
function recordOf({ rule, metadata, provenance }: Admission, now: number) {
  return {
    updatedAt: now,
    leaseExpiresAt:
      rule.leaseSeconds === undefined ? null : now + rule.leaseSeconds,
    metadata,
    provenance,
    resources: rule.allow.resources,
    rule: rule.name,
  };
}

/**
 * What the keys of a client are compared by. One that authenticates with its own keys has to have some, and here,
 * not at a URL.
 *
 * @throws {DcrError} `metadata_invalid`
 */
export async function requireKeys({
  metadata,
  rule,
}: Admission): Promise<string> {
  const found = readClientKeys(metadata);
  if (found.keys.length > 0 && metadata.jwks_uri === undefined)
    return comparableKeys(metadata);
  const [why = metadata.jwks_uri === undefined ? "none" : "a jwks_uri"] =
    found.skipped;
  const message = `expected jwks with a public key that may sign for private_key_jwt, got ${why}`;
  throw new DcrError("metadata_invalid", message, {
    data: {
      reasons: [{ code: "metadata_invalid", field: "jwks", message }],
      rule: rule.name,
    },
  });
}
