import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, mkdir, readdir, stat, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import { decodeProtectedHeader } from "jose";
import { AUTHORITY_KINDS } from "../../src/dev/authority-state.ts";
import { rotate } from "../../src/dev/rotation.ts";
import { makeSigningKey } from "../../src/dev/signing-key.ts";
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
    "bundle.json",
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
  await rotate(first.authorities);
  const kept = first.authorities.active("jwt").id;
  const bundle = first.bundle();
  await first.close();
  const second = await startDomain(t, { dir });
  assert.equal(second.authorities.active("jwt").id, kept);
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
  const { authorities } = domain;
  const first = authorities.active("jwt").id;
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

  await authorities.prepare("wit"); // Shows in other streams alone.
  const second = await authorities.prepare("jwt");
  assert.deepEqual(await next(), [first, second]);
  assert.equal(authorities.active("jwt").id, first);

  await authorities.activate("jwt", second);
  const [svid] = await client.fetchJwtSvid({ audience: ["a"] });
  assert.equal(decodeProtectedHeader(String(svid?.svid)).kid, second);

  await authorities.remove("jwt", first);
  assert.deepEqual(await next(), [second]);
});

test("the sequence grows with each change of what is published", async (t) => {
  const { authorities, ...domain } = await startDomain(t);
  const sequence = (): unknown =>
    (JSON.parse(domain.bundle()) as Record<string, unknown>)["spiffe_sequence"];
  const first = authorities.active("x509").id;
  assert.equal(sequence(), 1);
  await Promise.all([
    authorities.prepare("jwt"),
    authorities.prepare("x509"),
    authorities.prepare("wit"),
  ]);
  assert.equal(sequence(), 4);
  const [, second] = authorities.published("x509");
  await authorities.activate("x509", String(second?.id));
  assert.equal(sequence(), 4);
  await authorities.remove("x509", first);
  assert.equal(sequence(), 5);
});

for (const kind of AUTHORITY_KINDS) {
  test(`the active ${kind} authority and an unknown one cannot be removed, an unknown one not activated`, async (t) => {
    const { authorities, ...domain } = await startDomain(t);
    const before = domain.bundle();
    const active = authorities.active(kind).id;
    await assert.rejects(authorities.remove(kind, active), /active/);
    await assert.rejects(authorities.remove(kind, "nobody"), /no key nobody/);
    await assert.rejects(authorities.activate(kind, "nobody"), /no key nobody/);
    assert.equal(domain.bundle(), before);
  });
}

test("keys kept before there were other authorities go on, with new ones beside them", async (t) => {
  const dir = join(await temporaryDirectory(t), "state");
  await mkdir(dir);
  const { id, jwk } = await makeSigningKey();
  const file = join(dir, "keys.json");
  const old = { trustDomain: "example.org", sequence: 7, activeKeyId: id };
  await writeFile(file, JSON.stringify({ ...old, keys: [jwk] }));
  const first = await startDomain(t, { dir });
  assert.equal(first.authorities.active("jwt").id, id);
  assert.equal(first.authorities.sequence(), 8);
  const bundle = first.bundle();
  await first.close();
  assert.equal((await startDomain(t, { dir })).bundle(), bundle);
});

test("a keys file that is none is told", async (t) => {
  const dir = join(await temporaryDirectory(t), "state");
  await mkdir(dir);
  await writeFile(join(dir, "keys.json"), "precious");
  await assert.rejects(startDomain(t, { dir }), /keys\.json: expected/);
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

for (const listen of ["bundleListen", "spiffeBundleListen"]) {
  test(`a start that fails for ${listen} leaves nothing running`, async (t) => {
    const socketPath = join(await temporaryDirectory(t), "agent.sock");
    const taken = createServer().listen(0, "127.0.0.1");
    await once(taken, "listening");
    t.after(() => taken.close());
    const address = taken.address();
    assert.ok(address !== null && typeof address === "object");
    await assert.rejects(
      startDomain(t, {
        socketPath,
        [listen]: { host: "127.0.0.1", port: address.port },
      }),
      { code: "EADDRINUSE" },
    );
    await assert.rejects(stat(socketPath), { code: "ENOENT" });
  });
}

test("close ends open streams and leaves no handles", async (t) => {
  const handles = (): string[] =>
    process
      .getActiveResourcesInfo()
      .filter((kind) => /Timeout|TCP|Server/.test(kind))
      .sort();
  const before = handles();
  const domain = await startDomain(t);
  const client = openClient(t, domain);
  const streams = [
    client.watchJwtBundles()[Symbol.asyncIterator](),
    client.watchX509Svids()[Symbol.asyncIterator](),
    client.watchX509Bundles()[Symbol.asyncIterator](),
    client.watchWitSvids()[Symbol.asyncIterator](),
    client.watchWitBundles()[Symbol.asyncIterator](),
  ];
  for (const stream of streams) await stream.next();
  const ended = streams.map((stream) =>
    assert.rejects(async () => stream.next(), { code: "unreachable" }),
  );
  await Promise.all([domain.close(), domain.close(), ...ended]);
  client.close();
  await new Promise(setImmediate);
  assert.deepEqual(handles(), before);
});
