import {
  verifySoftwareStatement,
  type VerifiedCredential,
} from "@accredit/core/credential";
import type { JsonObject, JsonValue } from "@accredit/core/json";
import {
  attestationOf,
  decide,
  mergeMetadata,
  register,
  type Attestation,
  type Decision,
  type PolicyRule,
  type ProposedMetadata,
  type Registration,
  type RegistrationPorts,
  type RegistrationSettings,
} from "@accredit/core/registration";
import { parseSpiffeId, parseSpiffeIdPattern } from "@accredit/core/spiffe";
import type { TrustSource } from "@accredit/core/trust";
import { FakeAuthority, FakeClientStore, staticTrust } from "@accredit/testkit";

export const NOW = 1_800_000_000;
export const AUDIENCE = "https://as.example/register";
export const SUBJECT = "spiffe://example.org/ns/prod/agent/alice";

export const authority = await FakeAuthority.create({
  trustDomain: "example.org",
});
export const stranger = await FakeAuthority.create({
  trustDomain: "stranger.example",
});
export const trust: TrustSource = await staticTrust([authority]);

/** A rule that allows one thing of each kind. */
export const RULE: PolicyRule = {
  name: "agents",
  match: {
    trust: "example.org",
    subject: parseSpiffeIdPattern("spiffe://example.org/ns/*/agent/**"),
  },
  allow: {
    grantTypes: ["client_credentials", "authorization_code"],
    scopes: ["read", "write"],
    resources: ["https://api.example"],
    redirectUris: ["https://app.example/cb", "http://127.0.0.1/cb"],
    tokenEndpointAuthMethods: ["spiffe_jwt", "spiffe_x509"],
  },
  attestedOnly: [],
  template: {},
  introspect: "own",
};

export const SETTINGS: RegistrationSettings = {
  audiences: [AUDIENCE],
  policy: [RULE],
  clientId: "spiffe_id",
  maxClientsPerSubject: 16,
  maxClientsOfTrust: () => undefined,
  registrationEndpoint: AUDIENCE,
  supportedGrantTypes: ["client_credentials", "authorization_code"],
  supportedAuthMethods: ["spiffe_jwt", "spiffe_x509"],
  clockToleranceSeconds: 60,
  maxLifetimeSeconds: 3600,
  maxAgeSeconds: 3600,
};

export type Claims = Readonly<Record<string, unknown>>;

/** A good statement with the claims changed or added. */
export function statementWith(
  claims: Claims = {},
  signer = authority,
): Promise<string> {
  return signer.jwtSvid({
    sub: SUBJECT,
    iss: `spiffe://${signer.trustDomain}`,
    aud: AUDIENCE,
    iat: NOW - 10,
    exp: NOW + 290,
    ...claims,
  });
}

export async function credentialWith(
  claims: Claims = {},
): Promise<VerifiedCredential> {
  return verifySoftwareStatement(await statementWith(claims), trust, {
    ...SETTINGS,
    now: NOW,
  });
}

/** What an SVID of this SPIFFE ID without metadata attests; the ID need not be one that gets an SVID. */
export function attest(subject: string): Attestation {
  const spiffeId = parseSpiffeId(subject);
  return {
    kind: "spiffe",
    trust: spiffeId.trustDomain,
    subject,
    spiffeId,
    types: [],
    metadata: {},
  } as unknown as Attestation;
}

/** What a test changes; the rest is {@link RULE}, {@link SETTINGS}, an empty body and no extra claims. */
export interface Situation {
  readonly claims?: Claims;
  readonly body?: JsonObject;
  readonly rule?: Partial<PolicyRule>;
  readonly settings?: Partial<RegistrationSettings>;
  readonly withoutStatement?: true;
}

export async function propose({
  claims,
  body = {},
  rule,
  settings,
}: Situation): Promise<ProposedMetadata> {
  return mergeMetadata(
    attestationOf(await credentialWith(claims)),
    body,
    { ...RULE, ...rule },
    { ...SETTINGS, ...settings },
  );
}

export async function decideOn(situation: Situation): Promise<Decision> {
  return decide({ ...RULE, ...situation.rule }, await propose(situation), {
    ...SETTINGS,
    ...situation.settings,
  });
}

/** `code field` of every reason against a situation; empty where it is allowed. */
export async function reasonsAgainst(
  situation: Situation,
): Promise<readonly string[]> {
  const decision = await decideOn(situation);
  return decision.allow
    ? []
    : decision.reasons.map(({ code, field }) => `${code} ${field}`);
}

/** A store, and the ports around it; `ids` counts the opaque ids made. */
export function makePorts(change: Partial<RegistrationPorts> = {}): {
  readonly store: FakeClientStore;
  readonly ports: RegistrationPorts;
} {
  const store = new FakeClientStore();
  let ids = 0;
  const ports = {
    clock: { now: () => NOW },
    trust,
    store,
    newClientId: () => `opaque-${++ids}`,
    newManagementToken: () => `token-${++ids}`,
    ...change,
  };
  return { store, ports };
}

let requests = 0;

/** Registers over `ports` with a good statement, unless the body brings its own. */
export async function registerWith(
  ports: RegistrationPorts,
  { claims, body = {}, rule, settings, withoutStatement }: Situation = {},
): Promise<Registration> {
  return register(
    {
      body: withoutStatement
        ? body
        : { software_statement: await statementWith(claims), ...body },
      requestId: `request-${++requests}`,
      remote: "192.0.2.7",
    },
    { ...SETTINGS, policy: [{ ...RULE, ...rule }], ...settings },
    ports,
  );
}

/** A JSON value in short, for the name of a test. */
export function short(value: JsonValue): string {
  const json = JSON.stringify(value).replace(
    /[^\x20-\x7e]/g,
    (character) =>
      `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
  return json.length <= 70 ? json : `${json.slice(0, 70)}... (${json.length})`;
}
