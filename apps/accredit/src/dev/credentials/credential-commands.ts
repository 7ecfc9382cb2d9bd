import { z } from "zod";
import {
  controlCommand,
  type ControlCommand,
  type ControlCommands,
} from "../control-server.ts";
import { ISSUER_NAMES, type DevCredentialIssuer } from "./credential-issuer.ts";
import {
  CREDENTIAL_FORMATS,
  CREDENTIAL_STATES,
  type IssuedCredential,
} from "./issuer-state.ts";
import { STATUS_TTL_SECONDS } from "./status-lists.ts";

/** Members of a private key, which nobody has to send. */
const PRIVATE_MEMBERS = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];

/** What the issuer itself says of a credential. */
const RESERVED = [
  "iss",
  "sub",
  "id",
  "vct",
  "vc",
  "iat",
  "nbf",
  "exp",
  "cnf",
  "status",
  "credentialStatus",
];

const ISSUE = z.strictObject({
  format: z.enum(CREDENTIAL_FORMATS),
  as: z.enum(ISSUER_NAMES).optional(),
  subject: z.string().min(1).max(2048),
  metadata: z
    .record(z.string().min(1), z.json())
    .refine((metadata) => !RESERVED.some((name) => name in metadata), {
      error: `expected client metadata, none of ${RESERVED.join(", ")}`,
    }),
  holder: z
    .looseObject({ kty: z.string() })
    .refine((jwk) => !PRIVATE_MEMBERS.some((name) => name in jwk), {
      error: "expected a public key, got a private one",
    })
    .optional(),
  ttl_seconds: z
    .int()
    .min(60)
    .max(365 * 86_400),
});

const SET_STATE = z.strictObject({
  index: z.int().min(0).optional(),
  state: z.enum(CREDENTIAL_STATES),
});

/** What `issue` answers with. */
export interface IssuedAnswer {
  /** A credential: not to be logged or shown unasked. */
  readonly credential: string;
  readonly issued: IssuedCredential;
}

/** What `set-state` answers with. */
export interface StateAnswer {
  readonly issued: IssuedCredential;
  /** How long verifiers may go by what they read before, seconds. */
  readonly ttl_seconds: number;
}

/** The commands of a credential issuer. */
export function credentialCommands(
  issuer: DevCredentialIssuer,
): ControlCommands {
  return new Map<string, ControlCommand>([
    [
      "issue",
      controlCommand(ISSUE, ({ ttl_seconds: ttlSeconds, ...request }) =>
        issuer.issue({ ...request, ttlSeconds }),
      ),
    ],
    [
      "set-state",
      controlCommand(
        SET_STATE,
        async ({ index, state }): Promise<StateAnswer> => ({
          issued: await issuer.setState(index, state),
          ttl_seconds: STATUS_TTL_SECONDS,
        }),
      ),
    ],
  ]);
}
