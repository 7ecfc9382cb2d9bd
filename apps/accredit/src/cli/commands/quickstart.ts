import { randomBytes } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { dirname, join, relative, resolve } from "node:path";
import { Command, InvalidArgumentError } from "commander";
import type { DevTrustDomain } from "../../dev/trust-domain.ts";
import type { Io } from "../io.ts";
import { stopped } from "../stopped.ts";
import { parsePort } from "./dev.ts";

interface QuickstartOptions {
  readonly dir: string;
  readonly port: number;
}

const TRUST_DOMAIN = "example.org";

/** `accredit quickstart`: the server and a development trust domain, ready to paste commands at. */
export function quickstartCommand(io: Io): Command {
  return new Command("quickstart")
    .summary("run the server with a development trust domain (npm start)")
    .option("--dir <dir>", "where its data is kept", "./data/quickstart")
    .option(
      "--port <port>",
      "port of the server; the next three are the admin listener and the bundle endpoints (https_web, https_spiffe)",
      parseFirstPort,
      8700,
    )
    .option("--json", "accepted everywhere; prints text")
    .action(async (options: QuickstartOptions) => quickstart(options, io));
}

/** The first of four consecutive ports; the issuer names it, so it cannot be any free one. */
function parseFirstPort(text: string): number {
  const port = parsePort(text);
  if (port >= 1 && port <= 65_532) return port;
  throw new InvalidArgumentError("expected a port from 1 to 65532");
}

async function quickstart(
  { dir: folder, port }: QuickstartOptions,
  io: Io,
): Promise<void> {
  const { defaultWorkloads, startDevIssuers } =
    await import("../../dev/start.ts");
  const { ensureDirectory, readIfThere, replaceFile } =
    await import("../../dev/private-files.ts");
  const { quickstartConfig } = await import("../../quickstart/config.ts");
  const { createFileLog } = await import("../../serve/log.ts");
  const { runServer } = await import("../../serve/run-server.ts");
  const { loadCheckedConfig } = await import("../load-config.ts");
  const dir = resolve(folder);
  await ensureDirectory(dir);
  const workloads = defaultWorkloads(TRUST_DOMAIN);
  const domain = await startDevIssuers({
    dir: join(dir, "trust-domain"),
    trustDomain: TRUST_DOMAIN,
    bundlePort: port + 2,
    spiffeBundlePort: port + 3,
    workloads,
  });
  try {
    const issuer = `http://127.0.0.1:${port}`;
    const configFile = join(dir, "accredit.yaml");
    const text = quickstartConfig({
      issuer,
      port,
      adminPort: port + 1,
      bundleUrl: domain.bundleUrl,
      bundleCaFile: domain.caFile,
    });
    await writeFile(configFile, text);
    const tokenFile = join(dir, "admin-token");
    if ((await readIfThere(tokenFile)) === undefined)
      await replaceFile(tokenFile, randomBytes(32).toString("base64url"));
    const config = await loadCheckedConfig(configFile);
    const logFile = join(dir, "server.log");
    const server = await runServer(
      config,
      createFileLog(config.log.level, logFile),
    );
    try {
      io.out(
        welcome({
          issuer,
          adminPort: port + 1,
          tokenFile,
          domain,
          configFile,
          logFile,
          workloads: workloads.map(({ spiffeId }) => spiffeId),
        }),
      );
      await stopped(io.signal);
      io.out("\nstopping\n");
    } finally {
      await server.close();
    }
  } finally {
    await domain.close();
  }
}

interface Welcome {
  readonly issuer: string;
  readonly adminPort: number;
  readonly tokenFile: string;
  readonly domain: DevTrustDomain;
  readonly configFile: string;
  readonly logFile: string;
  readonly workloads: readonly string[];
}

function welcome({
  issuer,
  adminPort,
  tokenFile,
  domain,
  configFile,
  logFile,
  workloads,
}: Welcome): string {
  const at = `--server ${issuer} --workload-api ${domain.workloadApiAddress}`;
  const config = relative(process.cwd(), configFile);
  return `
Accredit is running. Ctrl-C stops it.

  authorization server  ${issuer}/.well-known/oauth-authorization-server
  admin listener        http://127.0.0.1:${adminPort}/readyz  /metrics  /api/v1/openapi.json
  admin token           ${relative(process.cwd(), tokenFile)}
  Workload API          ${domain.workloadApiAddress}
  bundle, https_web     ${domain.bundleUrl}
  bundle, https_spiffe  ${domain.spiffeBundleUrl}
  configuration         ${config}
  log                   ${relative(process.cwd(), logFile)}

Paste these in another terminal, in this folder:

  # 1. Register a workload: its SVID is the registration. No secret is made.
  npx accredit register ${at}

  # 2. Get an access token with the same identity.
  npx accredit token ${at} --resource https://api.example

  # 3. The same for a workload whose SVID carries no metadata, as stock SPIRE mints it.
  npx accredit register ${at} --spiffe-id ${workloads[1] ?? ""}

  # 4. Rotate the trust domain's keys. With --retire, what the old ones signed stops.
  npx accredit dev rotate --dir ${relative(process.cwd(), dirname(configFile)) || "."}

`;
}
