import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { readdirSync } from "node:fs";
import { readdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { FakeAuthority, FakeClock } from "@accredit/testkit";
import { createTrustKeeper } from "@accredit/trust";
import { bundleCache } from "../src/lib/bundle-cache.ts";
import {
  collectLog,
  EXAMPLE,
  fetchTrusting,
  makeDirectory,
  startEndpoint,
  until,
  webDomain,
} from "./support/harness.ts";

/** A keeper that keeps its bundles in a directory; each is a process of its own to the others. */
async function startKeeper(
  t: TestContext,
  url: string,
  cacheDirectory: string,
  clock = new FakeClock(),
) {
  const { log, lines } = collectLog();
  const keeper = createTrustKeeper({
    domains: [webDomain(url, { maxStaleSeconds: 3600 })],
    clock,
    log,
    fetch: fetchTrusting,
    cacheDirectory,
  });
  t.after(() => keeper.close());
  await keeper.start();
  const bundle = () => keeper.spiffe(EXAMPLE)?.bundle;
  return { keeper, lines, clock, kids: () => bundle()?.jwtAuthorities.size };
}

test("[Q20] a start while the endpoint is down goes on with the bundle of before, as old as it is", async (t) => {
  const directory = join(await makeDirectory(t), "bundles");
  const endpoint = await startEndpoint(t);
  const spire = await FakeAuthority.create();
  endpoint.serve(spire.bundleDocument());
  const first = await startKeeper(t, endpoint.url, directory);
  assert.equal(first.kids(), 1);
  await first.keeper.close();
  const [file = ""] = await readdir(directory);
  assert.equal((await stat(join(directory, file))).mode & 0o777, 0o600);

  endpoint.serve({ status: 500, body: "" });
  const second = await startKeeper(t, endpoint.url, directory);
  assert.equal(second.kids(), 1);
  second.clock.advance(3601);
  assert.equal(second.kids(), undefined, "too old to use");

  const late = new FakeClock();
  late.advance(3601);
  const third = await startKeeper(t, endpoint.url, directory, late);
  assert.equal(third.kids(), undefined, "a restart makes no bundle younger");
});

test("[BNDL-07] an endpoint that goes back behind the kept bundle is not followed", async (t) => {
  const directory = await makeDirectory(t);
  const endpoint = await startEndpoint(t);
  const spire = await FakeAuthority.create();
  const old = spire.bundleDocument();
  await spire.addKey();
  endpoint.serve(spire.bundleDocument());
  await (await startKeeper(t, endpoint.url, directory)).keeper.close();
  endpoint.serve(old);
  const { kids, keeper } = await startKeeper(t, endpoint.url, directory);
  assert.equal(kids(), 2);
  assert.match(keeper.status()[0]?.lastError ?? "", /spiffe_sequence/);
});

test("[BNDL-07] a document without a sequence does not let an older one in after a restart either", async (t) => {
  const directory = await makeDirectory(t);
  const endpoint = await startEndpoint(t);
  const spire = await FakeAuthority.create();
  const old = spire.bundleDocument();
  await spire.addKey();
  const { spiffe_sequence: _sequence, ...without } = JSON.parse(
    String(spire.bundleDocument()),
  ) as Record<string, unknown>;
  // Larger than a number of JavaScript holds.
  const sequence = "18446744073709551615";
  const keys = JSON.stringify(without["keys"]);
  endpoint.serve(`{"spiffe_sequence":${sequence},"keys":${keys}}`);
  const first = await startKeeper(t, endpoint.url, directory);
  endpoint.serve(JSON.stringify(without));
  await first.keeper.refresh(EXAMPLE);
  assert.equal(first.keeper.status()[0]?.sequence, null);
  await first.keeper.close();

  endpoint.serve(old);
  for (let restart = 0; restart < 2; restart++) {
    const { kids, keeper } = await startKeeper(t, endpoint.url, directory);
    assert.equal(kids(), 2);
    assert.match(
      keeper.status()[0]?.lastError ?? "",
      new RegExp(`spiffe_sequence ${sequence} or higher`),
    );
    await keeper.close();
  }
});

test("what is damaged, or another source's, is not used", async (t) => {
  const directory = await makeDirectory(t);
  const endpoint = await startEndpoint(t);
  const spire = await FakeAuthority.create();
  endpoint.serve(spire.bundleDocument());
  await (await startKeeper(t, endpoint.url, directory)).keeper.close();
  const [file = ""] = await readdir(directory);
  const path = join(directory, file);
  const good = JSON.parse(await readFile(path, "utf8")) as object;
  endpoint.serve({ status: 500, body: "" });
  for (const content of [
    "",
    "{",
    "[]",
    JSON.stringify({ ...good, trustDomain: "other.example" }),
    JSON.stringify({ ...good, source: "https_web https://other.example/" }),
    JSON.stringify({ ...good, document: 7 }),
    JSON.stringify({ ...good, document: Buffer.from("{}").toString("base64") }),
    JSON.stringify({ ...good, highestSequence: 7 }),
    JSON.stringify({ ...good, highestSequence: "0x7" }),
    JSON.stringify({ ...good, readAt: "yesterday" }),
    JSON.stringify({ ...good, readAt: 4_000_000_000 }),
  ]) {
    await writeFile(path, content);
    const { kids, keeper, lines } = await startKeeper(
      t,
      endpoint.url,
      directory,
    );
    assert.equal(kids(), undefined, content.slice(0, 40));
    assert.equal(
      lines.filter(({ message }) => message.startsWith("kept bundle not used"))
        .length,
      1,
      "and the log says so",
    );
    await keeper.close();
  }
});

test("[FED-10] the bundle of a trust domain or source that is configured no more is removed, and nothing else", async (t) => {
  const directory = await makeDirectory(t);
  const endpoint = await startEndpoint(t);
  const spire = await FakeAuthority.create();
  endpoint.serve(spire.bundleDocument());
  await (await startKeeper(t, endpoint.url, directory)).keeper.close();
  const [file = ""] = await readdir(directory);
  const halfWritten = `${file}.${randomUUID()}`;
  await writeFile(join(directory, halfWritten), "{");
  await writeFile(join(directory, "notes.json"), "ours");
  const other = await startEndpoint(t);
  const { kids } = await startKeeper(t, other.url, directory);
  assert.equal(kids(), undefined, "another source: nothing is taken over");
  await until(() => readdirSync(directory).length === 1);
  assert.deepEqual(await readdir(directory), ["notes.json"]);
});

test("a document that stays the same is not written at every poll, and one that changes is", async (t) => {
  const directory = await makeDirectory(t);
  const endpoint = await startEndpoint(t);
  const spire = await FakeAuthority.create();
  endpoint.serve(spire.bundleDocument());
  const { keeper, clock } = await startKeeper(t, endpoint.url, directory);
  const read = async () => {
    const [file = ""] = await readdir(directory);
    const text = await readFile(join(directory, file), "utf8");
    return JSON.parse(text) as { readAt: number; document: string };
  };
  await until(() =>
    readdirSync(directory).some((name) => name.endsWith("json")),
  );
  const first = await read();
  clock.advance(20);
  await keeper.refresh(EXAMPLE);
  await keeper.refresh(EXAMPLE);
  assert.deepEqual(await read(), first);
  await spire.addKey();
  endpoint.serve(spire.bundleDocument());
  await keeper.refresh(EXAMPLE);
  await keeper.close();
  const second = await read();
  assert.equal(second.readAt, first.readAt + 20);
  assert.notEqual(second.document, first.document);
});

test("a directory that cannot be written costs nothing but a line in the log", async (t) => {
  const directory = join(await makeDirectory(t), "file");
  await writeFile(directory, "in the way");
  const endpoint = await startEndpoint(t);
  const spire = await FakeAuthority.create();
  endpoint.serve(spire.bundleDocument());
  const { keeper, lines, kids } = await startKeeper(t, endpoint.url, directory);
  await keeper.refresh(EXAMPLE);
  await keeper.refresh(EXAMPLE);
  await keeper.close();
  assert.equal(kids(), 1);
  assert.equal(
    lines.filter(({ message }) => message.startsWith("bundle not kept")).length,
    1,
  );
});

test("the longest trust domain name has a file too", async (t) => {
  const directory = await makeDirectory(t);
  const trustDomain = "a".repeat(255);
  const cache = bundleCache(directory, trustDomain, "x");
  const bundle = { readAt: 7, document: Buffer.from("{}") };
  await cache.save(bundle);
  const { signal } = new AbortController();
  assert.deepEqual(await cache.load(signal), bundle);
  assert.equal(
    await bundleCache(directory, trustDomain, "y").load(signal),
    undefined,
  );
});
