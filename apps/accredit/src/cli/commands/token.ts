import { Command } from "commander";
import { JWT_SPIFFE_ASSERTION_TYPE } from "@accredit/core/credential";
import { discover, refusal, requestJson } from "../discovery.ts";
import { CommandError, print, type Io } from "../io.ts";
import { fetchSvid } from "../svid.ts";

interface TokenOptions {
  readonly server: string;
  readonly workloadApi?: string;
  readonly spiffeId?: string;
  readonly scope?: string;
  readonly resource?: string;
  readonly json?: boolean;
  readonly showToken?: boolean;
}

/** `accredit token`: gets an access token with this workload's SVID. */
export function tokenCommand(io: Io): Command {
  return new Command("token")
    .summary("get an access token with this workload's SVID")
    .description(
      "Fetches a JWT-SVID for the server from the Workload API and exchanges it for an access token. Prints what the token says; the token itself only with --show-token.",
    )
    .requiredOption("--server <url>", "issuer identifier of the server")
    .option(
      "--workload-api <addr>",
      "Workload API address, e.g. unix:///run/spire/agent.sock",
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
  const { svid } = await fetchSvid(
    {
      workloadApi: options.workloadApi,
      audience: issuer,
      spiffeId: options.spiffeId,
    },
    io,
  );
  const { status, body } = await requestJson(tokenEndpoint, {
    method: "POST",
    headers: { Accept: "application/json" },
    body: new URLSearchParams({
      grant_type: "client_credentials",
      client_assertion_type: JWT_SPIFFE_ASSERTION_TYPE,
      client_assertion: svid,
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
