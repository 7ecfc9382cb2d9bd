import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import {
  mkdir,
  rename,
  rm,
  symlink,
  truncate,
  utimes,
  writeFile,
} from "node:fs/promises";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { promisify } from "node:util";
import { FakeAuthority, FakeX509Authority } from "@accredit/testkit";
import type { TrustDomainOptions } from "@accredit/trust";
import { readLocalFile } from "../src/lib/local-file.ts";
import {
  EXAMPLE,
  keep,
  makeDirectory,
  until,
  type Keeping,
} from "./support/harness.ts";

function fileDomain(
  path: string,
  change: Partial<TrustDomainOptions> = {},
): TrustDomainOptions {
  return {
    trustDomain: EXAMPLE,
    issuer: { mode: "ignore", values: [] },
    keyId: "optional",
    bundle: { kind: "file", path },
    ...change,
  };
}

interface Setup extends Keeping {
  readonly path: string;
  readonly directory: string;
  readonly spire: FakeAuthority;
}

/** A keeper that has loaded a bundle with one key, sequence 2, from a file and sleeps. */
async function loaded(t: TestContext): Promise<Setup> {
  const directory = await makeDirectory(t);
  const path = join(directory, "bundle.json");
  const spire = await FakeAuthority.create();
  await writeFile(path, spire.bundleDocument());
  const keeping = keep(t, [fileDomain(path)]);
  await keeping.keeper.start();
  await keeping.clock.asleep();
  assert.equal(keeping.kids()?.length, 1);
  return { ...keeping, path, directory, spire };
}

test("loads a file", async (t) => {
  const { path, status } = await loaded(t);
  assert.equal(status().source, `file ${path}`);
  assert.equal(status().sequence, "2");
  assert.equal(status().lastError, null);
});

test("picks up a file that was written over, without a poll", async (t) => {
  const { path, spire, kids } = await loaded(t);
  await spire.addKey();
  await writeFile(path, spire.bundleDocument());
  await until(() => kids()?.length === 2);
});

test("picks up a file that was renamed into place, without a poll", async (t) => {
  const { path, spire, kids } = await loaded(t);
  for (const count of [2, 3, 4]) {
    await spire.addKey();
    await writeFile(`${path}.new`, spire.bundleDocument());
    await rename(`${path}.new`, path);
    await until(() => kids()?.length === count);
  }
});

test("picks up a ConfigMap's change through its links, without a poll", async (t) => {
  const directory = await makeDirectory(t);
  const path = join(directory, "bundle.json");
  const spire = await FakeAuthority.create();
  const publish = async (version: string): Promise<void> => {
    await mkdir(join(directory, version));
    await writeFile(
      join(directory, version, "bundle.json"),
      spire.bundleDocument(),
    );
    await symlink(version, join(directory, "..data_tmp"));
    await rename(join(directory, "..data_tmp"), join(directory, "..data"));
  };
  await publish("..v1");
  await symlink("..data/bundle.json", path);
  const { keeper, clock, kids } = keep(t, [fileDomain(path)]);
  await keeper.start();
  await clock.asleep();
  await spire.addKey();
  await publish("..v2");
  await rm(join(directory, "..v1"), { recursive: true });
  await until(() => kids()?.length === 2);
});

test("notices at the next poll what no notification told of", async (t) => {
  // The link leads to a directory that nobody watches.
  const directory = await makeDirectory(t);
  const elsewhere = join(directory, "elsewhere");
  await mkdir(elsewhere);
  await mkdir(join(directory, "here"));
  const path = join(directory, "here", "bundle.json");
  await symlink("../elsewhere/real.json", path);
  const spire = await FakeAuthority.create();
  await writeFile(join(elsewhere, "real.json"), spire.bundleDocument());
  const { keeper, clock, kids } = keep(t, [fileDomain(path)]);
  await keeper.start();
  await clock.asleep();
  await spire.addKey();
  await writeFile(join(elsewhere, "real.json"), spire.bundleDocument());
  // Same times as before: only the content tells.
  await utimes(join(elsewhere, "real.json"), 0, 0);
  assert.equal(kids()?.length, 1);
  await clock.pass(1);
  assert.equal(kids()?.length, 2);
  assert.deepEqual(clock.sleeps, [1, 1]);
});

test("finds the file again when its directory was replaced", async (t) => {
  const { directory, path, clock, spire, kids } = await loaded(t);
  const loadedAgain = async (count: number): Promise<void> => {
    for (let polls = 0; kids()?.length !== count; polls++) {
      assert.ok(polls < 3, "found within three polls");
      await clock.pass(1);
    }
  };
  await rename(directory, `${directory}.old`);
  t.after(() => rm(`${directory}.old`, { recursive: true }));
  await mkdir(directory);
  await spire.addKey();
  await writeFile(path, spire.bundleDocument());
  await loadedAgain(2);
  // And the new directory is watched: no more polls.
  await clock.pass(1);
  await spire.addKey();
  await writeFile(path, spire.bundleDocument());
  await until(() => kids()?.length === 3);
});

test("[Q11] keeps the last good bundle while a file is half written", async (t) => {
  const { path, clock, spire, kids, status } = await loaded(t);
  await spire.addKey();
  const document = spire.bundleDocument();
  await writeFile(path, document.subarray(0, 100));
  await until(() => status().lastError !== null);
  assert.equal(kids()?.length, 1);
  await truncate(path, 0);
  await clock.asleep();
  assert.equal(kids()?.length, 1);
  assert.equal(status().ready, true);
  await writeFile(path, document);
  await until(() => kids()?.length === 2);
  assert.equal(status().lastError, null);
});

test("keeps the last good bundle of a file that was deleted, as long as max_stale", async (t) => {
  const { path, clock, kids, status, spire } = await loaded(t);
  await rm(path);
  await until(() => status().lastError !== null);
  assert.match(status().lastError ?? "", /readable file at .*, got ENOENT/);
  assert.deepEqual(kids(), ["example.org-1"]);
  await clock.asleep();
  clock.advance(86_401);
  assert.equal(kids(), undefined);
  assert.equal(status().ready, false);
  await clock.asleep();
  await writeFile(path, spire.bundleDocument());
  await until(() => kids()?.length === 1);
  assert.equal(status().lastError, null);
});

test("a file that can be read does not age", async (t) => {
  const { clock, kids, status } = await loaded(t);
  clock.advance(10 * 86_400);
  assert.deepEqual(kids(), ["example.org-1"], "before the poll too");
  await until(() => status().ageSeconds === 0);
  assert.deepEqual(kids(), ["example.org-1"]);
});

test("[F13] a file without keys replaces the bundle", async (t) => {
  const { path, kids, status } = await loaded(t);
  await writeFile(path, '{"keys":[]}');
  await until(() => kids()?.length === 0);
  assert.equal(status().ready, false);
});

test("[BNDL-07] a document without a sequence does not let an older one in after it", async (t) => {
  const { path, spire, keeper, status, kids } = await loaded(t);
  const old = spire.bundleDocument();
  spire.sequence = 10;
  await writeFile(path, spire.bundleDocument());
  await keeper.refresh(EXAMPLE);
  await spire.addKey();
  const { spiffe_sequence: _sequence, ...without } = JSON.parse(
    String(spire.bundleDocument()),
  ) as Record<string, unknown>;
  await writeFile(path, JSON.stringify(without));
  await keeper.refresh(EXAMPLE);
  assert.equal(kids()?.length, 2);
  await writeFile(path, old);
  await keeper.refresh(EXAMPLE);
  assert.equal(kids()?.length, 2);
  assert.match(status().lastError ?? "", /spiffe_sequence 10 or higher, got 2/);
});

test("a bundle whose authorities have expired, or that has WIT keys alone where none are taken, is not ready", async (t) => {
  const directory = await makeDirectory(t);
  const path = join(directory, "bundle.json");
  const expired = await FakeX509Authority.create({
    notBefore: 1,
    notAfter: 100_000,
  });
  await writeFile(path, JSON.stringify({ keys: [expired.bundleKey()] }));
  const first = keep(t, [fileDomain(path)]);
  await first.keeper.start();
  assert.equal(first.status().x509Authorities, 0);
  assert.equal(first.status().ready, false);

  const wit = await FakeAuthority.create();
  const keys = wit.keys.map(({ kid, publicJwk }) => ({
    ...publicJwk,
    kid,
    use: "wit-svid",
  }));
  await writeFile(path, JSON.stringify({ keys }));
  for (const takesWit of [false, true]) {
    const { keeper, status } = keep(t, [fileDomain(path)], undefined, {
      takesWit,
    });
    await keeper.start();
    assert.equal(status().ready, takesWit);
  }
});

test("[F14] a file with a lower sequence does not", async (t) => {
  const { path, kids, status, spire } = await loaded(t);
  spire.sequence = 1;
  // Whole at once: what is written over may be read when it is empty.
  await writeFile(`${path}.new`, spire.bundleDocument());
  await rename(`${path}.new`, path);
  await until(() => status().lastError !== null);
  assert.match(status().lastError ?? "", /2 or higher, got 1/);
  assert.equal(kids()?.length, 1);
});

test("a file that appears after the start is loaded", async (t) => {
  const directory = await makeDirectory(t);
  const path = join(directory, "later", "bundle.json");
  const { keeper, clock, kids, status } = keep(t, [fileDomain(path)]);
  await keeper.start();
  assert.match(status().lastError ?? "", /ENOENT/);
  await mkdir(join(directory, "later"));
  await writeFile(path, (await FakeAuthority.create()).bundleDocument());
  await clock.asleep();
  await clock.pass(1);
  assert.equal(kids()?.length, 1);
});

test("refuses what is no regular file or too large", async (t) => {
  const directory = await makeDirectory(t);
  const pipe = join(directory, "pipe");
  await promisify(execFile)("mkfifo", [pipe]);
  const large = join(directory, "large");
  await writeFile(large, " ".repeat(1024 * 1024 + 1));
  for (const [path, error] of [
    [directory, /a regular file/],
    [pipe, /a regular file/],
    [large, /at most 1048576 bytes/],
  ] as const) {
    const { keeper, status } = keep(t, [fileDomain(path)]);
    await keeper.start();
    assert.match(status().lastError ?? "", error);
    await keeper.close();
  }
});

test("fifty refreshes at once see one change", async (t) => {
  const { path, keeper, lines, spire } = await loaded(t);
  await spire.addKey();
  await writeFile(path, spire.bundleDocument());
  await Promise.all(Array.from({ length: 50 }, () => keeper.refresh(EXAMPLE)));
  const changes = lines.filter(({ message }) => message === "bundle changed");
  assert.equal(changes.length, 2);
});

test(
  "close leaves no watch behind",
  { skip: process.platform === "linux" ? false : "counts them in /proc" },
  async (t) => {
    const before = countWatches();
    const { keeper } = await loaded(t);
    assert.equal(countWatches(), before + 1);
    await keeper.close();
    assert.equal(countWatches(), before);
  },
);

/** The watches this process has with the kernel: one line each in the fdinfo of an inotify descriptor. */
function countWatches(): number {
  return readdirSync("/proc/self/fdinfo")
    .map((fd) => {
      try {
        return readFileSync(`/proc/self/fdinfo/${fd}`, "utf8");
      } catch {
        return ""; // The descriptor that read the directory is closed by now.
      }
    })
    .flatMap((info) => info.match(/^inotify wd:/gm) ?? []).length;
}

test("[F10] a file is read to its end whatever its size is said to be, and no further than the limit", async (t) => {
  const directory = await makeDirectory(t);
  const signal = new AbortController().signal;
  const path = join(directory, "file");
  for (const size of [0, 1, 4095, 4096, 10_000]) {
    const content = Buffer.alloc(size, "a");
    await writeFile(path, content);
    assert.deepEqual(await readLocalFile(path, 10_000, signal), content);
  }
  await writeFile(path, Buffer.alloc(10_001));
  await assert.rejects(readLocalFile(path, 10_000, signal), {
    reason: "document_too_large",
  });
  // Files of the kernel say that they have no bytes.
  assert.match(
    String(await readLocalFile("/proc/self/status", 10_000, signal)),
    /^Name:[^]*\n$/,
  );
  await assert.rejects(readLocalFile("/proc/self/status", 100, signal), {
    reason: "document_too_large",
  });
});
