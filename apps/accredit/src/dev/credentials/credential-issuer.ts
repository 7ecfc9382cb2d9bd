import { join } from "node:path";
import type { Clock } from "@accredit/core/ports";
import type { JWK } from "jose";
import type { DevCertificateAuthority } from "../certificate-authority.ts";
import { publicJwk, signToken } from "../signing-key.ts";
import { MAKE_CREDENTIAL } from "./credentials.ts";
import { startIssuerEndpoint, type IssuerDocument } from "./issuer-endpoint.ts";
import {
  openIssuerState,
  type CredentialFormat,
  type CredentialState,
  type IssuedCredential,
} from "./issuer-state.ts";
import {
  bitstringListCredential,
  MAX_CREDENTIALS,
  PURPOSES,
  tokenListClaims,
  type ListContext,
  type StatusUrls,
} from "./status-lists.ts";

/** The names that a development issuer goes by: its DID, or its https URL. */
export const ISSUER_NAMES = ["did", "https"] as const;
export type IssuerName = (typeof ISSUER_NAMES)[number];

/** What to issue. */
export interface IssueRequest {
  readonly format: CredentialFormat;
  /** Under which of its names; `did` by default. */
  readonly as?: IssuerName | undefined;
  readonly subject: string;
  readonly metadata: Readonly<Record<string, unknown>>;
  /** The holder's public key; a bearer credential where there is none. */
  readonly holder?: JWK | undefined;
  readonly ttlSeconds: number;
}

/** A running development issuer of Verifiable Credentials. */
export interface DevCredentialIssuer {
  /** `did:web:localhost%3A<port>`. */
  readonly did: string;
  /** `https://localhost:<port>`: its other name, with JWT VC Issuer Metadata. */
  readonly url: string;
  readonly statusUrls: StatusUrls;
  issued(): readonly IssuedCredential[];
  issue(request: IssueRequest): Promise<{
    readonly credential: string;
    readonly issued: IssuedCredential;
  }>;
  /** @throws {Error} no such credential, or one that was revoked */
  setState(
    index: number | undefined,
    state: CredentialState,
  ): Promise<IssuedCredential>;
  close(): Promise<void>;
}

/** Where it lives; a restart with the same port goes on with what it issued. */
export interface DevCredentialIssuerOptions {
  /** A private folder. */
  readonly dir: string;
  readonly listen: { readonly host: string; readonly port: number };
  readonly ca: DevCertificateAuthority;
  readonly clock: Clock;
}

/**
 * Starts an issuer of Verifiable Credentials for development: it issues what it is asked to, publishes its
 * keys as a DID document, as issuer metadata and as a JWK Set, and the status of what it issued as status lists.
 */
export async function startDevCredentialIssuer({
  dir,
  listen,
  ca,
  clock,
}: DevCredentialIssuerOptions): Promise<DevCredentialIssuer> {
  const state = await openIssuerState(join(dir, "credential-issuer.json"));
  const endpoint = await startIssuerEndpoint(
    listen,
    await ca.issueServerCertificate(),
    documentsOf,
  );
  const { origin: url } = endpoint;
  const did = didOf(url);
  const statusUrls = statusUrlsOf(url);

  function documentsOf(origin: string): ReadonlyMap<string, IssuerDocument> {
    const jwks = { keys: [publicJwk(state.key)] };
    const json = (value: unknown): IssuerDocument => ({
      contentType: "application/json",
      body: async () => JSON.stringify(value),
    });
    const urls = statusUrlsOf(origin);
    const issuer = didOf(origin);
    const list = (
      type: string,
      claims: (context: ListContext) => Parameters<typeof signToken>[2],
    ): IssuerDocument => ({
      contentType: `application/${type}`,
      body: () =>
        signToken(
          keyOf(issuer),
          type,
          claims({ issuer, urls, issued: state.issued(), now: clock.now() }),
        ),
    });
    return new Map([
      ["/jwks.json", json(jwks)],
      ["/.well-known/jwt-vc-issuer", json({ issuer: origin, jwks })],
      ["/.well-known/did.json", json(didDocument(issuer))],
      ["/status/token", list("statuslist+jwt", tokenListClaims)],
      ...PURPOSES.map(
        (purpose) =>
          [
            `/status/${purpose}`,
            list("vc+jwt", (context) =>
              bitstringListCredential(purpose, context),
            ),
          ] as const,
      ),
    ]);
  }

  /** The key as it is called under a name of the issuer. */
  function keyOf(issuer: string) {
    const { id, jwk } = state.key;
    return { id: issuer.startsWith("did:") ? `${issuer}#${id}` : id, jwk };
  }

  /** @see Decentralized Identifiers, section 5.2 */
  function didDocument(id: string) {
    const method = `${id}#${state.key.id}`;
    const { kid: _kid, ...publicKeyJwk } = publicJwk(state.key);
    return {
      "@context": [
        "https://www.w3.org/ns/did/v1",
        "https://w3id.org/security/suites/jws-2020/v1",
      ],
      id,
      verificationMethod: [
        { id: method, type: "JsonWebKey2020", controller: id, publicKeyJwk },
      ],
      assertionMethod: [method],
    };
  }

  return {
    did,
    url,
    statusUrls,
    issued: () => state.issued(),
    async issue({ format, as = "did", ...request }) {
      const issuedAt = clock.now();
      const expiresAt = issuedAt + request.ttlSeconds;
      if (state.issued().length >= MAX_CREDENTIALS)
        throw new Error(
          "the status lists are full: begin anew in another --dir",
        );
      const issued = await state.add({
        format,
        subject: request.subject,
        expires_at: expiresAt,
        state: "valid",
      });
      const issuer = as === "did" ? did : url;
      const credential = await MAKE_CREDENTIAL[format](keyOf(issuer), {
        issuer,
        subject: request.subject,
        metadata: request.metadata,
        holder: request.holder,
        index: issued.index,
        urls: statusUrls,
        issuedAt,
        expiresAt,
      });
      return { credential, issued };
    },
    setState: (index, next) => state.setState(index, next),
    close: () => endpoint.close(),
  };
}

/** did:web method, section 3.1: the port's colon is percent-encoded. */
function didOf(origin: string): string {
  return `did:web:${new URL(origin).host.replace(":", "%3A")}`;
}

function statusUrlsOf(origin: string): StatusUrls {
  return {
    token: `${origin}/status/token`,
    revocation: `${origin}/status/revocation`,
    suspension: `${origin}/status/suspension`,
  };
}
