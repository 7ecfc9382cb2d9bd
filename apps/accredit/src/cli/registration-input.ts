import { readFile } from "node:fs/promises";
import { parseStrictJson, type JsonObject } from "@accredit/core/json";
import { CommandError } from "./io.ts";

/**
 * Reads a statement from the file that `--statement-file` names.
 *
 * @throws {CommandError} a usage problem where it cannot be read
 */
export async function readStatementFile(file: string): Promise<string> {
  try {
    return (await readFile(file, "utf8")).trim();
  } catch (cause) {
    throw new CommandError(`--statement-file: cannot read ${file}`, 2, {
      cause,
    });
  }
}

/**
 * Parses `--metadata` as strictly as the server parses a request; nothing given is no metadata.
 *
 * @throws {CommandError} a usage problem where it is not one JSON object
 */
export function parseMetadata(json: string | undefined): JsonObject {
  if (json === undefined) return {};
  try {
    const value = parseStrictJson(Buffer.from(json), {
      maxBytes: 64 * 1024,
      maxDepth: 32,
    });
    if (value !== null && typeof value === "object" && !Array.isArray(value))
      return value as JsonObject;
  } catch (cause) {
    throw new CommandError(
      `--metadata: ${cause instanceof Error ? cause.message : "not JSON"}`,
      2,
      { cause },
    );
  }
  throw new CommandError("--metadata: expected a JSON object", 2);
}
