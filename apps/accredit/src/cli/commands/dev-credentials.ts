import { setTimeout as sleep } from "node:timers/promises";
import { InvalidArgumentError, Option, type Command } from "commander";
import type { JsonObject } from "@accredit/core/json";
import type {
  IssuedAnswer,
  StateAnswer,
} from "../../dev/credentials/credential-commands.ts";
import type {
  CredentialState,
  IssuedCredential,
} from "../../dev/credentials/issuer-state.ts";
import { print, type Io } from "../io.ts";
import { parseMetadata } from "../registration-input.ts";
import { callDev, controlCommand, type ControlOptions } from "./dev-control.ts";

interface IssueOptions extends ControlOptions {
  readonly format: string;
  readonly as: string;
  readonly subject: string;
  readonly metadata?: string;
  readonly keyFile?: string;
  readonly ttl: number;
  readonly out?: string;
  readonly showCredential?: boolean;
}

/** What a credential attests unless told otherwise. */
export const DEFAULT_METADATA: JsonObject = {
  client_name: "Partner agent",
  scope: "read",
};
export const DEFAULT_SUBJECT = "urn:example:partner-agent";
const DAY = 86_400;

/** `accredit dev issue`: a Verifiable Credential from the running issuer. */
export function devIssueCommand(io: Io): Command {
  return controlCommand("issue")
    .summary("issue a Verifiable Credential")
    .addOption(
      new Option("--format <format>", "what kind of credential")
        .choices(["jwt_vc", "vc+jwt", "dc+sd-jwt"])
        .default("dc+sd-jwt"),
    )
    .addOption(
      new Option("--as <name>", "which of the issuer's names it carries")
        .choices(["did", "https"])
        .default("did"),
    )
    .option("--subject <id>", "whom it is about", DEFAULT_SUBJECT)
    .option(
      "--metadata <json>",
      "the client metadata that it attests, a JSON object; a name and scope read where left out",
    )
    .option(
      "--key-file <file>",
      "bind it to the key in this file (private JWK), which is made where there is none; left out: whoever has the credential may use it",
    )
    .option("--ttl <seconds>", "how long it is good for", parseTtl, DAY)
    .option("--out <file>", "write it to this file")
    .option("--show-credential", "print it, alone on stdout unless --json")
    .action(async (options: IssueOptions, command: Command) => {
      const { readClientKey } = await import("../key-file.ts");
      const key =
        options.keyFile === undefined
          ? undefined
          : await readClientKey(options.keyFile, { make: true });
      const answer = await callDev<IssuedAnswer>(options, command, "issue", {
        format: options.format,
        as: options.as,
        subject: options.subject,
        metadata:
          options.metadata === undefined
            ? DEFAULT_METADATA
            : parseMetadata(options.metadata),
        holder: key?.publicJwk,
        ttl_seconds: options.ttl,
      });
      if (options.out !== undefined) {
        const { replaceFile } = await import("../../dev/private-files.ts");
        await replaceFile(options.out, `${answer.credential}\n`);
      }
      const { json = false } = { ...command.parent?.opts(), ...options };
      if (options.showCredential === true && !json) {
        io.out(`${answer.credential}\n`);
        return;
      }
      const shown = options.showCredential === true ? answer : answer.issued;
      print(io, json, shown, [
        `issued ${describe(answer.issued)}`,
        ...(options.out === undefined
          ? ["add --out FILE to keep it, or --show-credential to print it"]
          : [`  written to ${options.out}`]),
      ]);
    });
}

const STATES = {
  revoke: { state: "revoked", summary: "revoke a credential, for ever" },
  suspend: { state: "suspended", summary: "suspend a credential" },
  reinstate: { state: "valid", summary: "end a credential's suspension" },
} as const satisfies Record<
  string,
  { readonly state: CredentialState; readonly summary: string }
>;

/** `accredit dev revoke`, `suspend`, `reinstate`: what the status lists say of a credential. */
export function devStateCommand(io: Io, verb: keyof typeof STATES): Command {
  const { state, summary } = STATES[verb];
  return controlCommand(verb)
    .summary(summary)
    .description(
      "Changes the status lists of the running issuer, and ends when whoever read them before has to read them again.",
    )
    .argument(
      "[index]",
      "its index, which accredit dev issue tells; the newest one where left out",
      parseIndex,
    )
    .action(
      async (
        index: number | undefined,
        options: ControlOptions,
        command: Command,
      ) => {
        const { issued, ttl_seconds } = await callDev<StateAnswer>(
          options,
          command,
          "set-state",
          { state, ...(index === undefined ? {} : { index }) },
        );
        await sleep(ttl_seconds * 1000, undefined, { signal: io.signal });
        const { json = false } = { ...command.parent?.opts(), ...options };
        print(io, json, issued, [`${issued.state}: ${describe(issued)}`]);
      },
    );
}

function describe(issued: IssuedCredential): string {
  const { index, format, subject, expires_at } = issued;
  const end = new Date(expires_at * 1000).toISOString();
  return `${format} credential ${index} about ${subject}, valid until ${end}`;
}

function parseIndex(text: string): number {
  if (/^\d{1,6}$/.test(text)) return Number(text);
  throw new InvalidArgumentError("expected a credential's index, like 0");
}

function parseTtl(text: string): number {
  const seconds = Number(text);
  if (/^\d{1,8}$/.test(text) && seconds >= 60 && seconds <= 365 * DAY)
    return seconds;
  throw new InvalidArgumentError("expected seconds, from 60 to 31536000");
}
