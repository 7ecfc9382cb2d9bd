import { DcrError } from "@accredit/core/errors";
import type { AuditReader } from "./audit-reader.ts";
import type { Reader } from "./reader.ts";

type Read = Omit<Reader, "close" | "probe" | keyof AuditReader> & AuditReader;

/** What a store reads; a database on this machine answers at once, one on a network later. */
export type StoreReader = {
  readonly [Name in keyof Read]: (
    ...input: Parameters<Read[Name]>
  ) => ReturnType<Read[Name]> | Promise<ReturnType<Read[Name]>>;
};

/**
 * Runs a read and gives its failures the store's own error.
 *
 * @throws {DcrError} `store_unavailable`
 */
export async function read<T>(action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (cause) {
    throw new DcrError("store_unavailable", "The store cannot be read.", {
      cause,
    });
  }
}
