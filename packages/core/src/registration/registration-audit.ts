import type { VerifiedCredential } from "../credential/verify.ts";
import type { VerifiedX509Svid } from "../spiffe/x509-svid.ts";
import type { DcrError } from "../errors.ts";
import type {
  AuditDraft,
  AuditEntry,
  ClientStore,
  CredentialFacts,
} from "../ports.ts";
import type { Reason } from "./reason.ts";

/** The part of a request that its audit row tells. */
export interface AuditedRequest {
  /** Names the request in the audit trail (UUID version 7). */
  readonly requestId: string;
  readonly remote: string | null;
}

/** Who caused a refusal, as far as it is known. */
export interface RefusalSource {
  readonly remote: string | null;
  /** Who was proven, where somebody was; `trust` is who vouches for the subject. */
  readonly proven?:
    | {
        readonly trust: string;
        readonly subject: string;
        /** Whether it counts for its path, as who asks to be a client does, or for the subject alone. */
        readonly isNewcomer: boolean;
      }
    | undefined;
}

/** What the audit row of a refusal is written with. */
export interface RefusalAuditPorts {
  readonly store: Pick<ClientStore, "appendAudit">;
  /** What a refusal becomes: `rate_limited`, without a row of its own, where its source had too many. */
  readonly limitRefusal?: (error: DcrError, source: RefusalSource) => DcrError;
  /** Hears that the audit row of a refusal could not be written; the refusal stands. */
  readonly auditFailed?: (requestId: string, cause: unknown) => void;
}

/** Codes without an audit row: somebody else's outage is no refusal, and a flood is counted, not told. */
const UNAUDITED: ReadonlySet<string> = new Set([
  "source_unavailable",
  "store_unavailable",
  "overloaded",
  "rate_limited",
]);

/** What may be written down of a credential. */
export function factsOf(
  credential: VerifiedCredential | VerifiedX509Svid,
): CredentialFacts {
  const { kind, keyId, algorithm, fingerprint, issuedAt, expiresAt } =
    credential;
  const who =
    credential.kind === "vc"
      ? { trust: credential.issuer, subject: credential.subject }
      : {
          trust: credential.subject.trustDomain,
          subject: credential.subject.uri,
        };
  return {
    kind,
    ...who,
    keyId,
    algorithm,
    fingerprint,
    issuedAt,
    expiresAt,
  };
}

/** The audit row of a decision, without what the outcome adds. */
export function auditRow(
  { requestId, remote }: AuditedRequest,
  now: number,
  known: Pick<AuditDraft, "rule" | "credential" | "details">,
): AuditDraft {
  return {
    id: requestId,
    time: now,
    code: null,
    reasons: [],
    remote,
    ...known,
  };
}

/**
 * Leaves the one row of a refusal, with every reason, and returns what to throw: the same error, or
 * `rate_limited`. An outage, or one refusal too many, leaves none; a row that cannot be written changes
 * nothing else.
 */
export async function settleRefusal(
  error: DcrError,
  refused: Parameters<typeof writeRefusal>[1] & {
    readonly proven: RefusalSource["proven"];
  },
  request: AuditedRequest,
  now: number,
  ports: RefusalAuditPorts,
): Promise<DcrError> {
  const { remote } = request;
  const { proven, ...known } = refused;
  const refusal = ports.limitRefusal?.(error, { remote, proven }) ?? error;
  if (!UNAUDITED.has(refusal.code))
    await writeRefusal(refusal, known, request, now, ports);
  return refusal;
}

async function writeRefusal(
  error: DcrError,
  refused: Pick<
    AuditEntry,
    "action" | "clientId" | "rule" | "credential" | "details"
  >,
  request: AuditedRequest,
  now: number,
  { store, auditFailed }: RefusalAuditPorts,
): Promise<void> {
  const { reasons, rule, clientId } = error.data;
  const messages = Array.isArray(reasons)
    ? (reasons as readonly Reason[]).map(({ message }) => message)
    : [error.message];
  try {
    await store.appendAudit({
      ...auditRow(request, now, refused),
      ...refused,
      rule: typeof rule === "string" ? rule : refused.rule,
      clientId: typeof clientId === "string" ? clientId : refused.clientId,
      code: error.code,
      reasons: messages,
    });
  } catch (cause) {
    auditFailed?.(request.requestId, cause);
  }
}
