import type { RegisteredClient } from "@accredit/core/registration";

/** A client and what registration compares its keys by. */
export interface HeldClient {
  client: RegisteredClient;
  readonly keyThumbprints: string | null;
  /** Epoch seconds; when a sweep ended its lease. */
  endedAt: number | undefined;
  /** Whether the audit trail says that its credential was withdrawn. */
  isWithdrawn: boolean;
  readonly row: number;
}

/** Whether no sweep has ended its lease. */
export function isLive({ endedAt }: HeldClient): boolean {
  return endedAt === undefined;
}

/** The URLs of the status lists that it depends on. */
export function statusListsOf({ client }: HeldClient): readonly string[] {
  if (client.kind !== "vc") return [];
  return client.credential.status.flatMap((entry) =>
    entry.kind === "unknown" ? [] : [entry.listUrl],
  );
}
