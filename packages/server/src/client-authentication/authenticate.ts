import {
  verifyClientAssertion,
  verifyClientAttestation,
} from "@accredit/core/credential";
import {
  factsOf,
  type ClientAuthMethod,
  type RegisteredClient,
} from "@accredit/core/registration";
import type {
  VerifiedJwtSvid,
  VerifiedWitSvid,
  VerifiedX509Svid,
} from "@accredit/core/spiffe";
import {
  certificateBinding,
  verifyCertificates,
  wantsBoundTokens,
  type CertificateBinding,
  type CertificatePorts,
} from "./certificate-binding.ts";
import {
  authenticateByKey,
  type KeyAuthenticationPorts,
} from "./authenticate-by-key.ts";
import type { Caller } from "../http/request-scope.ts";
import { requireMethod } from "./require-method.ts";
import { requireStanding } from "./standing.ts";
import { findSpiffeClient, type FindClientPorts } from "./find-client.ts";
import {
  chooseMechanism,
  type SvidMechanism,
  type PresentedAuthentication,
} from "./mechanism.ts";

/** The parameters of client authentication; they go no further than this step. */
export const CLIENT_AUTHENTICATION_PARAMETERS: ReadonlySet<string> = new Set([
  "client_id",
  "client_secret",
  "client_assertion",
  "client_assertion_type",
]);

/** Every kind of credential that a client may prove itself with. */
export type ProvenCredential =
  VerifiedJwtSvid | VerifiedWitSvid | VerifiedX509Svid;

declare const authenticated: unique symbol;

/** A client that proved who it is in this very request. Only {@link authenticateClient} makes one. */
export interface AuthenticatedClient {
  readonly [authenticated]: true;
  readonly client: RegisteredClient;
  readonly method: ClientAuthMethod;
  /** Who was proven: the client's own subject, or one of the SPIFFE IDs that it stands for. */
  readonly subject: string;
  /**
   * What its tokens are bound to, where its metadata wants that and the request has a certificate; undefined
   * at endpoints that issue none.
   */
  readonly binding: CertificateBinding | undefined;
}

/** What authenticates its client: whether it issues tokens, which may have to be bound. */
export interface AuthenticatingEndpoint {
  readonly issuesTokens: boolean;
}

/** What client authentication needs of the world. Times in seconds. */
export interface AuthenticationPorts
  extends FindClientPorts, CertificatePorts, KeyAuthenticationPorts {
  readonly store: FindClientPorts["store"] & KeyAuthenticationPorts["store"];
  /** The authorization server's issuer identifier: the only audience of an assertion (CAUTH-04). */
  readonly issuer: string;
  readonly maxLifetimeSeconds: number;
  readonly maxAgeSeconds: number;
  /** Whether WIT-SVIDs are taken (experimental); where they are not, their headers are not read. */
  readonly takesWit: boolean;
}

/**
 * Authenticates the client of a request by its JWT-SVID (`spiffe_jwt`), its X509-SVID in TLS
 * (`spiffe_x509`), its WIT-SVID (`spiffe_wit`) or its own key (`private_key_jwt`). The order is a security
 * property: nothing is looked up before the credential is verified, so that an unknown client and a wrong
 * key cannot be told apart.
 *
 * @param caller - learns who was proven, also where that is refused
 * @throws {DcrError} the reason; the wire shows one text for all of them (CAUTH-18)
 * @see draft-ietf-oauth-spiffe-client-auth section 3
 */
export async function authenticateClient(
  presented: PresentedAuthentication,
  { issuesTokens }: AuthenticatingEndpoint,
  ports: AuthenticationPorts,
  caller: Caller,
): Promise<AuthenticatedClient> {
  // 1. Exactly one mechanism, and one we take.
  const mechanism = chooseMechanism(presented);

  if (mechanism.method === "private_key_jwt") {
    const proven = await authenticateByKey(
      mechanism.assertion,
      {
        audience: ports.issuer,
        clientId: presented.parameters.get("client_id"),
      },
      ports,
      caller,
    );
    return { ...proven, binding: undefined } as AuthenticatedClient;
  }

  // 2. The credential.
  const credential = await verifyCredential(mechanism, [ports.issuer], ports);
  caller.credential = factsOf(credential);

  // 3. The client that this SPIFFE ID registered (CAUTH-06, CAUTH-07).
  const client = await findSpiffeClient(
    credential.subject,
    presented.parameters.get("client_id"),
    ports,
  );

  caller.client = client;
  const { uri: subject } = credential.subject;
  await requireStanding(client, subject, ports);

  // 4. Any method its rule enables serves it, whichever its metadata names (CAUTH-15).
  const { method } = mechanism;
  requireMethod(client, method, ports.policy);

  // 5. What its tokens are bound to. Where none is issued, a certificate beside the credential says nothing.
  const binding =
    issuesTokens && wantsBoundTokens(client)
      ? await certificateBinding(credential, presented.certificates, ports)
      : undefined;

  // 6. What is used is not given up.
  ports.renewLease(client, caller);
  return { client, method, subject, binding } as AuthenticatedClient;
}

/**
 * Verifies an SVID by the rules that registration uses too, for these audiences alone.
 *
 * @throws {DcrError} why not
 */
export async function verifyCredential(
  mechanism: SvidMechanism,
  audiences: readonly string[],
  ports: AuthenticationPorts,
): Promise<ProvenCredential> {
  if (mechanism.method === "spiffe_x509")
    return verifyCertificates(mechanism.chain, ports);
  const { clockToleranceSeconds } = ports;
  const expected = { audiences, now: ports.clock.now(), clockToleranceSeconds };
  if (mechanism.method === "spiffe_wit") {
    const { attestation } = mechanism;
    return verifyClientAttestation(
      attestation,
      ports.trust,
      expected,
      ports.store,
    );
  }
  return verifyClientAssertion(mechanism.assertion, ports.trust, {
    ...expected,
    maxLifetimeSeconds: ports.maxLifetimeSeconds,
    maxAgeSeconds: ports.maxAgeSeconds,
  });
}
