import { createServer, type IncomingMessage } from "node:http";
import { once } from "node:events";
import { z } from "zod";
import { freeSocketPath, listenPrivately } from "./socket-path.ts";

/**
 * One thing that a running development domain does when told to: takes JSON and gives JSON. An error
 * that it throws is told to the caller, message alone.
 */
export type ControlCommand = (input: unknown) => Promise<unknown>;

/** The commands by name, in lower-case words. */
export type ControlCommands = ReadonlyMap<string, ControlCommand>;

/** A command that runs only on what it takes. */
export function controlCommand<Schema extends z.ZodType>(
  input: Schema,
  run: (input: z.output<Schema>) => Promise<unknown>,
): ControlCommand {
  return async (value) => run(input.parse(value));
}

/** An answer: a status and JSON. */
interface Answer {
  readonly status: number;
  readonly body: unknown;
}

/** How long a command may take to end when the server closes, milliseconds. */
const GRACE_MS = 1000;
const MAX_BODY_BYTES = 1024 * 1024;

/**
 * Serves commands on a Unix socket that its owner alone may open: `POST /<command>` with a JSON body
 * answers 200 with the result, or 4xx with `{ "error": <message> }`.
 */
export async function startControlServer(
  socketPath: string,
  commands: ControlCommands,
): Promise<{ close(): Promise<void> }> {
  const server = createServer((request, response) => {
    void answer(request, commands).then(({ status, body }) => {
      const text = `${JSON.stringify(body)}\n`;
      response.writeHead(status, {
        "Content-Type": "application/json",
        "Content-Length": Buffer.byteLength(text),
      });
      return response.end(text);
    });
  });
  await freeSocketPath(socketPath);
  await listenPrivately(server, socketPath);
  return {
    async close() {
      const closed = once(server, "close");
      server.close(); // Removes the socket's file, too.
      server.closeIdleConnections();
      const timer = setTimeout(() => server.closeAllConnections(), GRACE_MS);
      await closed;
      clearTimeout(timer);
    },
  };
}

async function answer(
  request: IncomingMessage,
  commands: ControlCommands,
): Promise<Answer> {
  try {
    const name = request.url?.slice(1) ?? "";
    const command = commands.get(name);
    if (command === undefined) {
      const known = [...commands.keys()].join(", ");
      return problem(404, `no such command; there are: ${known}`);
    }
    if (request.method !== "POST") return problem(405, "expected POST");
    const text = await readBody(request);
    if (text === undefined)
      return problem(413, `expected at most ${MAX_BODY_BYTES} bytes`);
    return { status: 200, body: (await command(parseJson(text))) ?? null };
  } catch (error) {
    if (error instanceof z.ZodError)
      return problem(400, z.prettifyError(error));
    return problem(409, error instanceof Error ? error.message : "unknown");
  }
}

/** Undefined where it is too long. */
async function readBody(request: IncomingMessage): Promise<string | undefined> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.byteLength;
    // Read to its end all the same: the answer would not arrive otherwise.
    if (bytes <= MAX_BODY_BYTES) chunks.push(chunk);
  }
  return bytes > MAX_BODY_BYTES ? undefined : Buffer.concat(chunks).toString();
}

/** Undefined where it is no JSON, which no command takes. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function problem(status: number, error: string): Answer {
  return { status, body: { error } };
}
