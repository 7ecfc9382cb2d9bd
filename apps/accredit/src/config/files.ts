import { createSecureContext } from "node:tls";
import { readFile, stat } from "node:fs/promises";
import { ConfigError, printable, type ConfigProblem } from "./problem.ts";
import type { Config } from "./types.ts";

const MIN_TOKEN_LENGTH = 16;

/**
 * Checks the files a configuration names: those it needs to start can be read and hold what they should,
 * and secrets are not open to everyone. A bundle file may be missing: it may come later.
 *
 * @throws {ConfigError} with every problem at once
 */
export async function checkFiles(config: Config): Promise<void> {
  const problems = [
    ...(await checkTls(config)),
    ...(await checkToken(config)),
    ...(await checkRoots(config)),
  ];
  if (problems.length > 0) throw new ConfigError(problems);
}

async function checkTls({
  listen: { tls },
}: Config): Promise<readonly ConfigProblem[]> {
  if (tls === undefined) return [];
  const problems: ConfigProblem[] = [];
  const cert = await read("listen.tls.cert_file", tls.certFile, problems);
  const key = await readSecret("listen.tls.key_file", tls.keyFile, problems);
  if (cert === undefined || key === undefined) return problems;
  if (!accepted({ cert })) {
    problems.push({
      path: "listen.tls.cert_file",
      problem: "holds no certificate",
      expected: "a certificate chain, PEM",
    });
  } else if (!accepted({ cert, key })) {
    problems.push({
      path: "listen.tls.key_file",
      problem: "does not hold the private key of the certificate",
      expected: "the unencrypted private key of listen.tls.cert_file, PEM",
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

async function checkRoots({
  trust,
}: Config): Promise<readonly ConfigProblem[]> {
  const problems: ConfigProblem[] = [];
  for (const [index, { bundle }] of trust.entries()) {
    if (bundle.kind !== "https_web" || bundle.caFile === undefined) continue;
    const path = `trust[${index}].bundle.ca_file`;
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
    if (!status.isFile())
      throw Object.assign(new Error("not a file"), { code: "not a file" });
    return await readFile(file);
  } catch (error) {
    const { code = "unknown error" } = error as NodeJS.ErrnoException;
    problems.push({
      path,
      problem: `cannot be read (${code}): ${printable(file)}`,
      expected: "a readable file",
    });
    return undefined;
  }
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
