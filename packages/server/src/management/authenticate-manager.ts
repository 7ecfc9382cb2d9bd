import { timingSafeEqual } from "node:crypto";
import type { IncomingMessage } from "node:http";
import {
  readAssertionClient,
  type ClientAttestation,
} from "@accredit/core/credential";
import { DcrError } from "@accredit/core/errors";
import type { CredentialFacts } from "@accredit/core/ports";
import {
  clientSubjects,
  factsOf,
  hashManagementToken,
  type RegisteredClient,
  type SpiffeAuthMethod,
} from "@accredit/core/registration";
import { authenticateByKey } from "../client-authentication/authenticate-by-key.ts";
import {
  verifyCredential,
  type AuthenticationPorts,
  type ProvenCredential,
} from "../client-authentication/authenticate.ts";
import { requireMethod } from "../client-authentication/require-method.ts";
import { requireStanding } from "../client-authentication/standing.ts";
import { readAttestationHeaders } from "../http/attestation-headers.ts";
import type { Caller } from "../http/request-scope.ts";
import type { SvidMechanism } from "../client-authentication/mechanism.ts";
import type {
  CertificateChain,
  ReadClientCertificates,
} from "../http/client-certificate.ts";
import { clientHandle } from "./client-uri.ts";
import type { DestroyManagementToken } from "./destroy-token.ts";

/** What proving to be a client at its management endpoint needs. */
export interface ManagerPorts {
  readonly authentication: AuthenticationPorts;
  readonly readClientCertificates: ReadClientCertificates;
  readonly destroyManagementToken: DestroyManagementToken;
}

/** A client whose credential was proven in this request. */
export interface Manager {
  readonly client: RegisteredClient;
  /** The SPIFFE ID that was proven: the client's, or one of those it stands for. */
  readonly subject: string;
  readonly credential: CredentialFacts;
  /** The hash of the registration access token that was used; undefined where none was. */
  readonly tokenHash: string | undefined;
}

const BEARER = /^bearer +([A-Za-z0-9\-._~+/]+=*)$/i;

/**
 * Proves that the caller is the client that a management URI names: by the credential itself, since a SPIFFE
 * client holds no token (MGMT-08). A JWT-SVID in `Authorization: Bearer` whose only audience is the URI,
 * an X509-SVID in mutual TLS, or a WIT-SVID whose proof is for the URI. A client of a Verifiable Credential
 * has a registration access token, or signs a `private_key_jwt` assertion for the URI with its own key.
 *
 * @param caller - learns who was proven, also where that is refused
 * @throws {DcrError} why not; `source_unavailable` and `store_unavailable` are outages
 * @see RFC 7592 section 2; ADR 5
 */
export async function authenticateManager(
  request: IncomingMessage,
  { handle, uri }: { readonly handle: string; readonly uri: string },
  ports: ManagerPorts,
  caller: Caller,
): Promise<Manager> {
  const { authentication } = ports;
  const token = bearerToken(request);
  // What has a dot is a JWT; a registration access token never has.
  if (token !== undefined && !token.includes("."))
    return authenticateByToken(token, handle, ports, caller);
  if (token !== undefined && isKeyAssertion(token, handle))
    return proveKey(token, { handle, uri }, authentication, caller);
  const { credential: svid, method } = await prove(token, request, uri, ports);
  const credential = factsOf(svid);
  caller.credential = credential;
  const client = await findManaged(svid, handle, authentication);
  caller.client = client;
  const { uri: subject } = svid.subject;
  await requireStanding(client, subject, authentication);
  requireMethod(client, method, authentication.policy);
  return { client, subject, credential, tokenHash: undefined };
}

/** A client of a Verifiable Credential, by the token that registration gave it (RFC 7592 section 3). */
async function authenticateByToken(
  token: string,
  handle: string,
  { authentication, destroyManagementToken }: ManagerPorts,
  caller: Caller,
): Promise<Manager> {
  // Its client_id is opaque, so the handle is the client_id itself.
  const client = await authentication.store.findClient(handle);
  const tokenHash = hashManagementToken(token);
  const expected = client?.kind === "vc" ? client.managementTokenHash : null;
  if (
    client === undefined ||
    expected === null ||
    !timingSafeEqual(Buffer.from(tokenHash), Buffer.from(expected))
  ) {
    await destroyManagementToken(tokenHash, caller);
    throw new DcrError(
      "client_unknown",
      "the registration access token is not that of a client under this URI",
    );
  }
  const { trust, subject } = client;
  const credential: CredentialFacts = {
    kind: "registration_access_token",
    trust,
    subject,
    keyId: null,
    algorithm: null,
    fingerprint: tokenHash,
    issuedAt: undefined,
    expiresAt: null,
  };
  caller.credential = credential;
  caller.client = client;
  await requireStanding(client, subject, authentication);
  return { client, subject, credential, tokenHash };
}

/** Whether a JWT says that the client under the URI signed it itself: a SPIFFE client's handle is no name of it. */
function isKeyAssertion(token: string, handle: string): boolean {
  try {
    return readAssertionClient(token) === handle;
  } catch (error) {
    if (error instanceof DcrError) return false;
    throw error;
  }
}

/** A client of a Verifiable Credential, by a key that it registered: it may have lost its token. */
async function proveKey(
  assertion: string,
  { handle, uri }: { readonly handle: string; readonly uri: string },
  authentication: AuthenticationPorts,
  caller: Caller,
): Promise<Manager> {
  const { client, subject } = await authenticateByKey(
    assertion,
    { audience: uri, clientId: handle },
    authentication,
    caller,
  );
  if (caller.credential === undefined)
    throw new TypeError("a client was authenticated without a credential");
  return {
    client,
    subject,
    credential: caller.credential,
    tokenHash: undefined,
  };
}

async function prove(
  token: string | undefined,
  request: IncomingMessage,
  uri: string,
  { authentication, readClientCertificates }: ManagerPorts,
): Promise<{
  readonly credential: ProvenCredential;
  readonly method: SpiffeAuthMethod;
}> {
  const mechanism = chooseProof(
    token,
    readAttestationHeaders(request, authentication),
    readClientCertificates(request),
  );
  const credential = await verifyCredential(mechanism, [uri], authentication);
  return { credential, method: mechanism.method };
}

function chooseProof(
  assertion: string | undefined,
  attestation: ClientAttestation | undefined,
  chain: CertificateChain | undefined,
): SvidMechanism {
  if (assertion !== undefined && attestation !== undefined) {
    throw new DcrError(
      "request_malformed",
      "expected one SVID, got Authorization and OAuth-Client-Attestation",
    );
  }
  if (assertion !== undefined) return { method: "spiffe_jwt", assertion };
  if (attestation !== undefined) return { method: "spiffe_wit", attestation };
  if (chain !== undefined) return { method: "spiffe_x509", chain };
  throw new DcrError(
    "client_assertion_missing",
    "expected a JWT for this URI in Authorization: Bearer, or an X509-SVID in mutual TLS, got neither",
  );
}

/** Node drops a second Authorization header without a word; which of two counts is not ours to choose. */
function bearerToken({ headers, rawHeaders }: IncomingMessage) {
  const { authorization } = headers;
  if (authorization === undefined) return undefined;
  const lines = rawHeaders.filter(
    (name, index) => index % 2 === 0 && name.toLowerCase() === "authorization",
  );
  const token = BEARER.exec(authorization)?.[1];
  if (lines.length > 1 || token === undefined) {
    throw new DcrError(
      "client_assertion_missing",
      lines.length > 1
        ? `expected one Authorization header, got ${lines.length}`
        : "expected Authorization: Bearer and a token, got another value",
    );
  }
  return token;
}

/** The one client of the proven SPIFFE ID, or of the wildcard it shares, that the URI names. */
async function findManaged(
  { subject }: ProvenCredential,
  handle: string,
  { store, policy }: AuthenticationPorts,
): Promise<RegisteredClient> {
  for (const uri of clientSubjects(policy, subject)) {
    const clients = await store.findSpiffeClients(uri);
    const client = clients.find(
      ({ clientId }) => clientHandle(clientId) === handle,
    );
    if (client !== undefined) return client;
  }
  throw new DcrError(
    "client_unknown",
    "no client of the proven SPIFFE ID is registered under this URI",
  );
}
