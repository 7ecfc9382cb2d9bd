import { discover } from "./discover.ts";
import { exchange, type RequestSettings } from "./lib/exchange.ts";
import { refusal } from "./lib/refusal.ts";
import {
  parseServerMetadata,
  requireEndpoint,
  type AuthorizationServerMetadata,
} from "./metadata.ts";
import {
  readRegisteredClient,
  type RegisteredClient,
} from "./registered-client.ts";
import { fetchJwtSvid, type JwtSvidSource } from "./svid-source.ts";

/** What to register, where, and by which credential. */
export interface RegisterOptions extends RequestSettings {
  /** The server's issuer identifier, or its metadata from `discover`. */
  readonly server: string | AuthorizationServerMetadata;
  /** The software statement. Either this or `svidSource`. */
  readonly statement?: string | undefined;
  /** Gives the JWT-SVID that is the statement; a Workload API client. */
  readonly svidSource?: JwtSvidSource | undefined;
  /** Which identity `svidSource` shall give; the default one where absent. */
  readonly spiffeId?: string | undefined;
  /** The audience of the JWT-SVID, where the server wants another than its registration endpoint. */
  readonly audience?: string | undefined;
  /** Client metadata to ask for, by its RFC 7591 names; what the statement says wins. */
  readonly metadata?: Readonly<Record<string, unknown>> | undefined;
}

/**
 * Registers a client with a software statement: a JWT-SVID for the registration endpoint, or one that the
 * caller has. Safe to repeat: an attested subject that registers again gets its client back.
 *
 * @throws {AccreditClientError} `registration_refused`, `temporarily_unavailable`, `server_unreachable`,
 * `response_invalid`, `svid_unavailable`, and what `discover` throws
 * @throws {TypeError} neither a statement nor a source of one, or both
 * @throws the signal's reason
 * @see RFC 7591 section 3; draft-kasselman-oauth-dcr-trusted-issuer-token section 5
 */
export async function register(
  options: RegisterOptions,
): Promise<RegisteredClient> {
  const { server, metadata, statement, svidSource, spiffeId, signal } = options;
  if ((statement === undefined) === (svidSource === undefined))
    throw new TypeError("expected either statement or svidSource");
  const found =
    typeof server === "string"
      ? await discover(server, options)
      : parseServerMetadata(server, server.issuer);
  const endpoint = requireEndpoint(found, "registration_endpoint");
  const { audience = endpoint } = options;
  const credential =
    svidSource === undefined
      ? (statement ?? "")
      : (await fetchJwtSvid(svidSource, audience, { spiffeId, signal })).svid;
  return postRegistration(endpoint, credential, metadata, options);
}

/** Sends a registration; 201 is the only success there is. */
export async function postRegistration(
  endpoint: string,
  statement: string,
  metadata: Readonly<Record<string, unknown>> = {},
  settings: RequestSettings = {},
): Promise<RegisteredClient> {
  const secrets = [statement];
  const answer = await exchange(
    endpoint,
    {
      method: "POST",
      headers: {
        Accept: "application/json",
        "Content-Type": "application/json",
      },
      body: JSON.stringify({ ...metadata, software_statement: statement }),
    },
    settings,
    secrets,
  );
  if (answer.status >= 400)
    throw refusal("registration", answer, "registration_refused", secrets);
  return readRegisteredClient(answer);
}
