import { Pool, types, type PoolClient, type PoolConfig } from "pg";
import type { Row } from "../lib/records.ts";
import { readRow, storedText } from "./text.ts";

/** A parameter of a statement; an array is one parameter, for `unnest` and `ANY`. */
export type Parameter =
  string | number | null | readonly (string | number | null)[];

/** Something that runs statements. */
export interface Session {
  query(
    sql: string,
    parameters?: readonly Parameter[],
  ): Promise<readonly Row[]>;
}

/** Where the database is, and how long anything about it may take. */
export interface ConnectionOptions {
  /** `postgres://user@host:5432/database`, with the parameters of libpq for TLS. */
  readonly url: string;
  readonly password?: string | undefined;
  /** How long to wait for a connection, and for one answer. Milliseconds. */
  readonly timeoutMs: number;
}

/** Connections that are made when they are needed and made again when they break. */
export interface Connections extends Session {
  /**
   * Runs statements on one connection. One that threw is not used again: what state it is in is not known.
   */
  use<T>(run: (session: Session) => Promise<T>): Promise<T>;
  close(): Promise<void>;
}

/** PostgreSQL's 64-bit integers, which are all counts and times here. */
const INT8 = 20;

/** Opens nothing yet. */
export function makeConnections(
  { url, password, timeoutMs }: ConnectionOptions,
  max: number,
): Connections {
  const config: PoolConfig = {
    connectionString: withPassword(url, password),
    max,
    connectionTimeoutMillis: timeoutMs,
    // The server gives up first, so that it and we agree on what was done.
    statement_timeout: timeoutMs,
    lock_timeout: timeoutMs,
    query_timeout: timeoutMs + 1000,
    // What this process leaves open when it is stopped half-way must not stop the others.
    idle_in_transaction_session_timeout: timeoutMs,
    keepAlive: true,
    application_name: "accredit",
    types: {
      getTypeParser: (oid: number, format?: "text" | "binary") =>
        oid === INT8 && format !== "binary"
          ? Number
          : (types.getTypeParser(oid, format) as unknown),
    },
  };
  const pool = new Pool(config);
  // A connection that breaks while nobody uses it is the pool's to replace, and no reason to end.
  pool.on("error", () => {});
  pool.on("connect", (client) => client.on("error", () => {}));

  return {
    query: (sql, parameters) => query(pool, sql, parameters),
    async use(run) {
      const client = await pool.connect();
      let broken = true;
      try {
        const result = await run({
          query: (sql, parameters) => query(client, sql, parameters),
        });
        broken = false;
        return result;
      } finally {
        client.release(broken);
      }
    },
    close: () => pool.end(),
  };
}

/** The driver prefers what the URL says, which is nothing, to a password beside it. */
function withPassword(url: string, password: string | undefined): string {
  if (password === undefined) return url;
  const full = new URL(url);
  full.password = encodeURIComponent(password);
  return full.href;
}

async function query(
  on: Pool | PoolClient,
  sql: string,
  parameters: readonly Parameter[] = [],
): Promise<readonly Row[]> {
  const { rows } = await on.query<Record<string, unknown>>(
    sql,
    parameters.map(stored),
  );
  return rows.map(readRow);
}

function stored(parameter: Parameter): unknown {
  if (typeof parameter === "string") return storedText(parameter);
  return Array.isArray(parameter)
    ? parameter.map((each: string | number | null) => stored(each))
    : parameter;
}
