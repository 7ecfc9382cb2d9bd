import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { freePort, mountSmallDisk, NO_SMALL_DISK } from "@accredit/testkit";
import { makePlace, type Place } from "./place.ts";
import { startAccredit, startScript } from "./server-process.ts";

/** A disk that takes the reserve and some thousand registrations, and what somebody else has on it, in bytes. */
const DISK_BYTES = 24 * 1024 * 1024;
const DISK_FILLER_BYTES = 11 * 1024 * 1024;
/** What somebody else has in a database that may not grow, in bytes. */
const FILLER_BYTES = 500_000;
const ADMIN_TOKEN = "a".repeat(43);

/** A server whose database soon has no room. */
export interface SmallServer {
  readonly place: Place;
  /** What is full. */
  readonly what: "disk" | "database";
  /** Suspends a client; the status of the answer. Undefined where there is nobody to ask. */
  suspend(clientId: string): Promise<number | undefined>;
  makeRoom(): void;
  end(): Promise<unknown>;
  remove(): void;
}

/** `accredit serve` with its database on a file system of its own; undefined where none may be mounted. */
export async function onSmallDisk(
  directory: string,
): Promise<SmallServer | undefined> {
  const disk = mountSmallDisk(DISK_BYTES);
  if (disk === undefined) {
    process.stderr.write(`full disk: not on a real one: ${NO_SMALL_DISK}\n`);
    return undefined;
  }
  const databaseFile = join(disk.directory, "accredit.db");
  const filler = join(disk.directory, "filler");
  writeFileSync(filler, Buffer.alloc(DISK_FILLER_BYTES, 1));
  const port = await freePort();
  const made = await makePlace(join(directory, "full-disk"), {
    store: { url: `sqlite:${databaseFile}` },
    more: { admin: { host: "127.0.0.1", port, token_file: "./admin-token" } },
  });
  const tokenFile = join(made.directory, "admin-token");
  writeFileSync(tokenFile, ADMIN_TOKEN, { mode: 0o600 });
  const server = await startAccredit(made.directory, made.issuer);
  return {
    place: { ...made, databaseFile },
    what: "disk",
    suspend: async (clientId) => {
      const url = `http://127.0.0.1:${port}/api/v1/suspensions/client/${encodeURIComponent(clientId)}`;
      const headers = { Authorization: `Bearer ${ADMIN_TOKEN}` };
      const response = await fetch(url, { method: "PUT", headers });
      await response.text();
      return response.status;
    },
    makeRoom: () => rmSync(filler),
    end: () => server.end("SIGTERM"),
    remove: () => disk.remove(),
  };
}

/** The server on a database that may not grow. */
export async function withSmallDatabase(
  directory: string,
): Promise<SmallServer> {
  const place = await makePlace(join(directory, "full-disk"));
  const server = await startScript(
    "odd-server.ts",
    ["small", place.issuer],
    place.directory,
    place.issuer,
  );
  const other = new DatabaseSync(place.databaseFile, { timeout: 5000 });
  other.exec(
    `INSERT INTO write_probe (id, filler) VALUES (7, zeroblob(${FILLER_BYTES}))`,
  );
  return {
    place,
    what: "database",
    suspend: async () => undefined,
    makeRoom() {
      other.exec("DELETE FROM write_probe");
      other.close();
    },
    end: () => server.end("SIGTERM"),
    remove: () => undefined,
  };
}
