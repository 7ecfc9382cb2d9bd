import { readFile } from "node:fs/promises";
import { replaceFile } from "../dev/private-files.ts";
import { CommandError } from "./io.ts";

/** What is kept of a registration, for later commands; its owner alone may read it. */
const KEPT = [
  "client_id",
  "registration_client_uri",
  "registration_access_token",
] as const;

/** Writes what later commands need of a registration response. */
export async function writeClientFile(
  file: string,
  client: Record<string, unknown>,
): Promise<void> {
  const kept = Object.fromEntries(
    KEPT.filter((name) => name in client).map((name) => [name, client[name]]),
  );
  await replaceFile(file, `${JSON.stringify(kept, undefined, 2)}\n`);
}

/**
 * The `client_id` in a file that `accredit register --client-file` wrote.
 *
 * @throws {CommandError} a usage problem where there is none
 */
export async function readClientId(file: string): Promise<string> {
  try {
    const { client_id: clientId } = JSON.parse(
      await readFile(file, "utf8"),
    ) as Record<string, unknown>;
    if (typeof clientId === "string") return clientId;
  } catch {
    // Its text may hold a token, so it stays out of the message.
  }
  throw new CommandError(
    `--client-file: expected what accredit register --client-file wrote in ${file}`,
    2,
  );
}
