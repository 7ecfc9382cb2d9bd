import { storeContract } from "@accredit/testkit";
import { openSqliteStore } from "@accredit/store";
import { FIXED_CLOCK, makeDirectory } from "./support/directory.ts";

storeContract("sqlite", () =>
  openSqliteStore({ path: `${makeDirectory()}/a.db`, clock: FIXED_CLOCK }),
);
