import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { openSync, closeSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";

const ACCREDIT = fileURLToPath(
  new URL("../apps/accredit/bin/accredit.js", import.meta.url),
);
const NODE_OPTIONS = [
  "--conditions=source",
  "--disable-warning=ExperimentalWarning",
];
const START_MS = 60_000;

/** A server in a process of its own. */
export interface ServerProcess {
  /** Sends a signal and waits for the end; the exit code, null where the signal ended it. */
  end(signal: "SIGKILL" | "SIGTERM"): Promise<number | null>;
  /** Sends a signal that does not end it. */
  signal(signal: NodeJS.Signals): void;
}

/** What the process has beside its arguments. */
export interface ProcessOptions {
  /** A script of this directory that is loaded before the server. */
  readonly preload?: string;
  readonly env?: Readonly<Record<string, string>>;
}

const running = new Set<ChildProcess>();

/** Kills what a failed scenario left behind. */
export function killLeftovers(): void {
  for (const child of running) child.kill("SIGKILL");
}

/** `accredit serve` as anybody would start it. Resolves once it answers under `issuer`. */
export function startAccredit(
  directory: string,
  issuer: string,
  { preload, env }: ProcessOptions = {},
): Promise<ServerProcess> {
  const config = join(directory, "accredit.yaml");
  const imports =
    preload === undefined
      ? []
      : ["--import", new URL(preload, import.meta.url).href];
  return start(
    [...imports, ACCREDIT, "serve", "--config", config],
    directory,
    issuer,
    env,
  );
}

/** A script of this directory that serves under `issuer`. */
export function startScript(
  name: string,
  args: readonly string[],
  directory: string,
  issuer: string,
): Promise<ServerProcess> {
  const path = fileURLToPath(new URL(name, import.meta.url));
  return start([path, ...args], directory, issuer);
}

async function start(
  args: readonly string[],
  directory: string,
  issuer: string,
  env: Readonly<Record<string, string>> = {},
): Promise<ServerProcess> {
  const log = openSync(join(directory, "server.log"), "a");
  const child = spawn(process.execPath, [...NODE_OPTIONS, ...args], {
    cwd: directory,
    env: { ...process.env, ...env },
    stdio: ["ignore", log, log],
  });
  closeSync(log);
  running.add(child);
  const exited = once(child, "exit").then(() => running.delete(child));
  const deadline = performance.now() + START_MS;
  while (!(await answers(issuer))) {
    if (child.exitCode !== null || performance.now() > deadline)
      throw new Error(`the server did not start; see ${directory}/server.log`);
    await sleep(50);
  }
  return {
    end: async (signal) => {
      child.kill(signal);
      await exited;
      return child.exitCode;
    },
    signal: (signal) => void child.kill(signal),
  };
}

async function answers(issuer: string): Promise<boolean> {
  const url = `${issuer}/.well-known/oauth-authorization-server`;
  return fetch(url).then(
    async (response) => (await response.text()) !== "" && response.ok,
    () => false,
  );
}
