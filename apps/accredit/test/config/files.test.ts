import assert from "node:assert/strict";
import {
  chmod,
  mkdir,
  mkdtemp,
  rm,
  truncate,
  writeFile,
} from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { FakeX509Authority } from "@accredit/testkit";
import { openCertificateAuthority } from "../../src/dev/certificate-authority.ts";
import {
  checkFiles,
  parseConfig,
  type ConfigProblem,
} from "../../src/config/index.ts";
import { checkedProblems } from "./valid-file.ts";

const TOKEN = "s3cret-token-of-some-length";

/** A directory with every file a configuration can name, all as they should be, and that configuration. */
async function filesOf(t: TestContext): Promise<{
  dir: string;
  check: () => Promise<readonly ConfigProblem[]>;
  notices: () => Promise<readonly string[]>;
}> {
  const dir = await mkdtemp(join(tmpdir(), "accredit-config-"));
  t.after(() => rm(dir, { recursive: true, force: true }));
  const authority = await openCertificateAuthority(dir);
  const { key, cert } = await authority.issueServerCertificate();
  await writeFile(join(dir, "tls.crt"), cert);
  await writeFile(join(dir, "tls.key"), key, { mode: 0o600 });
  const root = await FakeX509Authority.create({ trustDomain: "c.org" });
  await writeFile(
    join(dir, "bootstrap.json"),
    JSON.stringify({ keys: [root.bundleKey()] }),
  );
  await writeFile(join(dir, "token"), `${TOKEN}\n`, { mode: 0o640 });
  const config = parseConfig(
    `
issuer: https://as.example.com
listen: { tls: { cert_file: tls.crt, key_file: tls.key } }
admin: { token_file: token }
trust:
  - { kind: spiffe, trust_domain: a.org, bundle: { file: not-there-yet.json } }
  - kind: spiffe
    trust_domain: b.org
    bundle: { url: "https://b.example", profile: https_web, ca_file: ca.pem }
  - kind: spiffe
    trust_domain: c.org
    bundle:
      url: "https://c.example"
      profile: https_spiffe
      endpoint_spiffe_id: spiffe://c.org/endpoint
      bootstrap_file: bootstrap.json
trust_cache_dir: bundles
`,
    { baseDir: dir },
  );
  return {
    dir,
    check: async () => checkFiles(config).then(() => [], checkedProblems),
    notices: async () => checkFiles(config),
  };
}

test("config: files as they should be have no problem, and a bundle may come later", async (t) => {
  const { dir, check, notices } = await filesOf(t);
  assert.deepEqual(await check(), []);
  const bundle = join(dir, "not-there-yet.json");
  assert.deepEqual(await notices(), [
    `trust[0].bundle.file: ${bundle} is not there, so nothing of a.org is accepted until it is`,
  ]);
  await writeFile(bundle, "{}");
  assert.deepEqual(await notices(), []);
});

test("config: a bundle file that everyone may write is a notice, one that is no file a problem", async (t) => {
  const { dir, check, notices } = await filesOf(t);
  const bundle = join(dir, "not-there-yet.json");
  await writeFile(bundle, "{}");
  await chmod(bundle, 0o666);
  assert.match(
    (await notices()).join("|"),
    /^[^|]*may be written by every user/,
  );
  await rm(bundle);
  await mkdir(bundle);
  assert.deepEqual(
    (await check()).map(({ path }) => path),
    ["trust[0].bundle.file"],
  );
});

test("[FED-05] config: a bootstrap file may come later, and what is there verifies an endpoint", async (t) => {
  const { dir, check, notices } = await filesOf(t);
  await writeFile(join(dir, "not-there-yet.json"), "{}");
  const file = join(dir, "bootstrap.json");
  const path = "trust[2].bundle.bootstrap_file";
  await chmod(file, 0o666);
  assert.match((await notices()).join("|"), /^[^|]*may be written by every/);
  for (const [content, problem] of [
    ["", /holds no SPIFFE bundle/],
    ["{}", /holds no SPIFFE bundle/],
    ["-----BEGIN CERTIFICATE-----", /holds no SPIFFE bundle/],
    ['{"keys":[]}', /holds no X.509 authority/],
  ] as const) {
    await writeFile(file, content);
    const problems = await check();
    assert.deepEqual(
      problems.map((each) => each.path),
      [path],
    );
    assert.match(problems[0]?.problem ?? "", problem);
  }
  await rm(file);
  assert.match(
    (await notices()).join("|"),
    /^[^|]*bootstrap.json is not there/,
  );
  await mkdir(file);
  assert.deepEqual(
    (await check()).map((each) => each.path),
    [path],
  );
});

test("config: kept bundles that everyone may write are a notice", async (t) => {
  const { dir, notices } = await filesOf(t);
  await writeFile(join(dir, "not-there-yet.json"), "{}");
  await mkdir(join(dir, "bundles"), { mode: 0o700 });
  assert.deepEqual(await notices(), []);
  await chmod(join(dir, "bundles"), 0o777);
  assert.match(
    (await notices()).join("|"),
    /^trust_cache_dir: [^|]*every user/,
  );
});

test("config: a file too large for what it should hold is not read", async (t) => {
  const { dir, check } = await filesOf(t);
  await writeFile(join(dir, "tls.crt"), "");
  await truncate(join(dir, "tls.crt"), 1024 ** 4);
  assert.match((await check())[0]?.problem ?? "", /too large/);
});

for (const [name, path] of [
  ["tls.crt", "listen.tls.cert_file"],
  ["tls.key", "listen.tls.key_file"],
  ["token", "admin.token_file"],
  ["ca.pem", "trust[1].bundle.ca_file"],
] as const) {
  test(`config: ${path} that is missing, a directory or of wrong content is a problem`, async (t) => {
    const { dir, check } = await filesOf(t);
    const paths = async (): Promise<readonly string[]> =>
      (await check()).map((problem) => problem.path);
    await writeFile(join(dir, name), "###");
    assert.deepEqual(await paths(), [path]);
    await rm(join(dir, name));
    assert.deepEqual(await paths(), [path]);
    await mkdir(join(dir, name));
    assert.deepEqual(await paths(), [path]);
  });
}

for (const [name, path] of [
  ["tls.key", "listen.tls.key_file"],
  ["token", "admin.token_file"],
] as const) {
  test(`config: ${path} that everyone may read is a problem`, async (t) => {
    const { dir, check } = await filesOf(t);
    for (const mode of [0o644, 0o602]) {
      await chmod(join(dir, name), mode);
      const problems = await check();
      assert.deepEqual(
        problems.map((problem) => problem.path),
        [path],
      );
      assert.match(problems[0]?.problem ?? "", /open to every user/);
    }
  });
}

test("config: a key of another certificate is a problem", async (t) => {
  const { dir, check } = await filesOf(t);
  const other = await (
    await openCertificateAuthority(dir)
  ).issueServerCertificate();
  await writeFile(join(dir, "tls.key"), other.key);
  assert.deepEqual(
    (await check()).map(({ path }) => path),
    ["listen.tls.key_file"],
  );
});

test("config: a token that is short or cannot be sent is a problem that does not quote it", async (t) => {
  const { dir, check } = await filesOf(t);
  for (const token of [
    "",
    "\n",
    "short",
    `${TOKEN} ${TOKEN}`,
    `${TOKEN}\u00e9`,
  ]) {
    await writeFile(join(dir, "token"), token);
    const problems = await check();
    assert.deepEqual(
      problems.map(({ path }) => path),
      ["admin.token_file"],
    );
    assert.ok(token.trim() === "" || !JSON.stringify(problems).includes(token));
  }
});

test("config: every file that is missing is reported at once", async (t) => {
  const { dir, check } = await filesOf(t);
  await Promise.all(
    ["tls.crt", "tls.key", "token", "ca.pem"].map((name) =>
      rm(join(dir, name)),
    ),
  );
  assert.equal((await check()).length, 4);
});
