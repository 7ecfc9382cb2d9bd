import { coldStart } from "./cold-start.ts";
import { credentials } from "./credentials.ts";
import { growth } from "./growth.ts";
import { overload } from "./overload.ts";
import { postgres } from "./postgres.ts";
import type { BenchRow } from "./row.ts";
import { statusLists } from "./status-lists.ts";
import { sweep } from "./sweep.ts";
import { trustDomains } from "./trust-domains.ts";
import { verification } from "./verification.ts";
import { x509Tokens } from "./x509-tokens.ts";

/** What is measured beside the comparisons with peers, in this order. */
export const ROWS: readonly BenchRow[] = [
  verification,
  x509Tokens,
  trustDomains,
  credentials,
  statusLists,
  coldStart,
  growth,
  overload,
  postgres,
  sweep,
];
