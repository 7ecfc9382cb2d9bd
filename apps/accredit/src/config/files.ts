import { createSecureContext } from "node:tls";
import { constants } from "node:fs";
import { access, readFile, stat } from "node:fs/promises";
import { parseSpiffeBundle } from "@accredit/core/spiffe";
import { ConfigError, printable, type ConfigProblem } from "./problem.ts";
import type { Config } from "./types.ts";

const MIN_TOKEN_LENGTH = 16;
/** Larger files are no keys, certificates or tokens, and are not read. */
const MAX_FILE_BYTES = 1024 * 1024;
const NOT_A_FILE = "not a file";
const UNKNOWN = "unknown error";

/**
 * Checks the files a configuration names: those it needs to start can be read and hold what they should,
 * and secrets are not open to everyone. A bundle file may be missing: it may come later.
 *
 * @returns what the operator should know and that stops nothing, one sentence each
 * @throws {ConfigError} with every problem at once
 */
export async function checkFiles(config: Config): Promise<readonly string[]> {
  const bundles = await checkBundles(config);
  const problems = [
    ...(await checkTls("listen.tls", config.listen.tls)),
    ...(await checkTls("mutual_tls.tls", config.mutualTls.listen?.tls)),
    ...(await checkToken(config)),
    ...(await checkPassword(config)),
    ...(await checkRoots(config)),
    ...bundles.problems,
  ];
  if (problems.length > 0) throw new ConfigError(problems);
  return [...bundles.notices, ...(await checkCacheDirectory(config))];
}

/** A bundle file says whom to trust; it is the trust package's to read, again and again. */
async function checkBundles({ trust }: Config): Promise<{
  readonly problems: readonly ConfigProblem[];
  readonly notices: readonly string[];
}> {
  const problems: ConfigProblem[] = [];
  const notices: string[] = [];
  for (const { bundle, trustDomain, configPath } of trust) {
    const named = bundleFile(bundle);
    if (named === undefined) continue;
    const { file } = named;
    const path = `${configPath}.bundle.${named.key}`;
    const shown = printable(file);
    try {
      const status = await stat(file);
      await access(file, constants.R_OK);
      if (!status.isFile()) {
        problems.push(unreadable(path, shown, NOT_A_FILE));
        continue;
      }
      if ((status.mode & 0o002) !== 0)
        notices.push(
          `${path}: ${shown} may be written by every user, so everyone decides whom ${trustDomain} vouches for`,
        );
      if (named.key === "bootstrap_file")
        problems.push(...(await checkBootstrap(path, file)));
    } catch (error) {
      const { code = UNKNOWN } = error as NodeJS.ErrnoException;
      if (code === "ENOENT")
        notices.push(
          named.key === "file"
            ? `${path}: ${shown} is not there, so nothing of ${trustDomain} is accepted until it is`
            : `${path}: ${shown} is not there, so no first bundle of ${trustDomain} can be fetched`,
        );
      else problems.push(unreadable(path, shown, code));
    }
  }
  return { problems, notices };
}

/** The local file that a trust domain's keys begin with. */
function bundleFile(bundle: Config["trust"][number]["bundle"]) {
  if (bundle.kind === "file") return { key: "file", file: bundle.path };
  if (bundle.kind === "https_spiffe" && bundle.bootstrapFile !== undefined)
    return { key: "bootstrap_file", file: bundle.bootstrapFile };
  return undefined;
}

/** A bootstrap bundle that verifies nothing would leave the trust domain unready for good. */
async function checkBootstrap(
  path: string,
  file: string,
): Promise<readonly ConfigProblem[]> {
  const problems: ConfigProblem[] = [];
  const document = await read(path, file, problems);
  if (document === undefined) return problems;
  const problem = await parseSpiffeBundle(document).then(
    ({ x509Authorities }) =>
      x509Authorities.length === 0 ? "holds no X.509 authority" : undefined,
    () => "holds no SPIFFE bundle",
  );
  if (problem !== undefined)
    problems.push({
      path,
      problem,
      expected:
        "a SPIFFE bundle with an x509-svid key of the endpoint's trust domain",
    });
  return problems;
}

/** What is in it is believed like the configuration. */
async function checkCacheDirectory({
  trustCacheDirectory,
}: Config): Promise<readonly string[]> {
  if (trustCacheDirectory === undefined) return [];
  const status = await stat(trustCacheDirectory).catch(() => undefined);
  if (status === undefined || (status.mode & 0o002) === 0) return [];
  return [
    `trust_cache_dir: ${printable(trustCacheDirectory)} may be written by every user, so everyone decides whom the server trusts after a restart`,
  ];
}

async function checkTls(
  section: string,
  tls: { readonly certFile: string; readonly keyFile: string } | undefined,
): Promise<readonly ConfigProblem[]> {
  if (tls === undefined) return [];
  const problems: ConfigProblem[] = [];
  const cert = await read(`${section}.cert_file`, tls.certFile, problems);
  const key = await readSecret(`${section}.key_file`, tls.keyFile, problems);
  if (cert === undefined || key === undefined) return problems;
  if (!accepted({ cert })) {
    problems.push({
      path: `${section}.cert_file`,
      problem: "holds no certificate",
      expected: "a certificate chain, PEM",
    });
  } else if (!accepted({ cert, key })) {
    problems.push({
      path: `${section}.key_file`,
      problem: "does not hold the private key of the certificate",
      expected: `the unencrypted private key of ${section}.cert_file, PEM`,
    });
  }
  return problems;
}

async function checkToken({
  admin: { tokenFile },
}: Config): Promise<readonly ConfigProblem[]> {
  if (tokenFile === undefined) return [];
  const problems: ConfigProblem[] = [];
  const token = await readSecret("admin.token_file", tokenFile, problems);
  // What a client can send in an Authorization header, RFC 6750 section 2.1.
  const usable = /^[A-Za-z0-9._~+/-]+=*$/;
  const text = token?.toString("latin1").trim();
  if (
    text !== undefined &&
    (text.length < MIN_TOKEN_LENGTH || !usable.test(text))
  ) {
    problems.push({
      path: "admin.token_file",
      problem: "does not hold a usable token",
      expected: `a token of at least ${MIN_TOKEN_LENGTH} letters, digits or any of -._~+/=`,
    });
  }
  return problems;
}

async function checkPassword({
  store,
}: Config): Promise<readonly ConfigProblem[]> {
  if (store.kind !== "postgres" || store.passwordFile === undefined) return [];
  const path = "store.password_file";
  const problems: ConfigProblem[] = [];
  const password = await readSecret(path, store.passwordFile, problems);
  if (password?.toString("utf8").trim() === "")
    problems.push({
      path,
      problem: "is empty",
      expected: "a file with the password of PostgreSQL",
    });
  return problems;
}

async function checkRoots({
  trust,
}: Config): Promise<readonly ConfigProblem[]> {
  const problems: ConfigProblem[] = [];
  for (const { bundle, configPath } of trust) {
    if (bundle.kind !== "https_web" || bundle.caFile === undefined) continue;
    const path = `${configPath}.bundle.ca_file`;
    const roots = await read(path, bundle.caFile, problems);
    if (
      roots !== undefined &&
      !(roots.includes("-----BEGIN ") && accepted({ ca: roots }))
    ) {
      problems.push({
        path,
        problem: "holds no certificate",
        expected: "one or more certificates, PEM",
      });
    }
  }
  return problems;
}

async function readSecret(
  path: string,
  file: string,
  problems: ConfigProblem[],
): Promise<Buffer | undefined> {
  const content = await read(path, file, problems);
  if (content === undefined) return undefined;
  const { mode } = await stat(file);
  if ((mode & 0o007) !== 0) {
    problems.push({
      path,
      problem: `is open to every user (mode ${(mode & 0o777).toString(8).padStart(3, "0")})`,
      expected: "no access for others, like mode 600 or 640",
    });
  }
  return content;
}

async function read(
  path: string,
  file: string,
  problems: ConfigProblem[],
): Promise<Buffer | undefined> {
  try {
    const status = await stat(file);
    if (status.isFile() && status.size <= MAX_FILE_BYTES)
      return await readFile(file);
    const why = status.isFile() ? "too large" : NOT_A_FILE;
    problems.push(unreadable(path, printable(file), why));
  } catch (error) {
    const { code = UNKNOWN } = error as NodeJS.ErrnoException;
    problems.push(unreadable(path, printable(file), code));
  }
  return undefined;
}

function unreadable(path: string, shown: string, why: string): ConfigProblem {
  return {
    path,
    problem: `cannot be read (${why}): ${shown}`,
    expected: "a readable file",
  };
}

/** Whether OpenSSL takes the files as a server's. */
function accepted(options: Parameters<typeof createSecureContext>[0]): boolean {
  try {
    createSecureContext(options);
    return true;
  } catch {
    return false;
  }
}
