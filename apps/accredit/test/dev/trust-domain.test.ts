import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, mkdir, readdir, stat, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import { decodeProtectedHeader } from "jose";
import { openClient, startDomain, temporaryDirectory } from "./harness.ts";

const keyIds = (jwks: Uint8Array | undefined): string[] => {
  const { keys } = JSON.parse(Buffer.from(jwks ?? []).toString()) as {
    keys: { kid: string }[];
  };
  return keys.map(({ kid }) => kid);
};

test("state is the owner's alone", async (t) => {
  const dir = join(await temporaryDirectory(t), "state");
  await mkdir(dir);
  await chmod(dir, 0o755);
  await startDomain(t, { dir });
  assert.equal(((await stat(dir)).mode & 0o777).toString(8), "700");
  const names = await readdir(dir);
  assert.deepEqual(names.sort(), [
    "agent.sock",
    "ca-key.pem",
    "ca.pem",
    "keys.json",
  ]);
  for (const name of names) {
    const { mode } = await stat(join(dir, name));
    assert.equal((mode & 0o777).toString(8), "600", name);
  }
});

test("a restart goes on with the same keys, sequence and TLS authority", async (t) => {
  const dir = join(await temporaryDirectory(t), "state");
  const first = await startDomain(t, { dir });
  const kept = await first.rotate();
  const bundle = first.bundle();
  await first.close();
  const second = await startDomain(t, { dir });
  assert.equal(second.activeKeyId(), kept);
  assert.equal(second.bundle(), bundle);
  assert.equal(second.caPem, first.caPem);
});

test("keys of another trust domain are not taken over", async (t) => {
  const dir = join(await temporaryDirectory(t), "state");
  await (await startDomain(t, { dir })).close();
  await assert.rejects(
    startDomain(t, { dir, trustDomain: "other.example", workloads: [] }),
    /holds the keys of trust domain example.org, not of other.example/,
  );
});

test("[WAPI-07] [WAPI-10] the stream shows every change of the keys, without use", async (t) => {
  const domain = await startDomain(t);
  const client = openClient(t, domain);
  const [first = ""] = domain.keyIds();
  const states = client.watchJwtBundles()[Symbol.asyncIterator]();
  const next = async (): Promise<string[]> => {
    const { value } = await states.next();
    assert.ok(value instanceof Map);
    assert.deepEqual([...value.keys()], ["spiffe://example.org"]);
    const jwks: unknown = value.get("spiffe://example.org");
    assert.ok(jwks instanceof Uint8Array);
    assert.doesNotMatch(Buffer.from(jwks).toString(), /"use"|"d"/);
    return keyIds(jwks);
  };
  assert.deepEqual(await next(), [first]);

  const second = await domain.prepareKey();
  assert.deepEqual(await next(), [first, second]);
  assert.equal(domain.activeKeyId(), first);

  await domain.activateKey(second);
  const [svid] = await client.fetchJwtSvid({ audience: ["a"] });
  assert.equal(decodeProtectedHeader(String(svid?.svid)).kid, second);

  await domain.removeKey(first);
  assert.deepEqual(await next(), [second]);
});

test("the sequence grows with each change of the published keys", async (t) => {
  const domain = await startDomain(t);
  const sequence = (): unknown =>
    (JSON.parse(domain.bundle()) as Record<string, unknown>)["spiffe_sequence"];
  const [first = ""] = domain.keyIds();
  assert.equal(sequence(), 1);
  await Promise.all([domain.rotate(), domain.rotate(), domain.rotate()]);
  assert.equal(sequence(), 4);
  assert.equal(domain.keyIds().length, 4);
  await domain.removeKey(first);
  assert.equal(sequence(), 5);
});

test("the active key and an unknown key cannot be removed, an unknown one not activated", async (t) => {
  const domain = await startDomain(t);
  const before = domain.bundle();
  await assert.rejects(domain.removeKey(domain.activeKeyId()), /active/);
  await assert.rejects(domain.removeKey("nobody"), /no key nobody/);
  await assert.rejects(domain.activateKey("nobody"), /no key nobody/);
  assert.equal(domain.bundle(), before);
});

test("a socket left behind by a killed process is replaced", async (t) => {
  const path = join(await temporaryDirectory(t), "agent.sock");
  const listening = `require("node:net").createServer().listen(${JSON.stringify(path)}, () => console.log("up"))`;
  const child = spawn(process.execPath, ["-e", listening]);
  await once(child.stdout, "data");
  child.kill("SIGKILL");
  await once(child, "exit");
  assert.ok((await stat(path)).isSocket());
  const domain = await startDomain(t, { socketPath: path });
  const svids = await openClient(t, domain).fetchJwtSvid({ audience: ["a"] });
  assert.equal(svids.length, 2);
});

test("a socket that somebody answers on is left alone", async (t) => {
  const path = join(await temporaryDirectory(t), "agent.sock");
  const other = createServer((socket) => socket.destroy()).listen(path);
  await once(other, "listening");
  t.after(() => other.close());
  await assert.rejects(
    startDomain(t, { socketPath: path }),
    /another process already serves/,
  );
  assert.ok((await stat(path)).isSocket());
});

test("a file that is no socket is left alone", async (t) => {
  const path = join(await temporaryDirectory(t), "agent.sock");
  await writeFile(path, "precious");
  await assert.rejects(
    startDomain(t, { socketPath: path }),
    /expected a socket or nothing/,
  );
  assert.ok((await stat(path)).isFile());
});

test("a socket path that no system takes is refused with its length", async (t) => {
  const path = join(await temporaryDirectory(t), "x".repeat(100));
  await assert.rejects(startDomain(t, { socketPath: path }), /at most 103/);
});

test("an address that a URI cannot carry as it is gets encoded", async (t) => {
  const path = join(await temporaryDirectory(t), "a b%?.sock");
  const domain = await startDomain(t, { socketPath: path });
  const svids = await openClient(t, domain).fetchJwtSvid({ audience: ["a"] });
  assert.equal(svids.length, 2);
});

test("a start that fails leaves nothing running", async (t) => {
  const socketPath = join(await temporaryDirectory(t), "agent.sock");
  const taken = createServer().listen(0, "127.0.0.1");
  await once(taken, "listening");
  t.after(() => taken.close());
  const address = taken.address();
  assert.ok(address !== null && typeof address === "object");
  await assert.rejects(
    startDomain(t, {
      socketPath,
      bundleListen: { host: "127.0.0.1", port: address.port },
    }),
    { code: "EADDRINUSE" },
  );
  await assert.rejects(stat(socketPath), { code: "ENOENT" });
});

test("close ends open streams and leaves no handles", async (t) => {
  const handles = (): string[] =>
    process
      .getActiveResourcesInfo()
      .filter((kind) => /Timeout|TCP|Server/.test(kind))
      .sort();
  const before = handles();
  const domain = await startDomain(t);
  const client = openClient(t, domain);
  const states = client.watchJwtBundles()[Symbol.asyncIterator]();
  await states.next();
  await Promise.all([domain.close(), domain.close()]);
  await assert.rejects(states.next(), { code: "unreachable" });
  client.close();
  await new Promise(setImmediate);
  assert.deepEqual(handles(), before);
});
