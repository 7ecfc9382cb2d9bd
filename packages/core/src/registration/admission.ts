import { DcrError } from "../errors.ts";
import type { JsonObject } from "../json/index.ts";
import type { ClientLifecycle, ClientStore, Suspension } from "../ports.ts";
import type { SpiffeClient } from "./client.ts";
import type { Attestation } from "./attestation.ts";
import { mergeMetadata } from "./merge.ts";
import {
  decide,
  findRule,
  type Decision,
  type Policy,
  type ServerCapabilities,
} from "./policy.ts";
import { bounded, reason, type Reason } from "./reason.ts";
import { isTargetOf, suspended } from "./standing.ts";

/** What a client may have by what is attested, what it asks for and what the policy says. */
export type Admission = Extract<Decision, { readonly allow: true }>;

/** An admission and the suspensions that it was held against. */
export interface Admitted {
  readonly admission: Admission;
  readonly suspensions: readonly Suspension[];
}

/** What admission goes by. */
export interface AdmissionSettings extends ServerCapabilities {
  readonly policy: Policy;
}

/**
 * Decides what a client gets: the rule, the merged metadata, the policy's word on it, and whether anything
 * of it is withdrawn. A denial becomes the error that says all of its reasons.
 *
 * @throws {DcrError} `policy_denied`, `metadata_invalid`, `redirect_uri_invalid`, `registration_suspended`,
 * `store_unavailable`
 */
export async function admit(
  attestation: Attestation,
  body: JsonObject,
  settings: AdmissionSettings,
  store: Pick<ClientLifecycle, "suspensions">,
): Promise<Admitted> {
  const rule = findRule(settings.policy, attestation);
  if (rule === undefined)
    throw refusal([noRuleMatches(attestation)], undefined);
  const decision = decide(
    rule,
    mergeMetadata(attestation, body, rule, settings),
    settings,
  );
  if (!decision.allow) throw refusal(decision.reasons, rule.name);
  const suspensions = await store.suspensions();
  refuseSuspended(attestation, decision, suspensions);
  return { admission: decision, suspensions };
}

/** The reason of a credential for which no rule is written. */
export function noRuleMatches({ subject }: Attestation): Reason {
  return reason(
    "policy_denied",
    "subject",
    `no policy rule matches ${bounded(subject, 200)}`,
  );
}

/**
 * What is withdrawn does not come back by registering again. For a client by its `client_id` there is
 * {@link refuseSuspendedClient}.
 */
function refuseSuspended(
  { trust, subject }: Attestation,
  { rule }: Admission,
  suspensions: readonly Suspension[],
): void {
  for (const name of new Set([subject, rule.registerAs?.uri ?? subject])) {
    const who = { trust, subject: name, rule: rule.name };
    const found = suspensions.find((each) => isTargetOf(each, who));
    if (found === undefined) continue;
    const { code, message } = suspended(found);
    throw new DcrError(code, message, { data: { rule: rule.name } });
  }
}

/**
 * Refuses a SPIFFE ID to register as a client of its own that is suspended, or to go round that one by a new
 * client beside it (SEC-11). Its other clients go on.
 *
 * @throws {DcrError} `registration_suspended`, `store_unavailable`
 */
export async function refuseSuspendedClient(
  { subject, softwareId }: Pick<SpiffeClient, "subject" | "softwareId">,
  suspensions: readonly Suspension[],
  store: Pick<ClientStore, "findSpiffeClients">,
): Promise<void> {
  const ofClients = suspensions.filter(({ scope }) => scope === "client");
  if (ofClients.length === 0) return;
  const clients = await store.findSpiffeClients(subject);
  const same = clients.find((client) => client.softwareId === softwareId);
  for (const { clientId } of same === undefined ? clients : [same]) {
    const found = ofClients.find(({ value }) => value === clientId);
    if (found === undefined) continue;
    const { code, message } = suspended(found);
    throw new DcrError(code, message, { data: { clientId } });
  }
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
