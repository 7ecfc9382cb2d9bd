import { startAccredit } from "./accredit.ts";
import { runCommand } from "./run-commands.ts";

/**
 * Lets a program that knows only the specifications fetch its SVIDs, register and get tokens.
 *
 * @returns its steps, all of which held
 * @throws {Error} with what it says of the first step that did not
 */
export async function runClient(
  command: string,
  args: readonly string[] = [],
): Promise<readonly string[]> {
  const accredit = await startAccredit();
  try {
    const { status, stdout, stderr } = await runCommand(command, [
      ...args,
      accredit.setupFile,
    ]);
    const steps = stdout.split("\n").filter((line) => line !== "");
    if (status !== 0)
      throw new Error(
        `${stderr.trim() || `exit code ${status}`} (after ${steps.length} steps)`,
      );
    if (steps.length === 0) throw new Error("expected steps, got none");
    return steps;
  } finally {
    await accredit.close();
  }
}
