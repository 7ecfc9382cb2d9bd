import assert from "node:assert/strict";
import type { TestContext } from "node:test";
import { DcrError } from "@accredit/core/errors";
import type { DcrErrorCode } from "@accredit/core/errors";
import { openSqliteStore } from "@accredit/store";
import type { AccreditStore, SqliteStoreOptions } from "@accredit/store";
import { FIXED_CLOCK } from "./directory.ts";

/** Opens a store that is closed when the test ends, whatever becomes of it. */
export async function openStore(
  context: TestContext,
  options: Partial<SqliteStoreOptions> & Pick<SqliteStoreOptions, "path">,
): Promise<AccreditStore> {
  const store = await openSqliteStore({ clock: FIXED_CLOCK, ...options });
  context.after(() => store.close());
  return store;
}

/** Asserts that this is our error with this code. */
export function assertCode(error: unknown, code: DcrErrorCode): void {
  assert.ok(error instanceof DcrError, String(error));
  assert.equal(error.code, code);
}
