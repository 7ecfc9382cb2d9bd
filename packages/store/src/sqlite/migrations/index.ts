import type { Migration } from "./migration.ts";
import { clientsAuditKeys } from "./0001-clients-audit-keys.ts";
import { revokedTokens } from "./0002-revoked-tokens.ts";
import { softwareIdAndKeys } from "./0003-software-id-and-keys.ts";

import { lifecycleAndAuditChain } from "./0004-lifecycle-and-audit-chain.ts";
import { endedAt } from "./0005-ended-at.ts";
import { registrationId } from "./0006-registration-id.ts";
import { credentialWithdrawn } from "./0007-credential-withdrawn.ts";
import { auditTrailAccount } from "./0008-audit-trail-account.ts";
import { statusListTimes } from "./0009-status-list-times.ts";
import { suspendedClients } from "./0010-suspended-clients.ts";
import { clientsWithoutLease } from "./0011-clients-without-lease.ts";
import { managementTokens } from "./0012-management-tokens.ts";
import { auditClients } from "./0013-audit-clients.ts";
import { clientNumbers } from "./0014-client-numbers.ts";

export type { Migration } from "./migration.ts";

/** Every step of the schema, in order. Add at the end; additive changes first. */
export const MIGRATIONS: readonly Migration[] = [
  clientsAuditKeys,
  revokedTokens,
  softwareIdAndKeys,
  lifecycleAndAuditChain,
  endedAt,
  registrationId,
  credentialWithdrawn,
  auditTrailAccount,
  statusListTimes,
  suspendedClients,
  clientsWithoutLease,
  managementTokens,
  auditClients,
  clientNumbers,
];
