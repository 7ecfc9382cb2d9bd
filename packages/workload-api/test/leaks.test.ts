import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import {
  createWorkloadApiClient,
  createX509Source,
} from "@accredit/workload-api";
import { startEndpoint } from "./endpoint.ts";

const SCRIPT = fileURLToPath(new URL("exits-by-itself.ts", import.meta.url));

for (const how of ["closed", "idle"] as const) {
  test(`a process whose clients are ${how} ends by itself`, async (t) => {
    const { address } = await startEndpoint(t, {
      fetchJWTSVID: () => ({
        svids: [{ spiffeId: "spiffe://example.org/a", svid: "a.b.c" }],
      }),
      async *fetchJWTBundles(_request, context) {
        yield { bundles: { "spiffe://example.org": Uint8Array.of(1) } };
        await once(context.signal, "abort");
      },
    });
    const child = spawn(
      process.execPath,
      ["--conditions=source", "--no-warnings", SCRIPT, how],
      {
        env: { SPIFFE_ENDPOINT_SOCKET: address },
        stdio: ["ignore", "pipe", "inherit"],
      },
    );
    t.after(() => child.kill());
    const [output, [code]] = await Promise.all([
      text(child.stdout),
      once(child, "exit"),
    ]);
    assert.equal(output, "done\n");
    assert.equal(code, 0);
  });
}

/** What keeps a process alive, of the kinds that a client could leave behind. */
function openHandles(): readonly string[] {
  return process
    .getActiveResourcesInfo()
    .filter((kind) => /Timeout|TCP|Pipe|ConnectWrap/.test(kind))
    .sort();
}

test("what fails, is aborted or closed leaves no handle", async () => {
  const handles = openHandles();
  const client = createWorkloadApiClient({ address: "tcp://127.0.0.1:1" });
  await assert.rejects(client.fetchX509Svid(), { code: "unreachable" });
  await assert.rejects(client.fetchX509Svid({ signal: AbortSignal.abort() }), {
    code: "aborted",
  });
  // This one sleeps on the system's clock when it is closed.
  const source = createX509Source({ client });
  const failed = new Promise<void>((resolve) => {
    const other = createX509Source({
      client,
      onError: () => {
        other.close();
        resolve();
      },
    });
  });
  await failed;
  source.close();
  client.close();
  await new Promise(setImmediate);
  await new Promise(setImmediate);
  assert.deepEqual(openHandles(), handles);
});
