import { DcrError } from "@accredit/core/errors";
import type {
  ClientProposal,
  RegistrationConditions,
} from "@accredit/core/ports";
import { isLive, type HeldClient } from "./held-client.ts";

/**
 * What a database checks in the transaction of a registration.
 *
 * @throws {DcrError} `client_unknown`, `client_keys_fixed` or `quota_exceeded`
 */
export function checkConditions(
  all: readonly HeldClient[],
  client: ClientProposal["client"],
  conditions: RegistrationConditions,
  existing: HeldClient | undefined,
): void {
  const {
    maxClientsOfRule = Infinity,
    maxClientsOfTrust = Infinity,
    maxClientsPerSubject,
  } = conditions;
  const { mustExist, mustBe } = conditions;
  const isOther =
    mustBe !== undefined &&
    (existing?.client.clientId !== mustBe.clientId ||
      existing.client.registrationId !== mustBe.registrationId ||
      (existing.client.kind === "vc"
        ? existing.client.managementTokenHash
        : null) !== mustBe.managementTokenHash);
  if ((existing === undefined && mustExist) || isOther)
    throw new DcrError("client_unknown", "the client is no longer there");
  if (existing !== undefined && !conditions.keysProven) {
    if (existing.keyThumbprints !== conditions.keyThumbprints)
      throw new DcrError("client_keys_fixed", "the client has other keys");
  }
  if (existing !== undefined && isLive(existing)) return;
  const live = all.filter(isLive);
  const held = live.map(({ client: each }) => each);
  const ofRule = held.filter(({ rule }) => rule === client.rule).length;
  const ofSubject = held.filter(
    ({ kind, trust, subject }) =>
      kind === client.kind &&
      trust === client.trust &&
      subject === client.subject,
  ).length;
  if (
    ofRule >= maxClientsOfRule ||
    held.filter(({ trust }) => trust === client.trust).length >=
      maxClientsOfTrust ||
    (client.softwareId !== "" && ofSubject >= maxClientsPerSubject)
  )
    throw new DcrError("quota_exceeded", "there are as many as there may be");
}
