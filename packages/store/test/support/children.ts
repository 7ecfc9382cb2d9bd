import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

const FLAGS = ["--conditions=source", "--disable-warning=ExperimentalWarning"];

/** A child process running one of the fixtures. */
export interface FixtureProcess {
  readonly child: ChildProcess;
  /** Everything it wrote to standard output so far. */
  output(): string;
  /** Resolves when it has ended and its output is complete. */
  readonly ended: Promise<{ code: number | null; signal: string | null }>;
}

/** Where a fixture script lies. */
export function fixturePath(name: string): string {
  return fileURLToPath(new URL(`../fixtures/${name}`, import.meta.url));
}

/** Starts a fixture in a process group of its own. */
export function startFixture(
  name: string,
  args: readonly string[],
  options: {
    readonly shellPrefix?: string;
    readonly env?: Readonly<Record<string, string>>;
  } = {},
): FixtureProcess {
  const command = [process.execPath, ...FLAGS, fixturePath(name), ...args];
  const [file = "", ...rest] =
    options.shellPrefix === undefined
      ? command
      : ["sh", "-c", `${options.shellPrefix}; exec "$@"`, "sh", ...command];
  const child = spawn(file, rest, {
    detached: true,
    stdio: ["pipe", "pipe", "inherit"],
    env: { ...process.env, ...options.env },
  });
  let text = "";
  child.stdout?.setEncoding("utf8").on("data", (chunk: string) => {
    text += chunk;
  });
  const ended = once(child, "close").then(
    ([code, signal]: unknown[]) =>
      ({ code, signal }) as { code: number | null; signal: string | null },
  );
  return { child, output: () => text, ended };
}

/** Resolves when the fixture has written something. */
export async function firstOutput(fixture: FixtureProcess): Promise<void> {
  const { stdout } = fixture.child;
  if (fixture.output() !== "" || stdout === null) return;
  await Promise.race([once(stdout, "data"), fixture.ended]);
}
