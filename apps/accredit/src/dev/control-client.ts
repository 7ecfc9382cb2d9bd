import { request, type IncomingMessage } from "node:http";
import { realpath } from "node:fs/promises";
import { join } from "node:path";
import { text } from "node:stream/consumers";

/** The control socket's name in the folder of a development domain. */
export const CONTROL_SOCKET = "control.sock";
/** Where the folder of `accredit quickstart` has its trust domain. */
const QUICKSTART_FOLDER = "trust-domain";

/** Errors that say that nobody serves a socket. */
const NOBODY = ["ENOENT", "ECONNREFUSED", "ENOTDIR", "ENOTSOCK"];

/**
 * Has the development domain of a folder run a command; the folder of a quickstart will do, too.
 *
 * @returns the result, parsed JSON
 * @throws {Error} none runs there, or what it says is wrong
 */
export async function callControl(
  dir: string,
  command: string,
  input: object,
): Promise<unknown> {
  for (const folder of [dir, join(dir, QUICKSTART_FOLDER)]) {
    try {
      // Through a link, which a folder too deep for a socket has instead of one.
      const socketPath = await realpath(join(folder, CONTROL_SOCKET));
      return await post(socketPath, command, JSON.stringify(input));
    } catch (error) {
      if (!NOBODY.includes(String(codeOf(error)))) throw error;
    }
  }
  throw new Error(
    `no development trust domain runs in ${dir}: start one with accredit dev --dir ${dir}`,
  );
}

async function post(
  socketPath: string,
  command: string,
  body: string,
): Promise<unknown> {
  const call = request({
    socketPath,
    method: "POST",
    path: `/${command}`,
    agent: false,
    headers: {
      "Content-Type": "application/json",
      "Content-Length": Buffer.byteLength(body),
    },
  });
  const answered = new Promise<IncomingMessage>((resolve, reject) => {
    call.on("response", resolve);
    call.on("error", reject);
  });
  call.end(body);
  const response = await answered;
  const answer = JSON.parse(await text(response)) as unknown;
  if (response.statusCode === 200) return answer;
  throw new Error((answer as { readonly error: string }).error);
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && "code" in error ? error.code : undefined;
}
