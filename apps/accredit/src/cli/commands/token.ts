import { Command, Option } from "commander";
import {
  JWT_BEARER_ASSERTION_TYPE,
  JWT_SPIFFE_ASSERTION_TYPE,
} from "@accredit/core/credential";
import { readClientId } from "../client-file.ts";
import { discover, refusal, requestJson } from "../discovery.ts";
import { readClientKey } from "../key-file.ts";
import { CommandError, print, type Io } from "../io.ts";
import { fetchSvid } from "../svid.ts";

interface TokenOptions {
  readonly server: string;
  readonly workloadApi?: string;
  readonly keyFile?: string;
  readonly clientFile?: string;
  readonly clientId?: string;
  readonly spiffeId?: string;
  readonly scope?: string;
  readonly resource?: string;
  readonly json?: boolean;
  readonly showToken?: boolean;
}

/** `accredit token`: gets an access token with this workload's SVID, or with a client's own key. */
export function tokenCommand(io: Io): Command {
  return new Command("token")
    .summary("get an access token with this workload's SVID, or with a key")
    .description(
      "Fetches a JWT-SVID for the server from the Workload API and exchanges it for an access token; or signs an assertion with the client's own key. Prints what the token says; the token itself only with --show-token.",
    )
    .requiredOption("--server <url>", "issuer identifier of the server")
    .option(
      "--workload-api <addr>",
      "Workload API address, e.g. unix:///run/spire/agent.sock",
    )
    .addOption(
      new Option(
        "--key-file <file>",
        "the client's own key (private JWK), where it registered with a Verifiable Credential",
      ).conflicts(["workloadApi", "spiffeId"]),
    )
    .option(
      "--client-file <file>",
      "what accredit register --client-file wrote, beside --key-file",
    )
    .addOption(
      new Option(
        "--client-id <id>",
        "the client_id, in the place of --client-file",
      ).conflicts("clientFile"),
    )
    .option(
      "--spiffe-id <id>",
      "ask the Workload API for this identity, not the default one",
    )
    .option(
      "--scope <scope>",
      "scope to ask for; the registered scope where left out",
    )
    .option("--resource <uri>", "resource the token is for")
    .option(
      "--show-token",
      "print the access token too; alone on stdout unless --json",
    )
    .option("--json", "print JSON")
    .action(async (options: TokenOptions) => token(options, io));
}

async function token(options: TokenOptions, io: Io): Promise<void> {
  const { issuer, tokenEndpoint } = await discover(options.server);
  const authentication = await authenticate(options, issuer, io);
  const { status, body } = await requestJson(tokenEndpoint, {
    method: "POST",
    headers: { Accept: "application/json" },
    body: new URLSearchParams({
      grant_type: "client_credentials",
      ...authentication,
      ...(options.scope === undefined ? {} : { scope: options.scope }),
      ...(options.resource === undefined ? {} : { resource: options.resource }),
    }),
  });
  if (status !== 200) throw refusal("token request", status, body);

  const { access_token: accessToken, ...shown } = body;
  if (typeof accessToken !== "string")
    throw new CommandError("the server's response holds no access_token");
  if (options.showToken === true && options.json !== true) {
    io.out(`${accessToken}\n`);
    return;
  }
  const claims = payloadOf(accessToken);
  const result = {
    ...shown,
    claims,
    ...(options.showToken === true ? { access_token: accessToken } : {}),
  };
  print(io, options.json === true, result, [
    `got a ${String(body["token_type"])} token, valid for ${String(body["expires_in"])} s`,
    ...Object.entries(claims).map(
      ([name, value]) =>
        `  ${name.padEnd(9)}  ${typeof value === "string" ? value : JSON.stringify(value)}`,
    ),
    "add --show-token to print the token itself",
  ]);
}

/** The parameters that say who asks. */
async function authenticate(
  { keyFile, clientFile, clientId, workloadApi, spiffeId }: TokenOptions,
  issuer: string,
  io: Io,
): Promise<Record<string, string>> {
  if (keyFile === undefined) {
    if (clientFile !== undefined || clientId !== undefined)
      throw new CommandError(
        "expected --key-file beside the client, got none",
        2,
      );
    const { svid } = await fetchSvid(
      { workloadApi, audience: issuer, spiffeId },
      io,
    );
    return {
      client_assertion_type: JWT_SPIFFE_ASSERTION_TYPE,
      client_assertion: svid,
    };
  }
  const id =
    clientFile === undefined ? clientId : await readClientId(clientFile);
  if (id === undefined) {
    throw new CommandError(
      "expected --client-file or --client-id beside --key-file, got neither",
      2,
    );
  }
  const key = await readClientKey(keyFile);
  return {
    client_assertion_type: JWT_BEARER_ASSERTION_TYPE,
    client_assertion: await key.clientAssertion(id, issuer),
  };
}

/** The claims of a JWT, for showing only: nothing is verified, the token came straight from its issuer. */
function payloadOf(jwt: string): Record<string, unknown> {
  try {
    const claims: unknown = JSON.parse(
      Buffer.from(jwt.split(".")[1] ?? "", "base64url").toString("utf8"),
    );
    return claims !== null && typeof claims === "object" ? { ...claims } : {};
  } catch {
    return {};
  }
}
