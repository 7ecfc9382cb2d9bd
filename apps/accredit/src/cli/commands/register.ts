import { Command, Option } from "commander";
import { discover, refusal, requestJson } from "../discovery.ts";
import { print, type Io } from "../io.ts";
import { writeClientFile } from "../client-file.ts";
import { readClientKey } from "../key-file.ts";
import { parseMetadata, readStatementFile } from "../registration-input.ts";
import { fetchSvid } from "../svid.ts";

interface RegisterOptions {
  readonly server: string;
  readonly workloadApi?: string;
  readonly statementFile?: string;
  readonly keyFile?: string;
  readonly clientFile?: string;
  readonly spiffeId?: string;
  readonly audience?: string;
  readonly metadata?: string;
  readonly json?: boolean;
  readonly showStatement?: boolean;
}

/** `accredit register`: registers this workload with its SVID, or a client with a Verifiable Credential. */
export function registerCommand(io: Io): Command {
  return new Command("register")
    .summary("register this workload with its SVID, or with a credential")
    .description(
      "Fetches a JWT-SVID for the server's registration endpoint from the Workload API and registers the client it attests; or registers with the statement in a file.",
    )
    .requiredOption("--server <url>", "issuer identifier of the server")
    .addOption(
      new Option(
        "--workload-api <addr>",
        "Workload API address, e.g. unix:///run/spire/agent.sock",
      ).conflicts("statementFile"),
    )
    .option(
      "--statement-file <file>",
      "read the software statement from a file instead, e.g. a Verifiable Credential",
    )
    .option(
      "--key-file <file>",
      "the client's own key (private JWK), for a Verifiable Credential: proves to hold it, and registers it",
    )
    .option(
      "--client-file <file>",
      "write client_id and, where there is one, the registration access token to this file",
    )
    .option(
      "--spiffe-id <id>",
      "ask the Workload API for this identity, not the default one",
    )
    .option(
      "--audience <aud>",
      "audience to ask for, where the server wants another than its registration endpoint",
    )
    .option("--metadata <json>", "client metadata to request, a JSON object")
    .option(
      "--show-statement",
      "print the software statement too (it is a credential)",
    )
    .option("--json", "print JSON")
    .action(async (options: RegisterOptions) => register(options, io));
}

async function register(options: RegisterOptions, io: Io): Promise<void> {
  const metadata = parseMetadata(options.metadata);
  const { registrationEndpoint } = await discover(options.server);
  const audience = options.audience ?? registrationEndpoint;
  const statement =
    options.statementFile === undefined
      ? (
          await fetchSvid(
            {
              workloadApi: options.workloadApi,
              audience,
              spiffeId: options.spiffeId,
            },
            io,
          )
        ).svid
      : await readStatementFile(options.statementFile);

  const key =
    options.keyFile === undefined
      ? undefined
      : await readClientKey(options.keyFile);
  const { status, body } = await requestJson(registrationEndpoint, {
    method: "POST",
    headers: {
      "Content-Type": "application/json",
      Accept: "application/json",
      ...(key && { DPoP: await key.dpopProof("POST", registrationEndpoint) }),
    },
    body: JSON.stringify({
      ...(key && { jwks: { keys: [key.publicJwk] } }),
      ...metadata,
      software_statement: statement,
    }),
  });
  if (status !== 201) throw refusal("registration", status, body);
  if (options.clientFile !== undefined)
    await writeClientFile(options.clientFile, body);

  const {
    software_statement: echoed,
    registration_access_token: token,
    ...shown
  } = body;
  const client =
    options.showStatement === true
      ? { ...shown, software_statement: echoed }
      : shown;
  print(io, options.json === true, client, [
    ...describeClient(client),
    ...keptLines(options.clientFile, token !== undefined),
  ]);
}

/** Where the registration access token went, which is a credential and not shown. */
function keptLines(file: string | undefined, hasToken: boolean): string[] {
  if (file !== undefined) return [`  kept for later commands in ${file}`];
  return hasToken
    ? ["  its registration access token is not kept: add --client-file FILE"]
    : [];
}

/** The client in lines: each metadata member with where it came from. */
function describeClient(client: Record<string, unknown>): string[] {
  const {
    client_id,
    client_id_issued_at,
    accredit_provenance,
    accredit_resources,
    ...metadata
  } = client;
  const provenance = (accredit_provenance ?? {}) as Record<string, unknown>;
  const rows = Object.entries(metadata).map(
    ([name, value]) =>
      [name, text(value), text(provenance[name] ?? "")] as const,
  );
  const nameWidth = Math.max(0, ...rows.map(([name]) => name.length));
  const issued = new Date(Number(client_id_issued_at) * 1000).toISOString();
  return [
    `registered ${String(client_id)} (first issued ${issued})`,
    ...rows.map(
      ([name, value, origin]) =>
        `  ${name.padEnd(nameWidth)}  ${value}${origin && `  [${origin}]`}`,
    ),
    ...(Array.isArray(accredit_resources) && accredit_resources.length > 0
      ? [`  may ask for tokens for: ${accredit_resources.join(" ")}`]
      : []),
  ];
}

function text(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}
