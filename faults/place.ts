import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { FakeAuthority, freePort } from "@accredit/testkit";

/** A directory with everything that a server needs, and the authority that it trusts. */
export interface Place {
  readonly directory: string;
  readonly issuer: string;
  readonly databaseFile: string;
  readonly authority: FakeAuthority;
}

/** Entries of the configuration that are not the usual ones, and the authority where it is not a new one. */
export interface PlaceOptions {
  readonly bundle?: Readonly<Record<string, unknown>>;
  readonly store?: Readonly<Record<string, unknown>>;
  readonly authority?: FakeAuthority;
  /** Of the policy rule, like `10m`. */
  readonly lease?: string;
  /** Beside the trust domain and its rule. */
  readonly trust?: readonly Readonly<Record<string, unknown>>[];
  readonly policy?: readonly Readonly<Record<string, unknown>>[];
  /** Other sections of the configuration. */
  readonly more?: Readonly<Record<string, unknown>>;
}

/** Makes a place; with its own database file and its own authority, in a file, where nothing else is said. */
export async function makePlace(
  directory: string,
  {
    bundle = { file: "./bundle.json" },
    store = { url: "sqlite:./accredit.db" },
    authority: given,
    lease,
    trust = [],
    policy = [],
    more = {},
  }: PlaceOptions = {},
): Promise<Place> {
  mkdirSync(directory, { recursive: true });
  const authority =
    given ?? (await FakeAuthority.create({ trustDomain: "example.org" }));
  const port = await freePort();
  const issuer = `http://127.0.0.1:${port}`;
  writeFileSync(join(directory, "bundle.json"), authority.bundleDocument());
  const config = {
    issuer,
    listen: { host: "127.0.0.1", port },
    admin: { host: "127.0.0.1", port: 0 },
    store,
    log: { level: "warn" },
    // The faults are what is tested here, on machines that may have other things to do.
    limits: {
      registrations_per_minute_per_prefix: 1_000_000_000,
      max_event_loop_delay: "1m",
    },
    trust: [{ kind: "spiffe", trust_domain: "example.org", bundle }, ...trust],
    policy: [
      {
        name: "all",
        ...(lease !== undefined && { lease }),
        match: { trust: "example.org", subject: "spiffe://example.org/**" },
        allow: {
          grant_types: ["client_credentials"],
          token_endpoint_auth_methods: ["spiffe_jwt"],
        },
      },
      ...policy,
    ],
    ...more,
  };
  // JSON is YAML.
  writeFileSync(join(directory, "accredit.yaml"), JSON.stringify(config));
  const databaseFile = join(directory, "accredit.db");
  return { directory, issuer, databaseFile, authority };
}

/** A JWT-SVID of a workload, for one of the endpoints. */
export async function mint(
  { authority }: Place,
  subject: string,
  audience: string,
): Promise<string> {
  const iat = Math.floor(Date.now() / 1000);
  return authority.jwtSvid({
    sub: subject,
    aud: audience,
    iss: "example.org",
    iat,
    exp: iat + 300,
  });
}

/** Asks for a token; the status of the answer. */
export async function askForToken(
  place: Place,
  subject: string,
): Promise<number> {
  const response = await fetch(`${place.issuer}/token`, {
    method: "POST",
    body: new URLSearchParams({
      grant_type: "client_credentials",
      client_assertion_type:
        "urn:ietf:params:oauth:client-assertion-type:jwt-spiffe",
      client_assertion: await mint(place, subject, place.issuer),
    }),
  });
  await response.text();
  return response.status;
}
