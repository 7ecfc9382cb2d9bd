import { DcrError } from "../errors.ts";
import type { JsonObject } from "../json/index.ts";
import type {
  ClientLifecycle,
  FoundSuspension,
  Standee,
  Suspension,
} from "../ports.ts";
import type { RegisteredClient } from "./client.ts";
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
  readonly suspensions: readonly FoundSuspension[];
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
  store: Pick<ClientLifecycle, "suspensionsOf">,
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
  const names = standeesOf(attestation, decision);
  const suspensions = await store.suspensionsOf(
    // A SPIFFE ID may be a client_id too, which refuseSuspendedClient compares.
    names.map((who) => ({ ...who, clientId: who.subject })),
  );
  for (const who of names) refuseSuspended(who, suspensions);
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

/** Who asks: the subject itself, and where it shares a client the one that stands for it. */
function standeesOf(
  { trust, subject }: Attestation,
  { rule }: Admission,
): readonly Standee[] {
  const names = new Set([subject, rule.registerAs?.uri ?? subject]);
  return [...names].map((name) => ({
    trust,
    subject: name,
    rule: rule.name,
  }));
}

/**
 * What is withdrawn does not come back by registering again. For a client by its `client_id` there is
 * {@link refuseSuspendedClient}.
 */
function refuseSuspended(
  who: Standee,
  suspensions: readonly Suspension[],
): void {
  const found = suspensions.find((each) => isTargetOf(each, who));
  if (found === undefined) return;
  const { code, message } = suspended(found);
  throw new DcrError(code, message, { data: { rule: who.rule } });
}

/**
 * Refuses a subject to register as a client of its own that is suspended, or to go round that one by a new
 * client beside it, also when that one is gone (SEC-11). Its other clients go on.
 *
 * @throws {DcrError} `registration_suspended`, `store_unavailable`
 */
export async function refuseSuspendedClient(
  client: Pick<
    RegisteredClient,
    "clientId" | "trust" | "subject" | "softwareId"
  >,
  suspensions: readonly FoundSuspension[],
  store: Pick<ClientLifecycle, "listClients">,
): Promise<void> {
  const { clientId, trust, subject, softwareId } = client;
  const ofSubject = suspensions.filter(
    ({ scope, value, client: whose }) =>
      scope === "client" &&
      (value === clientId ||
        (whose?.trust === trust && whose.subject === subject)),
  );
  const same = ofSubject.find(
    (each) => each.value === clientId || each.client?.softwareId === softwareId,
  );
  const found = same ?? ofSubject[0];
  if (found === undefined) return;
  if (same === undefined && (await isRegistered(client, store))) return;
  const { code, message } = suspended(found);
  throw new DcrError(code, message, { data: { clientId: found.value } });
}

async function isRegistered(
  {
    trust,
    subject,
    softwareId,
  }: Pick<RegisteredClient, "trust" | "subject" | "softwareId">,
  store: Pick<ClientLifecycle, "listClients">,
): Promise<boolean> {
  let after: number | undefined;
  do {
    const page = await store.listClients({ limit: 100, after, trust, subject });
    if (page.clients.some((client) => client.softwareId === softwareId))
      return true;
    after = page.next ?? undefined;
  } while (after !== undefined);
  return false;
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
