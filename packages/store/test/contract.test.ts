import { after } from "node:test";
import { PostgresServer, storeContract } from "@accredit/testkit";
import { openPostgresStore, openSqliteStore } from "@accredit/store";
import { FIXED_CLOCK, makeDirectory } from "./support/directory.ts";

storeContract("sqlite", () =>
  openSqliteStore({ path: `${makeDirectory()}/a.db`, clock: FIXED_CLOCK }),
);

const server = await PostgresServer.start();
after(() => server.close());

storeContract("postgres", async () =>
  openPostgresStore({
    url: await server.createDatabase(),
    password: server.password,
    clock: FIXED_CLOCK,
  }),
);
