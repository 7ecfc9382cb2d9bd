import { spawn } from "node:child_process";
import { text } from "node:stream/consumers";

/** What a command came to. */
export interface CommandResult {
  /** Undefined where it could not be started. */
  readonly status: number | null | undefined;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CommandOptions {
  readonly cwd?: string;
  /** Written to its standard input. */
  readonly input?: string;
  /** Milliseconds until it is killed. */
  readonly timeout?: number;
  readonly env?: Readonly<Record<string, string>>;
}

const TIMEOUT_MS = 300_000;

/** Runs a command while this process goes on serving, and never throws. */
export async function runCommand(
  command: string,
  args: readonly string[],
  { cwd, input = "", timeout = TIMEOUT_MS, env = {} }: CommandOptions = {},
): Promise<CommandResult> {
  const child = spawn(command, args, {
    cwd,
    timeout,
    env: { ...process.env, ...env },
    stdio: "pipe",
  });
  // A child that ends early closes the pipe; its exit code says why.
  child.stdin.on("error", () => {});
  child.stdin.end(input);
  const ended = new Promise<number | null | undefined>((resolve) => {
    child.on("error", () => resolve(undefined));
    child.on("close", resolve);
  });
  const [stdout, stderr, status] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    ended,
  ]);
  return { status, stdout, stderr };
}
