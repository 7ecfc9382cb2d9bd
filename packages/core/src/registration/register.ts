import {
  verifyClientAttestation,
  type ClientAttestation,
} from "../credential/client-attestation.ts";
import type { CheckListener } from "../credential/checks.ts";
import {
  verifySoftwareStatement,
  type VerifiedCredential,
} from "../credential/verify.ts";
import { DcrError } from "../errors.ts";
import type { JsonObject } from "../json/index.ts";
import type {
  ClientLifecycle,
  ClientStore,
  Clock,
  RegistrationOutcome,
  ReplayGuard,
} from "../ports.ts";
import type { TrustSource } from "../trust/index.ts";
import {
  requireGoodStatus,
  type CredentialStatuses,
} from "../vc/credential-statuses.ts";
import {
  admit,
  type AdmissionSettings,
  refuseSuspendedClient,
} from "./admission.ts";
import { attestationOf } from "./attestation.ts";
import { provePossession } from "./possession.ts";
import {
  proposeClient,
  type NamingPorts,
  type NamingSettings,
} from "./propose.ts";
import {
  auditRow,
  factsOf,
  settleRefusal,
  type AuditedRequest,
  type RefusalAuditPorts,
} from "./registration-audit.ts";

/** What the registration use case needs of the world. */
export interface RegistrationPorts extends RefusalAuditPorts, NamingPorts {
  readonly clock: Clock;
  readonly trust: TrustSource;
  readonly store: Pick<
    ClientStore & ClientLifecycle,
    "register" | "appendAudit" | "suspensionsOf" | "listClients"
  > &
    ReplayGuard;
  /** Where the status of Verifiable Credentials is asked; absent where none is trusted. */
  readonly statuses?: CredentialStatuses | undefined;
}

/** What the operator decided, once, at start. Times in seconds. */
export interface RegistrationSettings
  extends AdmissionSettings, NamingSettings {
  /** Accepted `aud` values; one of them must be the sole audience. Holds the registration endpoint URL. */
  readonly audiences: readonly string[];
  readonly registrationEndpoint: string;
  /** Accepted `aud` values of the proof beside a WIT-SVID; undefined where WIT-SVIDs are not taken. */
  readonly attestationAudiences?: readonly string[] | undefined;
  readonly clockToleranceSeconds: number;
  readonly maxLifetimeSeconds: number;
  readonly maxAgeSeconds: number;
}

/** One registration request, after the wire layer parsed the bytes strictly. */
export interface RegistrationRequest extends AuditedRequest {
  /** The whole request body, `software_statement` included. */
  readonly body: JsonObject;
  /** The `DPoP` header, where the request has one. */
  readonly dpop?: string | undefined;
  /** A WIT-SVID and its proof, in the place of a statement. */
  readonly attestation?: ClientAttestation | undefined;
}

/** What the response needs: the client, whether it is new, and the statement to echo byte for byte, if there was one. */
export interface Registration extends RegistrationOutcome {
  readonly softwareStatement: string | undefined;
  /** The registration access token to tell the client; never one for a SPIFFE client (MGMT-08). */
  readonly managementToken: string | undefined;
}

/**
 * Registers the client that a statement, or a WIT-SVID in its place, attests. A refusal throws, having
 * written one audit row and nothing else; an outage (`source_unavailable`, `store_unavailable`, `overloaded`)
 * throws and writes none, and so does one refusal too many (`rate_limited`).
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
  let rule: string | null = null;
  try {
    // The order is a security property: nothing of the request is used before its credential is verified.
    const statement =
      request.attestation === undefined
        ? readStatement(request.body)
        : undefined;
    credential =
      statement === undefined
        ? await verifyAttestation(request, settings, ports, now)
        : await verifyStatement(statement, settings, ports.trust, now);
    const attestation = attestationOf(credential);
    const { admission, suspensions } = await admit(
      attestation,
      request.body,
      settings,
      ports.store,
    );
    rule = admission.rule.name;
    await requireLiving(credential, ports, now);
    const keysProven = await provePossession(
      credential,
      {
        ...settings,
        dpop: request.dpop,
        now,
        method: "POST",
        url: settings.registrationEndpoint,
      },
      ports.store,
    );
    const proposed = await proposeClient(credential, attestation, admission, {
      keysProven,
      now,
      settings,
      ports,
    });
    await refuseSuspendedClient(proposed.client, suspensions, ports.store);
    const outcome = await ports.store.register({
      client: proposed.client,
      conditions: proposed.conditions,
      now,
      audit: auditRow(request, now, {
        rule,
        credential: factsOf(credential),
      }),
    });
    const isTold = outcome.created || keysProven;
    return {
      ...outcome,
      softwareStatement: statement,
      managementToken: isTold ? proposed.managementToken : undefined,
    };
  } catch (error) {
    if (!(error instanceof DcrError)) throw error;
    const proven = credential && {
      ...attestationOf(credential),
      isNewcomer: true,
    };
    const refused = { action: "registration.refused", clientId: null } as const;
    const facts = credential === undefined ? null : factsOf(credential);
    throw await settleRefusal(
      error,
      { ...refused, rule, credential: facts, proven },
      request,
      now,
      ports,
    );
  }
}

/**
 * Refuses a credential that its issuer has withdrawn since. Asked last of all, since asking may mean a fetch
 * (STAT-01, V25).
 *
 * @throws {DcrError} `credential_revoked`, `credential_suspended`, `source_unavailable`
 */
export async function requireLiving(
  credential: VerifiedCredential,
  { trust, statuses }: Pick<RegistrationPorts, "trust" | "statuses">,
  now: number,
): Promise<void> {
  if (credential.kind !== "vc") return;
  if (trust.credentialIssuer?.(credential.issuer)?.status === "off") return;
  await requireGoodStatus(credential, statuses, now);
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
      "a software_statement is required: a JWT-SVID for this endpoint, or a Verifiable Credential",
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

/**
 * The WIT-SVID of a request, with its proof.
 *
 * @throws {DcrError} `credential_kind_unsupported`, `request_malformed`, and what
 * `verifyClientAttestation` throws
 */
async function verifyAttestation(
  { attestation, body }: RegistrationRequest,
  { attestationAudiences, clockToleranceSeconds }: RegistrationSettings,
  { trust, store }: Pick<RegistrationPorts, "trust" | "store">,
  now: number,
): Promise<VerifiedCredential> {
  if (attestation === undefined || attestationAudiences === undefined) {
    throw new DcrError(
      "credential_kind_unsupported",
      "expected a software_statement, got OAuth-Client-Attestation, which this server does not take",
    );
  }
  if (body["software_statement"] !== undefined) {
    throw new DcrError(
      "request_malformed",
      "expected a software_statement or OAuth-Client-Attestation, got both",
    );
  }
  return verifyClientAttestation(
    attestation,
    trust,
    { audiences: attestationAudiences, now, clockToleranceSeconds },
    store,
  );
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
