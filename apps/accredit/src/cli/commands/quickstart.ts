import { randomBytes } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { dirname, join, relative, resolve } from "node:path";
import { Command, InvalidArgumentError } from "commander";
import type { DevIssuers } from "../../dev/start.ts";
import type { Io } from "../io.ts";
import { stopped } from "../stopped.ts";
import { parsePort } from "./dev.ts";
import { DEFAULT_METADATA, DEFAULT_SUBJECT } from "./dev-credentials.ts";

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
      "port of the server; the next four are the admin listener, the bundle endpoints (https_web, https_spiffe) and the credential issuer",
      parseFirstPort,
      8700,
    )
    .option("--json", "accepted everywhere; prints text")
    .action(async (options: QuickstartOptions) => quickstart(options, io));
}

/** The first of five consecutive ports; the issuer names it, so it cannot be any free one. */
function parseFirstPort(text: string): number {
  const port = parsePort(text);
  if (port >= 1 && port <= 65_531) return port;
  throw new InvalidArgumentError("expected a port from 1 to 65531");
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
    credentialPort: port + 4,
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
      caFile: domain.caFile,
      credentialIssuer: domain.credentialIssuer.did,
    });
    await writeFile(configFile, text);
    const tokenFile = join(dir, "admin-token");
    if ((await readIfThere(tokenFile)) === undefined)
      await replaceFile(tokenFile, randomBytes(32).toString("base64url"));
    await issueFirstCredential(domain, dir);
    const config = await loadCheckedConfig(configFile);
    const logFile = join(dir, "server.log");
    const { log } = createFileLog(config.log.level, logFile);
    const server = await runServer(config, log);
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

const CREDENTIAL_FILE = "partner.credential";
const KEY_FILE = "partner.key";

/** A credential to begin with, bound to a key that outlives a restart; a new one each time, as they expire. */
async function issueFirstCredential(
  { credentialIssuer }: DevIssuers,
  dir: string,
): Promise<void> {
  const { replaceFile } = await import("../../dev/private-files.ts");
  const { readClientKey } = await import("../key-file.ts");
  const { publicJwk } = await readClientKey(join(dir, KEY_FILE), {
    make: true,
  });
  const { credential } = await credentialIssuer.issue({
    format: "dc+sd-jwt",
    subject: DEFAULT_SUBJECT,
    metadata: DEFAULT_METADATA,
    holder: publicJwk,
    ttlSeconds: 86_400,
  });
  await replaceFile(join(dir, CREDENTIAL_FILE), `${credential}\n`);
}

interface Welcome {
  readonly issuer: string;
  readonly adminPort: number;
  readonly tokenFile: string;
  readonly domain: DevIssuers;
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
  const here = (path: string): string => relative(process.cwd(), path);
  const dir = dirname(configFile);
  const client = `--server ${issuer} --key-file ${here(join(dir, KEY_FILE))} --client-file ${here(join(dir, "partner.json"))}`;
  return `
Accredit is running. Ctrl-C stops it.

  authorization server  ${issuer}/.well-known/oauth-authorization-server
  admin listener        http://127.0.0.1:${adminPort}/readyz  /metrics  /api/v1/openapi.json
  admin token           ${here(tokenFile)}
  Workload API          ${domain.workloadApiAddress}
  bundle, https_web     ${domain.bundleUrl}
  bundle, https_spiffe  ${domain.spiffeBundleUrl}
  credential issuer     ${domain.credentialIssuer.did}  (${domain.credentialIssuer.url})
  its status lists      ${Object.values(domain.credentialIssuer.statusUrls).join("  ")}
  configuration         ${here(configFile)}
  log                   ${here(logFile)}

Paste these in another terminal, in this folder:

  # 1. Register a workload: its SVID is the registration. No secret is made.
  npx accredit register ${at}

  # 2. Get an access token with the same identity.
  npx accredit token ${at} --resource https://api.example

  # 3. The same for a workload whose SVID carries no metadata, as stock SPIRE mints it.
  npx accredit register ${at} --spiffe-id ${workloads[1] ?? ""}

  # 4. Register with a Verifiable Credential, proving the key that it names.
  npx accredit register ${client} --statement-file ${here(join(dir, CREDENTIAL_FILE))}

  # 5. Get an access token with that key.
  npx accredit token ${client}

  # 6. Revoke the credential: its client stops, and 5 is refused from now on.
  npx accredit dev revoke --dir ${here(dir) || "."}

  # 7. Rotate the trust domain's keys. With --retire, what the old ones signed stops.
  npx accredit dev rotate --dir ${here(dir) || "."}

`;
}
