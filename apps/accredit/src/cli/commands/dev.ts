import { Command, InvalidArgumentError } from "commander";
import { CommandError, print, type Io } from "../io.ts";
import {
  describeStatus,
  devRotateCommand,
  devStatusCommand,
} from "./dev-control.ts";
import { devIssueCommand, devStateCommand } from "./dev-credentials.ts";
import { stopped } from "../stopped.ts";

interface DevOptions {
  readonly dir: string;
  readonly trustDomain: string;
  readonly bundlePort: number;
  readonly spiffeBundlePort?: number;
  readonly credentialPort?: number;
  readonly workloads?: string;
  readonly iss: boolean;
  readonly json?: boolean;
}

/** `accredit dev`: runs the development issuers alone. */
export function devCommand(io: Io): Command {
  return new Command("dev")
    .summary(
      "run development issuers: a trust domain, and Verifiable Credentials",
    )
    .description(
      "Runs a SPIFFE trust domain for development: a Workload API socket and bundle endpoints; and an issuer of Verifiable Credentials. Whoever may open the socket gets any of its identities, so it is no place for anything of value.",
    )
    .option("--dir <dir>", "where its keys and socket are kept", "./data/dev")
    .option("--trust-domain <name>", "name of the trust domain", "example.org")
    .option(
      "--bundle-port <port>",
      "port of the https_web bundle endpoint on loopback",
      parsePort,
      8702,
    )
    .option(
      "--spiffe-bundle-port <port>",
      "port of the https_spiffe bundle endpoint on loopback; the one after --bundle-port by default",
      parsePort,
    )
    .option(
      "--credential-port <port>",
      "port of the credential issuer on loopback; the one after that by default",
      parsePort,
    )
    .option(
      "--workloads <file>",
      "YAML or JSON list of { spiffe_id, claims, hint, ttl, x509 }; the first is the default identity",
    )
    .option("--no-iss", "mint SVIDs without `iss`, as stock SPIRE does")
    .option("--json", "print JSON")
    .action(async (options: DevOptions) => {
      const { defaultWorkloads, startDevIssuers } =
        await import("../../dev/start.ts");
      const { readWorkloadsFile } = await import("../../dev/workloads-file.ts");
      const { parseTrustDomainName } = await import("@accredit/core/spiffe");
      const workloads = await asUsage(async () => {
        parseTrustDomainName(options.trustDomain);
        return options.workloads === undefined
          ? defaultWorkloads(options.trustDomain)
          : readWorkloadsFile(options.workloads);
      });
      const { devStatus } = await import("../../dev/control-commands.ts");
      const spiffeBundlePort =
        options.spiffeBundlePort ?? portAfter(options.bundlePort);
      const domain = await startDevIssuers({
        dir: options.dir,
        trustDomain: options.trustDomain,
        bundlePort: options.bundlePort,
        spiffeBundlePort,
        credentialPort: options.credentialPort ?? portAfter(spiffeBundlePort),
        workloads,
        issuer: options.iss ? undefined : null,
      });
      const status = devStatus(domain, domain.credentialIssuer);
      print(io, options.json === true, status, [
        `Development trust domain ${domain.trustDomain}. Ctrl-C stops it.`,
        ...describeStatus(status),
      ]);
      await stopped(io.signal);
      await domain.close();
    })
    .enablePositionalOptions() // What comes after a command below is that command's.
    .addCommand(devStatusCommand(io))
    .addCommand(devRotateCommand(io))
    .addCommand(devIssueCommand(io))
    .addCommand(devStateCommand(io, "revoke"))
    .addCommand(devStateCommand(io, "suspend"))
    .addCommand(devStateCommand(io, "reinstate"));
}

/** The next port, or any free one after that was asked for. */
function portAfter(port: number): number {
  return port === 0 || port === 65_535 ? 0 : port + 1;
}

/** A TCP port, 0 for any free one. */
export function parsePort(text: string): number {
  const port = Number(text);
  if (/^\d{1,5}$/.test(text) && port <= 65_535) return port;
  throw new InvalidArgumentError("expected a port from 0 to 65535");
}

/** What an option or its file does not bear is the caller's to change. */
async function asUsage<T>(read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (cause) {
    const message = cause instanceof Error ? cause.message : String(cause);
    throw new CommandError(message, 2, { cause });
  }
}
