import type { VerifiedCredential } from "../credential/verify.ts";
import { DcrError } from "../errors.ts";
import type { JsonObject } from "../json/index.ts";
import type {
  AuditDraft,
  CredentialFacts,
  RegistrationOutcome,
} from "../ports.ts";
import { admit } from "./admission.ts";
import {
  attestationOf,
  earlierAttestation,
  type Attestation,
} from "./attestation.ts";
import type { RegisteredClient } from "./client.ts";
import {
  readStatement,
  requireLiving,
  verifyStatement,
  type RegistrationPorts,
  type RegistrationRequest,
  type RegistrationSettings,
} from "./register.ts";
import { provePossession } from "./possession.ts";
import { proposeUpdate } from "./propose.ts";
import { auditRow, factsOf, settleRefusal } from "./registration-audit.ts";

/** An update of a client by whoever proved to be it. */
export interface UpdateRequest extends RegistrationRequest {
  readonly client: RegisteredClient;
  /** The subject that was proven: the client's, or one of those it stands for. */
  readonly subject: string;
  /** What proved it. */
  readonly credential: CredentialFacts;
  /** The URL of the request: what a proof of possession is made for. */
  readonly uri: string;
  /** Of the registration access token that replaces the one that was used. */
  readonly nextTokenHash?: string | undefined;
}

/** What the server sets, so that a client may not send it back changed, or at all (MGMT-04). */
const SERVER_MEMBERS = [
  "registration_access_token",
  "registration_client_uri",
  "client_secret_expires_at",
  "client_id_issued_at",
  "client_secret",
] as const;

/**
 * Updates a client's registration: what the body leaves out is given up. What was attested stays unless the
 * body brings a new statement of the same subject (MGMT-05); the same policy decides, and the lease is
 * renewed. A client that was deleted, or that another update reached first, stays as it is.
 *
 * @throws {DcrError} as `register` does, and `client_unknown`
 * @see RFC 7592 section 2.2
 */
export async function updateRegistration(
  request: UpdateRequest,
  settings: RegistrationSettings,
  ports: RegistrationPorts,
): Promise<RegistrationOutcome> {
  const { body, client } = request;
  const now = ports.clock.now();
  let statement: VerifiedCredential | undefined;
  try {
    checkBody(body, client.clientId);
    if (body["software_statement"] !== undefined) {
      const text = readStatement(body);
      statement = await verifyStatement(text, settings, ports.trust, now);
    }
    const attestation = attestedNow(statement, request);
    const { admission } = await admit(attestation, body, settings, ports.store);
    if (statement !== undefined) {
      await requireLiving(statement, ports, now);
      const { dpop, uri } = request;
      await provePossession(
        statement,
        { ...settings, dpop, now, method: "PUT", url: uri },
        ports.store,
      );
    }
    const proposed = await proposeUpdate(
      client,
      statement,
      admission,
      now,
      request.nextTokenHash,
      settings,
    );
    return await ports.store.register({
      ...proposed,
      now,
      audit: auditRow(request, now, {
        rule: admission.rule.name,
        ...actor(request, statement),
      }),
    });
  } catch (error) {
    if (!(error instanceof DcrError)) throw error;
    const refused = {
      action: "management.refused",
      clientId: client.clientId,
      rule: client.rule,
    } as const;
    throw await settleRefusal(
      error,
      {
        ...refused,
        ...actor(request, statement),
        proven: { ...client, isNewcomer: false },
      },
      request,
      now,
      ports,
    );
  }
}

/** Who asked, by what, and the statement that came along. */
function actor(
  { credential }: UpdateRequest,
  statement: VerifiedCredential | undefined,
): Pick<AuditDraft, "credential" | "details"> {
  return statement === undefined
    ? { credential }
    : { credential, details: { statement: factsOf(statement) } };
}

function attestedNow(
  statement: VerifiedCredential | undefined,
  { client, subject }: UpdateRequest,
): Attestation {
  if (statement === undefined) return earlierAttestation(client, subject);
  const attestation = attestationOf(statement);
  if (
    attestation.kind !== client.kind ||
    attestation.trust !== client.trust ||
    attestation.subject !== subject
  ) {
    throw new DcrError(
      "policy_denied",
      "expected a software_statement of the client's own subject, got another's",
    );
  }
  return attestation;
}

function checkBody(body: JsonObject, clientId: string): void {
  if (body["client_id"] !== clientId) {
    throw new DcrError(
      "metadata_invalid",
      body["client_id"] === undefined
        ? "expected the client's client_id in the body, got none"
        : "expected the client's own client_id in the body, got another",
    );
  }
  const sent = SERVER_MEMBERS.filter((name) => Object.hasOwn(body, name));
  if (sent.length > 0) {
    throw new DcrError(
      "metadata_invalid",
      `expected a body without what the server sets, got ${sent.join(", ")}`,
    );
  }
}
