import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

const BIN = fileURLToPath(new URL("../../bin/accredit.js", import.meta.url));
const NODE_OPTIONS = [
  "--conditions=source",
  "--disable-warning=ExperimentalWarning",
];

/** What a command came to. */
export interface Finished {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A command that is running. */
export interface Running {
  readonly process: ChildProcess;
  stdout(): string;
  /** Resolves when the standard output holds the text; rejects when the command ends before. */
  says(text: string): Promise<void>;
  finished(): Promise<Finished>;
}

/** Starts the command line in a process of its own. */
export function startCli(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Running {
  const child = spawn(process.execPath, [...NODE_OPTIONS, BIN, ...args], {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, ...env },
  });
  let stdout = "";
  let stderr = "";
  child.stdout
    .setEncoding("utf8")
    .on("data", (text: string) => (stdout += text));
  child.stderr
    .setEncoding("utf8")
    .on("data", (text: string) => (stderr += text));
  const closed = once(child, "close");
  return {
    process: child,
    stdout: () => stdout,
    says: (text) =>
      new Promise((resolve, reject) => {
        const look = (): void => {
          if (stdout.includes(text)) resolve();
        };
        child.stdout.on("data", look);
        void closed.then(() =>
          reject(new Error(`ended before it said ${text}: ${stdout}${stderr}`)),
        );
        look();
      }),
    finished: async () => {
      await closed;
      return { code: child.exitCode, stdout, stderr };
    },
  };
}

/** Runs a command to its end; `meddle` may do something to the process as soon as it is there. */
export function runCli(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
  meddle: (child: ChildProcess) => void = () => {},
): Promise<Finished> {
  const running = startCli(args, env);
  meddle(running.process);
  return running.finished();
}
