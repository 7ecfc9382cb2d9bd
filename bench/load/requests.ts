import { randomUUID } from "node:crypto";
import { makeSigner, signJwt, type KeyPair, type Signer } from "./jwt.ts";

export const TRUST_DOMAIN = "bench.example";
export const RESOURCE = "https://api.bench.example";
export const SCOPE = "read write";
const CONTACTS = ["ops@bench.example"];
/** Clients that take turns asking for tokens. */
export const TOKEN_CLIENTS = 50;

/** The keys behind every request; made anew for each run of the benchmark. */
export interface BenchKeys {
  /** Signs the SVIDs of the trust domain. */
  readonly authority: KeyPair;
  /** The own keys of the `private_key_jwt` clients, one each. */
  readonly clients: readonly KeyPair[];
}

/** What a round asks, of whom. Subjects are numbered; `first` is the first number. */
export type Job = {
  readonly url: string;
  /** For an https URL: whom to trust, and what to show; PEM. */
  readonly tls?: {
    readonly ca: string;
    readonly cert: string;
    readonly key: string;
  };
  /** Each request on a connection of its own, closed after the answer. Default: connections are kept. */
  readonly fresh?: boolean;
} & (
  | {
      readonly kind: "svid-registration";
      readonly audience: string;
      readonly first: number;
      /** Subjects to cycle through; absent: every request has its own. */
      readonly cycle?: number;
    }
  | { readonly kind: "plain-registration" }
  | { readonly kind: "svid-token"; readonly audience: string }
  | { readonly kind: "private-key-jwt-token"; readonly audience: string }
  /** Authenticated by the certificate of the connection alone. */
  | { readonly kind: "certificate-token"; readonly clientId: string }
  /** Registrations that were minted elsewhere. */
  | { readonly kind: "given-registration"; readonly bodies: readonly string[] }
);

/** One request, ready to send, and what a right answer holds. */
export interface PreparedRequest {
  readonly body: Buffer;
  /** The `client_id` the answer names; absent where the server chooses it. */
  readonly clientId?: string;
}

/** How all requests of a job look, but for the body. */
export interface RequestShape {
  readonly contentType: string;
  readonly status: number;
}

export function subjectOf(number: number): string {
  return `spiffe://${TRUST_DOMAIN}/ns/bench/agent/${number}`;
}

export function clientIdOf(number: number): string {
  return `client-${number}`;
}

/** The metadata that both registrars are asked for; to Accredit it comes as claims of the SVID. */
export function metadataOf(number: number) {
  return {
    client_name: `Bench agent ${number}`,
    grant_types: ["client_credentials"],
    response_types: [],
    scope: SCOPE,
    software_id: "4f1c5f0a-bench",
    software_version: "1.2.3",
  };
}

export function shapeOf(job: Job): RequestShape {
  return job.kind.endsWith("-token")
    ? { contentType: "application/x-www-form-urlencoded", status: 200 }
    : { contentType: "application/json", status: 201 };
}

/** Mints the requests of one round, every credential distinct. */
export function prepareRequests(
  job: Job,
  count: number,
  keys: BenchKeys,
): PreparedRequest[] {
  const authority = makeSigner(keys.authority);
  const clients = keys.clients.map(makeSigner);
  return Array.from({ length: count }, (_, i) =>
    prepareRequest(job, i, authority, clients),
  );
}

function prepareRequest(
  job: Job,
  i: number,
  authority: Signer,
  clients: readonly Signer[],
): PreparedRequest {
  if (job.kind === "svid-registration") {
    const step = job.cycle === undefined ? i : i % job.cycle;
    return svidRegistration(job.first + step, job.audience, authority);
  }
  if (job.kind === "plain-registration") {
    const body = { ...metadataOf(i), redirect_uris: [], contacts: CONTACTS };
    return { body: Buffer.from(JSON.stringify(body)) };
  }
  if (job.kind === "given-registration")
    return { body: Buffer.from(job.bodies[i] ?? "") };
  if (job.kind === "certificate-token") {
    const form = { grant_type: "client_credentials", scope: "read" };
    return {
      body: Buffer.from(
        new URLSearchParams({
          ...form,
          resource: RESOURCE,
          client_id: job.clientId,
        }).toString(),
      ),
    };
  }
  const turn = i % TOKEN_CLIENTS;
  if (job.kind === "svid-token") {
    return tokenRequest(
      "urn:ietf:params:oauth:client-assertion-type:jwt-spiffe",
      mintSvid(subjectOf(turn), job.audience, authority),
    );
  }
  const signer = clients[turn];
  if (signer === undefined) throw new Error("no key for the client");
  const id = clientIdOf(turn);
  return tokenRequest(
    "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
    signJwt({ iss: id, sub: id, ...timed(job.audience) }, signer),
  );
}

function svidRegistration(
  number: number,
  audience: string,
  authority: Signer,
): PreparedRequest {
  const clientId = subjectOf(number);
  const statement = mintSvid(clientId, audience, authority, metadataOf(number));
  const body = { software_statement: statement, contacts: CONTACTS };
  return { body: Buffer.from(JSON.stringify(body)), clientId };
}

function mintSvid(
  subject: string,
  audience: string,
  authority: Signer,
  more: object = {},
): string {
  return signJwt(
    {
      iss: `spiffe://${TRUST_DOMAIN}`,
      sub: subject,
      ...timed(audience),
      ...more,
    },
    authority,
  );
}

/** `jti` makes every credential distinct, so that no cache of verified ones could help anybody. */
function timed(audience: string) {
  const now = Math.floor(Date.now() / 1000);
  return { aud: audience, iat: now, exp: now + 300, jti: randomUUID() };
}

function tokenRequest(type: string, assertion: string): PreparedRequest {
  const form = new URLSearchParams({
    grant_type: "client_credentials",
    scope: "read",
    resource: RESOURCE,
    client_assertion_type: type,
    client_assertion: assertion,
  });
  return { body: Buffer.from(form.toString()) };
}
