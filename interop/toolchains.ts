import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { runCommand, type CommandResult } from "./run-commands.ts";

/** Built programs and installed packages; nothing here is kept in the repository. */
const CACHE = join(import.meta.dirname, "../node_modules/.cache/interop");
const GO_MODULE = join(import.meta.dirname, "go");
const PYTHON = join(import.meta.dirname, "python");
/** On the PATH, or where Go's own installer puts it. */
const GO_COMMANDS = ["go", "/usr/local/go/bin/go"];
const PYTHON_COMMANDS = ["python3", "python"];

/** A toolchain that is not there, which is no failure; the message says what is missing. */
export class Skipped extends Error {
  override readonly name = "Skipped";
}

/** The programs of the Go module, built. */
export interface GoPrograms {
  readonly version: string;
  readonly client: string;
  readonly verdicts: string;
}

/**
 * Builds the Go programs with the versions of `go.sum`.
 *
 * @throws {Skipped} without Go, or where its modules cannot be had
 * @throws {Error} where a module is another than `go.sum` says, or the programs do not build
 */
export async function buildGoPrograms(): Promise<GoPrograms> {
  const { command: go, version } = await find(
    GO_COMMANDS,
    ["version"],
    /^go version go1\.(2[4-9]|[3-9]\d)/,
    "Go 1.24 or later",
  );
  // The version that is there, and no other fetched in its place.
  const options = { cwd: GO_MODULE, env: { GOTOOLCHAIN: "local" } };
  const fetched = await runCommand(go, ["mod", "download"], options);
  if (fetched.status !== 0) {
    if (/checksum mismatch|SECURITY ERROR/.test(fetched.stderr))
      throw new Error(`go mod download: ${fetched.stderr}`);
    throw new Skipped(`its modules cannot be had: ${lastLine(fetched)}`);
  }
  await mkdir(CACHE, { recursive: true });
  const built = await runCommand(
    go,
    ["build", "-mod=readonly", "-o", `${CACHE}/`, "./..."],
    options,
  );
  if (built.status !== 0) throw new Error(`go build: ${built.stderr}`);
  return {
    version,
    client: join(CACHE, "client"),
    verdicts: join(CACHE, "verdicts"),
  };
}

/** Python with the packages of `requirements.txt`. */
export interface PythonPrograms {
  readonly version: string;
  readonly command: string;
  readonly client: string;
}

/**
 * Installs the Python packages into an environment of their own.
 *
 * @throws {Skipped} without Python, or where its packages cannot be had
 */
export async function installPythonPackages(): Promise<PythonPrograms> {
  const { command: python, version } = await find(
    PYTHON_COMMANDS,
    ["--version"],
    /^Python 3\.(1[1-9]|[2-9]\d)/,
    "Python 3.11 or later",
  );
  const environment = join(CACHE, "python");
  await mkdir(CACHE, { recursive: true });
  const made = await runCommand(python, ["-m", "venv", environment]);
  if (made.status !== 0)
    throw new Skipped(`no virtual environment: ${lastLine(made)}`);
  const command = join(environment, "bin/python");
  // Only what is built already: nothing is run to install it.
  const requirements = join(PYTHON, "requirements.txt");
  const pip = "-m pip install --quiet --no-deps --only-binary :all: -r";
  const installed = await runCommand(command, [
    ...pip.split(" "),
    requirements,
  ]);
  if (installed.status !== 0)
    throw new Skipped(`its packages cannot be had: ${lastLine(installed)}`);
  return { version, command, client: join(PYTHON, "client.py") };
}

/** The first of the commands that is there and says that it is recent enough. */
async function find(
  commands: readonly string[],
  args: readonly string[],
  recent: RegExp,
  wanted: string,
): Promise<{ readonly command: string; readonly version: string }> {
  const came: string[] = [];
  for (const command of commands) {
    // Beside no module, whose file could name another version.
    const { status, stdout } = await runCommand(command, args, { cwd: "/" });
    const version = stdout.trim();
    if (status === 0 && recent.test(version)) return { command, version };
    if (status === 0) came.push(version);
  }
  throw new Skipped(
    `expected ${wanted}, got ${came.length === 0 ? "none" : came.join(", ")}`,
  );
}

function lastLine({ stderr }: CommandResult): string {
  return stderr.trim().split("\n").at(-1) ?? "";
}
