import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { FakeWorkloadApi } from "./fake-workload-api.ts";
import { ID, x509Svid } from "./svids.ts";

const read = (path: string): Promise<string> =>
  readFile(new URL(path, import.meta.url), "utf8");

for (const file of ["readme-example.ts", "readme-calls.ts"]) {
  test(`the README shows ${file}, which compiles`, async () => {
    const readme = await read("../README.md");
    const code = await read(file);
    assert.ok(readme.includes(`\`\`\`ts\n${code}\`\`\``), file);
  });
}

test("the README names every error code, and no other", async () => {
  const readme = await read("../README.md");
  const source = await read("../src/error.ts");
  const codes = [...source.matchAll(/^ {2}\| "(\w+)"/gm)].map(
    ([, code]) => code,
  );
  const named = [...readme.matchAll(/^\| `([a-z_]+)` +\|/gm)].map(
    ([, code]) => code,
  );
  assert.deepEqual(named, codes);
});

test("the README's example runs, sees a rotation and ends when told to", async (t) => {
  const api = await FakeWorkloadApi.start(t, "fetchX509SVID");
  const example = fileURLToPath(new URL("readme-example.ts", import.meta.url));
  const child = spawn(
    process.execPath,
    ["--conditions=source", "--no-warnings", example],
    {
      env: { SPIFFE_ENDPOINT_SOCKET: api.address },
      stdio: ["ignore", "pipe", "inherit"],
    },
  );
  t.after(() => child.kill("SIGKILL"));
  const exited = once(child, "exit");
  const output = child.stdout.setEncoding("utf8")[Symbol.asyncIterator]();
  const stream = await api.opened();
  stream.send({ svids: [await x509Svid()] });
  assert.deepEqual(await output.next(), { done: false, value: `${ID}\n` });
  stream.send({});
  assert.deepEqual(await output.next(), {
    done: false,
    value: "no identity any more\n",
  });
  child.kill("SIGTERM");
  assert.deepEqual(await exited, [0, null]);
});
