/**
 * The floor: the least that a registration with a signed statement can be, on Node and SQLite. It reads
 * the body, parses it, verifies one ES256 signature with a key that is already imported, inserts one row
 * and answers 201 once the row is on disk. There is nothing else: no check of the header, of the time or
 * of the audience, no metadata rules, no policy, no audit row, no log, no limits. It is no usable server;
 * it says how fast a usable one could be at most.
 *
 * Choices made for its speed: `verify` of `node:crypto` on the thread pool, which on two cores does more
 * per second than the same call on the main thread; one row per registration, in a table without a second
 * index; all requests that arrive while a commit is under way share the next commit.
 */
import { createPublicKey, verify, type JsonWebKey } from "node:crypto";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { DatabaseSync } from "node:sqlite";

const [databasePath = "", keyText = ""] = process.argv.slice(2);
const jwk = JSON.parse(keyText) as JsonWebKey;
const key = {
  key: createPublicKey({ key: jwk, format: "jwk" }),
  dsaEncoding: "ieee-p1363",
} as const;

const db = new DatabaseSync(databasePath);
db.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL");
db.exec(
  "CREATE TABLE clients (client_id TEXT PRIMARY KEY, metadata TEXT NOT NULL) WITHOUT ROWID",
);
const begin = db.prepare("BEGIN");
const commit = db.prepare("COMMIT");
const insert = db.prepare("INSERT INTO clients VALUES (?, ?)");

interface Waiting {
  readonly clientId: string;
  readonly metadata: string;
  readonly response: ServerResponse;
}
let waiting: Waiting[] = [];

/** One commit for all that this turn of the event loop brought. */
function flush(): void {
  const batch = waiting;
  waiting = [];
  begin.run();
  for (const { clientId, metadata } of batch) insert.run(clientId, metadata);
  commit.run();
  for (const { clientId, response } of batch) {
    const body = JSON.stringify({ client_id: clientId });
    response
      .writeHead(201, {
        "Content-Type": "application/json",
        "Content-Length": Buffer.byteLength(body),
      })
      .end(body);
  }
}

function register(body: Buffer, response: ServerResponse): void {
  const { software_statement: statement } = JSON.parse(body.toString()) as {
    software_statement: string;
  };
  const end = statement.lastIndexOf(".");
  const signature = Buffer.from(statement.slice(end + 1), "base64url");
  const signed = Buffer.from(statement.slice(0, end));
  verify("sha256", signed, key, signature, (error, valid) => {
    if (error !== null || !valid) {
      response.writeHead(400).end();
      return;
    }
    const payload = statement.slice(statement.indexOf(".") + 1, end);
    const metadata = Buffer.from(payload, "base64url").toString();
    const { sub: clientId } = JSON.parse(metadata) as { sub: string };
    const length = waiting.push({ clientId, metadata, response });
    if (length === 1) setImmediate(flush);
  });
}

const server = createServer((request, response) => {
  const chunks: Buffer[] = [];
  request
    .on("data", (chunk: Buffer) => chunks.push(chunk))
    .on("end", () => register(Buffer.concat(chunks), response));
});
server.listen(0, "127.0.0.1", () => {
  const { port } = server.address() as AddressInfo;
  process.send?.({ kind: "listening", port });
});
process.once("SIGTERM", () => process.exit(0));
