import { readFile } from "node:fs/promises";
import type { Command } from "commander";
import { CommandError, type Io } from "./io.ts";

/** The options of every command that speaks to the admin API. */
export interface AdminOptions {
  readonly admin: string;
  readonly tokenFile?: string;
  readonly json?: boolean;
}

/** Where `accredit serve` has its admin listener by default. */
export const DEFAULT_ADMIN = "http://127.0.0.1:8701";
/** The environment variable that names the token file. */
const TOKEN_FILE_VARIABLE = "ACCREDIT_ADMIN_TOKEN_FILE";
const DEADLINE_MS = 30_000;

/** Adds the options that {@link AdminOptions} holds. */
export function withAdminOptions(command: Command): Command {
  return command
    .option("--admin <url>", "the server's admin listener", DEFAULT_ADMIN)
    .option(
      "--token-file <file>",
      `file with the admin bearer token (or ${TOKEN_FILE_VARIABLE})`,
    )
    .option("--json", "print JSON");
}

/** Calls the admin API, below `/api/v1`. */
export type CallAdmin = (
  method: "GET" | "PUT" | "POST" | "DELETE",
  path: string,
  body?: unknown,
) => Promise<Record<string, unknown>>;

/**
 * Makes the caller of a server's admin API.
 *
 * @throws {CommandError} without a token file that can be read, and from each call that is refused
 */
export async function adminClient(
  options: AdminOptions,
  io: Io,
): Promise<CallAdmin> {
  const tokenFile = options.tokenFile ?? io.env[TOKEN_FILE_VARIABLE];
  if (tokenFile === undefined || tokenFile === "") {
    throw new CommandError(
      `expected --token-file (or ${TOKEN_FILE_VARIABLE}): the file that admin.token_file of the server's configuration names`,
      2,
    );
  }
  const token = await readToken(tokenFile);
  const base = URL.parse(options.admin);
  if (base === null || !/^https?:$/.test(base.protocol))
    throw new CommandError("--admin: expected an http or https URL", 2);
  const root = `${base.origin}${base.pathname.replace(/\/$/, "")}/api/v1`;

  return async (method, path, body) => {
    let response: Response;
    try {
      response = await fetch(root + path, {
        method,
        redirect: "error",
        signal: AbortSignal.any([io.signal, AbortSignal.timeout(DEADLINE_MS)]),
        headers: {
          Authorization: `Bearer ${token}`,
          ...(body === undefined ? {} : { "Content-Type": "application/json" }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
    } catch (cause) {
      const isLate =
        cause instanceof DOMException && cause.name === "TimeoutError";
      throw new CommandError(
        isLate
          ? `expected an answer of the admin listener at ${base.origin} within ${DEADLINE_MS / 1000} s, got none`
          : `the admin listener at ${base.origin} cannot be reached`,
        1,
        { cause },
      );
    }
    return readAnswer(response, base.origin);
  };
}

async function readToken(file: string): Promise<string> {
  try {
    return (await readFile(file, "utf8")).trim();
  } catch (cause) {
    throw new CommandError(`the token file ${file} cannot be read`, 2, {
      cause,
    });
  }
}

async function readAnswer(
  response: Response,
  origin: string,
): Promise<Record<string, unknown>> {
  const text = await response.text();
  let body: unknown;
  try {
    body = text === "" ? {} : JSON.parse(text);
  } catch {
    body = undefined;
  }
  if (body === null || typeof body !== "object")
    throw new CommandError(
      `${origin} answered ${response.status} without JSON: is it an admin listener?`,
    );
  const answer = body as Record<string, unknown>;
  if (response.ok) return answer;
  const { error, error_description: description } = answer;
  const said = [error, description].filter((each) => typeof each === "string");
  throw new CommandError(
    `refused (${response.status}): ${said.join(": ") || "no reason given"}`,
  );
}

/** A path segment of any text. */
export function segment(text: string): string {
  return encodeURIComponent(text);
}

/** Epoch seconds as people read them; a dash for null. */
export function showTime(seconds: unknown): string {
  return typeof seconds === "number"
    ? new Date(seconds * 1000).toISOString().replace(".000Z", "Z")
    : "-";
}

/** A value as a table cell. */
export function show(value: unknown): string {
  if (value === null || value === undefined || value === "") return "-";
  return typeof value === "string" ? value : JSON.stringify(value);
}

/** Rows as lines, columns padded to their widest. */
export function table(
  head: readonly string[],
  rows: readonly (readonly string[])[],
): readonly string[] {
  const widths = head.map((title, column) =>
    Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0)),
  );
  return [head, ...rows].map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join("  ")
      .trimEnd(),
  );
}
