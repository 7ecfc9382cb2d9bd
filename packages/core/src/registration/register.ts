import type { CheckListener } from "../credential/checks.ts";
import {
  verifySoftwareStatement,
  type VerifiedCredential,
} from "../credential/verify.ts";
import { DcrError } from "../errors.ts";
import type { JsonObject } from "../json/index.ts";
import type {
  ClientLifecycle,
  ClientProposal,
  ClientStore,
  Clock,
  RegistrationConditions,
  RegistrationOutcome,
} from "../ports.ts";
import type { TrustSource } from "../trust/index.ts";
import { admit, type Admission, type AdmissionSettings } from "./admission.ts";
import { attestationOf, type Attestation } from "./attestation.ts";
import {
  auditRow,
  factsOf,
  OUTAGES,
  writeRefusal,
  type AuditedRequest,
  type RefusalAuditPorts,
} from "./registration-audit.ts";

/** What the registration use case needs of the world. */
export interface RegistrationPorts extends RefusalAuditPorts {
  readonly clock: Clock;
  readonly trust: TrustSource;
  readonly store: Pick<
    ClientStore & ClientLifecycle,
    "register" | "appendAudit" | "suspensions"
  >;
  /** A new opaque `client_id`; unguessable, and no SPIFFE ID. */
  readonly newClientId: () => string;
}

/** What the operator decided, once, at start. Times in seconds. */
export interface RegistrationSettings extends AdmissionSettings {
  /** Accepted `aud` values; one of them must be the sole audience. Holds the registration endpoint URL. */
  readonly audiences: readonly string[];
  readonly clientId: "spiffe_id" | "opaque";
  /** Clients that one subject may have where `software_id` tells them apart. */
  readonly maxClientsPerSubject: number;
  readonly clockToleranceSeconds: number;
  readonly maxLifetimeSeconds: number;
  readonly maxAgeSeconds: number;
}

/** One registration request, after the wire layer parsed the bytes strictly. */
export interface RegistrationRequest extends AuditedRequest {
  /** The whole request body, `software_statement` included. */
  readonly body: JsonObject;
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
    const attestation = attestationOf(credential);
    const admission = await admit(
      attestation,
      request.body,
      settings,
      ports.store,
    );
    const outcome = await ports.store.register({
      client: {
        ...identify(attestation, admission, settings, ports),
        ...recordOf(admission, now),
      },
      conditions: conditionsOf(admission, settings),
      now,
      audit: auditRow(request, now, {
        rule: admission.rule.name,
        credential: factsOf(credential),
      }),
    });
    return { ...outcome, softwareStatement: statement };
  } catch (error) {
    if (error instanceof DcrError && !OUTAGES.has(error.code)) {
      const refused = {
        action: "registration.refused",
        clientId: null,
      } as const;
      await writeRefusal(
        error,
        { ...refused, credential },
        request,
        now,
        ports,
      );
    }
    throw error;
  }
}

/** What an admission makes of a client's record, whoever the client is. */
export function recordOf(
  { rule, metadata, provenance }: Admission,
  now: number,
): Omit<
  Extract<ClientProposal["client"], { kind: "spiffe" }>,
  "kind" | "clientId" | "trust" | "subject" | "softwareId"
> {
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

/** What has to hold where the client is written. */
export function conditionsOf(
  { rule }: Admission,
  { maxClientsPerSubject }: RegistrationSettings,
): RegistrationConditions {
  return {
    maxClientsPerSubject,
    maxClientsOfRule: rule.maxClients,
    keyThumbprints: null,
    keysProven: true,
  };
}

/**
 * Whose client it is and what it is called: the attested SPIFFE ID, or the wildcard that the rule registers
 * it under. Only with opaque client ids does `software_id` tell several clients of one subject apart, since
 * else there is one name for them all (AMB-03).
 */
function identify(
  { trust, subject }: Attestation,
  { rule, metadata }: Admission,
  settings: RegistrationSettings,
  ports: RegistrationPorts,
) {
  const owner = {
    kind: "spiffe",
    trust,
    subject: rule.registerAs?.uri ?? subject,
  } as const;
  return settings.clientId === "spiffe_id"
    ? { ...owner, clientId: owner.subject, softwareId: "" }
    : {
        ...owner,
        clientId: ports.newClientId(),
        softwareId: metadata.software_id ?? "",
      };
}

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
