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
  const { statement, svidSource } = options;
  if ((statement === undefined) === (svidSource === undefined))
    throw new TypeError("expected either statement or svidSource");
  if (svidSource !== undefined)
    return (await registerBySvid({ ...options, svidSource })).client;
  const endpoint = await registrationEndpoint(options);
  return postRegistration(endpoint, statement ?? "", options);
}

/** A client and the SPIFFE ID that registered it. */
export interface Registration {
  readonly spiffeId: string;
  readonly client: RegisteredClient;
}

/** Registers with a new JWT-SVID, and tells which identity it was for. */
export async function registerBySvid(
  options: RegisterOptions & { readonly svidSource: JwtSvidSource },
): Promise<Registration> {
  const endpoint = await registrationEndpoint(options);
  const { spiffeId, svid } = await fetchJwtSvid(
    options.svidSource,
    options.audience ?? endpoint,
    { spiffeId: options.spiffeId, signal: options.signal },
  );
  return { spiffeId, client: await postRegistration(endpoint, svid, options) };
}

async function registrationEndpoint(options: RegisterOptions): Promise<string> {
  const { server } = options;
  const metadata =
    typeof server === "string"
      ? await discover(server, options)
      : parseServerMetadata(server, server.issuer);
  return requireEndpoint(metadata, "registration_endpoint");
}

/** 201 is the only success there is. */
async function postRegistration(
  endpoint: string,
  statement: string,
  options: RegisterOptions,
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
      body: JSON.stringify({
        ...options.metadata,
        software_statement: statement,
      }),
    },
    options,
    secrets,
  );
  if (answer.status >= 400)
    throw refusal("registration", answer, "registration_refused", secrets);
  return readRegisteredClient(answer);
}
