import type { CheckListener } from "../credential/checks.ts";
import {
  verifySoftwareStatement,
  type VerifiedCredential,
} from "../credential/verify.ts";
import { DcrError } from "../errors.ts";
import type { JsonObject } from "../json/index.ts";
import type {
  AuditEntry,
  ClientLifecycle,
  ClientStore,
  Clock,
  CredentialFacts,
  RegistrationOutcome,
} from "../ports.ts";
import type { TrustSource } from "../trust/index.ts";
import type { ClientMetadata } from "./client.ts";
import { mergeMetadata } from "./merge.ts";
import {
  decide,
  findRule,
  type Decision,
  type Policy,
  type PolicyRule,
  type ServerCapabilities,
} from "./policy.ts";
import { isTargetOf, suspended } from "./standing.ts";
import { bounded, reason, type Reason } from "./reason.ts";

/** What the registration use case needs of the world. */
export interface RegistrationPorts {
  readonly clock: Clock;
  readonly trust: TrustSource;
  readonly store: Pick<
    ClientStore & ClientLifecycle,
    "register" | "appendAudit" | "suspensions"
  >;
  /** A new opaque `client_id`; unguessable, and no SPIFFE ID. */
  readonly newClientId: () => string;
  /** Hears that the audit row of a refusal could not be written; the refusal stands. */
  readonly auditFailed?: (requestId: string, cause: unknown) => void;
}

/** What the operator decided, once, at start. Times in seconds. */
export interface RegistrationSettings extends ServerCapabilities {
  /** Accepted `aud` values; one of them must be the sole audience. Holds the registration endpoint URL. */
  readonly audiences: readonly string[];
  readonly policy: Policy;
  readonly clientId: "spiffe_id" | "opaque";
  /** Clients that one subject may have where `software_id` tells them apart. */
  readonly maxClientsPerSubject: number;
  readonly clockToleranceSeconds: number;
  readonly maxLifetimeSeconds: number;
  readonly maxAgeSeconds: number;
}

/** One registration request, after the wire layer parsed the bytes strictly. */
export interface RegistrationRequest {
  /** The whole request body, `software_statement` included. */
  readonly body: JsonObject;
  /** Names the request in the audit trail (UUID version 7). */
  readonly requestId: string;
  readonly remote: string | null;
}

/** What the response needs: the client, whether it is new, and the statement to echo byte for byte. */
export interface Registration extends RegistrationOutcome {
  readonly softwareStatement: string;
}

/**
 * Registers the client that a statement attests. A refusal throws, having written one audit row and
 * nothing else; an outage (`source_unavailable`, `store_unavailable`, `overloaded`) throws and writes none.
 *
 * @throws {DcrError}
 * @see draft-kasselman-oauth-dcr-trusted-issuer-token section 5; RFC 7591 section 3
 */
export async function register(
  request: RegistrationRequest,
  settings: RegistrationSettings,
  ports: RegistrationPorts,
): Promise<Registration> {
  const now = ports.clock.now();
  let credential: VerifiedCredential | undefined;
  try {
    // The order is a security property: nothing of the request is used before its credential is verified.
    const statement = readStatement(request.body);
    credential = await verifyStatement(statement, settings, ports.trust, now);
    const { rule, metadata, provenance } = approve(
      credential,
      request.body,
      settings,
    );
    await refuseSuspended(credential, rule, ports);

    const outcome = await ports.store.register({
      client: {
        ...identify(credential, rule, metadata, settings, ports),
        updatedAt: now,
        leaseExpiresAt:
          rule.leaseSeconds === undefined ? null : now + rule.leaseSeconds,
        metadata,
        provenance,
        resources: rule.allow.resources,
        rule: rule.name,
      },
      conditions: {
        maxClientsPerSubject: settings.maxClientsPerSubject,
        maxClientsOfRule: rule.maxClients,
        keyThumbprints: null,
        keysProven: true,
      },
      now,
      audit: auditRow(request, now, {
        rule: rule.name,
        credential: factsOf(credential),
      }),
    });
    return { ...outcome, softwareStatement: statement };
  } catch (error) {
    if (error instanceof DcrError && !OUTAGES.has(error.code)) {
      await writeRefusal(error, credential, request, now, ports);
    }
    throw error;
  }
}

/**
 * Whose client it is and what it is called: the attested SPIFFE ID, or the wildcard that the rule registers
 * it under. Only with opaque client ids does `software_id` tell several clients of one subject apart, since
 * else there is one name for them all (AMB-03).
 */
function identify(
  { subject }: VerifiedCredential,
  { registerAs = subject }: PolicyRule,
  { software_id: softwareId = "" }: ClientMetadata,
  settings: RegistrationSettings,
  ports: RegistrationPorts,
) {
  const owner = {
    kind: "spiffe",
    trust: registerAs.trustDomain,
    subject: registerAs.uri,
  } as const;
  return settings.clientId === "spiffe_id"
    ? { ...owner, clientId: registerAs.uri, softwareId: "" }
    : { ...owner, clientId: ports.newClientId(), softwareId };
}

/**
 * What is withdrawn does not come back by registering again. The client by its `client_id` is judged when
 * it authenticates.
 *
 * @throws {DcrError} `registration_suspended`
 */
async function refuseSuspended(
  { subject }: VerifiedCredential,
  rule: PolicyRule,
  { store }: RegistrationPorts,
): Promise<void> {
  const suspensions = await store.suspensions();
  const names = new Set([subject.uri, rule.registerAs?.uri ?? subject.uri]);
  for (const name of names) {
    const who = { trust: subject.trustDomain, subject: name, rule: rule.name };
    const found = suspensions.find((each) => isTargetOf(each, who));
    if (found === undefined) continue;
    const { code, message } = suspended(found);
    throw new DcrError(code, message, { data: { rule: rule.name } });
  }
}

/** Codes that say nothing about the caller: somebody else's outage is no refusal. */
const OUTAGES: ReadonlySet<string> = new Set([
  "source_unavailable",
  "store_unavailable",
  "overloaded",
]);

/**
 * The statement of a request body.
 *
 * @throws {DcrError} `statement_missing`, `statement_malformed`
 */
export function readStatement(body: JsonObject): string {
  const statement = body["software_statement"];
  if (statement === undefined || statement === "") {
    throw new DcrError(
      "statement_missing",
      "a software_statement is required: a JWT-SVID for this endpoint",
    );
  }
  if (typeof statement !== "string") {
    throw new DcrError(
      "statement_malformed",
      "expected software_statement to be one string",
    );
  }
  return statement;
}

/** Verifies the statement for the registration endpoint. */
export function verifyStatement(
  statement: string,
  settings: RegistrationSettings,
  trust: TrustSource,
  now: number,
  onCheck?: CheckListener,
): Promise<VerifiedCredential> {
  return verifySoftwareStatement(statement, trust, {
    audiences: settings.audiences,
    now,
    clockToleranceSeconds: settings.clockToleranceSeconds,
    maxLifetimeSeconds: settings.maxLifetimeSeconds,
    maxAgeSeconds: settings.maxAgeSeconds,
    onCheck,
  });
}

/** Merge and policy; a denial becomes the error that says all of its reasons. */
function approve(
  credential: VerifiedCredential,
  body: JsonObject,
  settings: RegistrationSettings,
): Extract<Decision, { allow: true }> {
  const rule = findRule(settings.policy, credential.subject);
  if (rule === undefined) throw refusal([noRuleMatches(credential)], undefined);
  const decision = decide(
    rule,
    mergeMetadata(credential, body, rule, settings),
    settings,
  );
  if (!decision.allow) throw refusal(decision.reasons, rule.name);
  return decision;
}

/** The reason of a credential for which no rule is written. */
export function noRuleMatches(credential: VerifiedCredential): Reason {
  return reason(
    "policy_denied",
    "subject",
    `no policy rule matches ${bounded(credential.subject.uri, 200)}`,
  );
}

/** Characters of the message that lists every reason; the audit row has each of them whole. */
const MAX_MESSAGE = 1000;

/**
 * Where reasons are of several kinds, the most general names the error: the subject, else metadata, else
 * redirect URIs alone (DCR-TI-15; RFC 7591 section 3.2.2).
 */
function refusal(
  reasons: readonly Reason[],
  rule: string | undefined,
): DcrError {
  const codes = new Set(reasons.map(({ code }) => code));
  const code =
    (["policy_denied", "metadata_invalid"] as const).find((each) =>
      codes.has(each),
    ) ?? "redirect_uri_invalid";
  const messages = reasons.map(({ message }) => message).join("; ");
  return new DcrError(code, bounded(messages, MAX_MESSAGE), {
    data: { reasons, rule },
  });
}

/** What may be written down of a credential. */
function factsOf(credential: VerifiedCredential): CredentialFacts {
  return {
    kind: credential.kind,
    trust: credential.subject.trustDomain,
    subject: credential.subject.uri,
    keyId: credential.keyId,
    algorithm: credential.algorithm,
    fingerprint: credential.fingerprint,
    issuedAt: credential.issuedAt,
    expiresAt: credential.expiresAt,
  };
}

function auditRow(
  request: RegistrationRequest,
  now: number,
  known: {
    readonly rule: string | null;
    readonly credential: CredentialFacts | null;
  },
): Omit<AuditEntry, "action" | "clientId"> {
  return {
    id: request.requestId,
    time: now,
    code: null,
    reasons: [],
    remote: request.remote,
    ...known,
  };
}

async function writeRefusal(
  error: DcrError,
  credential: VerifiedCredential | undefined,
  request: RegistrationRequest,
  now: number,
  { store, auditFailed }: RegistrationPorts,
): Promise<void> {
  const { reasons, rule } = error.data;
  const known = {
    rule: typeof rule === "string" ? rule : null,
    credential: credential === undefined ? null : factsOf(credential),
  };
  const messages = Array.isArray(reasons)
    ? (reasons as readonly Reason[]).map(({ message }) => message)
    : [error.message];
  try {
    await store.appendAudit({
      ...auditRow(request, now, known),
      action: "registration.refused",
      clientId: null,
      code: error.code,
      reasons: messages,
    });
  } catch (cause) {
    // A row that cannot be written does not turn a refusal into anything else.
    auditFailed?.(request.requestId, cause);
  }
}
