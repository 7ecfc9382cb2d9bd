import { z } from "zod";
import { section } from "./section.ts";
import {
  bundleUrl,
  claimValue,
  credentialIssuer,
  duration,
  filePath,
  flag,
  list,
  oneOf,
  spiffeId,
  text,
  trustDomain,
  whole,
  workloadApiAddress,
} from "./values.ts";

const iss = section({
  mode: oneOf("require", "if_present", "ignore")
    .default("require")
    .describe(
      "Whether a statement must carry `iss`, must have an accepted one if any, or may carry anything.",
    ),
  values: list(claimValue())
    .optional()
    .describe(
      "Accepted `iss` values; `spiffe://<trust domain>` and `<trust domain>` where left out.",
    ),
});

const bundle = section({
  file: filePath()
    .optional()
    .describe("A file with the SPIFFE bundle, read again when it changes."),
  url: bundleUrl()
    .optional()
    .describe("A SPIFFE bundle endpoint; takes `profile`."),
  profile: oneOf("https_web", "https_spiffe")
    .optional()
    .describe(
      "How the endpoint is authenticated: `https_web` is by Web PKI, `https_spiffe` by its X509-SVID.",
    ),
  endpoint_spiffe_id: spiffeId()
    .optional()
    .describe("The SPIFFE ID of an `https_spiffe` endpoint."),
  bootstrap_file: filePath()
    .optional()
    .describe(
      "A SPIFFE bundle of the `https_spiffe` endpoint's trust domain, to begin with; not asked once a bundle was fetched, and after a restart only where that one is older than `max_stale`.",
    ),
  workload_api: workloadApiAddress()
    .optional()
    .describe(
      "A SPIFFE Workload API, like `unix:///run/spire/agent.sock`, whose bundle streams are followed.",
    ),
  ca_file: filePath()
    .optional()
    .describe(
      "Roots for the endpoint's certificate besides the system's, PEM.",
    ),
  allow_private_addresses: flag()
    .optional()
    .describe(
      "Whether the endpoint may be at a private or loopback address; false where left out.",
    ),
  refresh_floor: duration("1s", "24h")
    .optional()
    .describe("The shortest time between two polls; 1m where left out."),
  refresh_ceiling: duration("1s", "24h")
    .optional()
    .describe("The longest time between two polls; 5m where left out."),
});

const spiffeEntry = section({
  kind: z.literal("spiffe").describe("A SPIFFE trust domain."),
  trust_domain: trustDomain().describe(
    "The trust domain's name; once in the whole list.",
  ),
  iss: iss
    .prefault({})
    .describe(
      "What `iss` must be at registration. Stock SPIRE sets none: use mode `if_present` for it.",
    ),
  key_id: oneOf("optional", "required")
    .default("optional")
    .describe("Whether a JWT-SVID must name its key with `kid`."),
  required: flag()
    .default(true)
    .describe(
      "Whether the server is unready without this trust domain's keys.",
    ),
  bundle: bundle.describe(
    "Where the trust domain's keys come from: a `file`, a `url` with its `profile`, or a `workload_api`.",
  ),
  max_clients: whole(1, 1_000_000_000)
    .optional()
    .describe(
      "How many clients it may vouch for, over all rules; once full, newcomers are refused and renewals go on. Left out: any number.",
    ),
  max_stale: duration("1s", "365d")
    .prefault("24h")
    .describe(
      "How long a bundle stays in use that can no longer be refreshed, JWT and X.509 keys alike; one from a file does not age, nor one from a Workload API whose streams are open.",
    ),
});

const issuerKeys = section({
  jwks_file: filePath()
    .optional()
    .describe("A file with the issuer's JWK Set, read again when it changes."),
  jwks_uri: bundleUrl().optional().describe("The issuer's JWK Set on the web."),
  metadata: z
    .literal(true, { error: "true" })
    .optional()
    .describe(
      "The issuer's JWT VC Issuer Metadata (`/.well-known/jwt-vc-issuer`).",
    ),
  did: z
    .literal(true, { error: "true" })
    .optional()
    .describe("The issuer's DID document: `did:web`, `did:jwk` or `did:key`."),
  x5c_roots_file: filePath()
    .optional()
    .describe(
      "Roots (PEM) that the chain in a credential's `x5c` must lead to.",
    ),
  ca_file: filePath()
    .optional()
    .describe("Roots for the host's certificate besides the system's, PEM."),
  allow_private_addresses: flag()
    .optional()
    .describe(
      "Whether keys may be at a private or loopback address; false where left out. For status lists there is `status_lists.allow_private_addresses`.",
    ),
  refresh_floor: duration("1s", "24h")
    .optional()
    .describe("The shortest time between two polls; 1m where left out."),
  refresh_ceiling: duration("1s", "24h")
    .optional()
    .describe("The longest time between two polls; 5m where left out."),
});

const credentialEntry = section({
  kind: z.literal("vc").describe("An issuer of Verifiable Credentials."),
  issuer: credentialIssuer().describe(
    "The issuer, as its credentials write it: an https URL or a DID, compared byte for byte.",
  ),
  keys: issuerKeys.describe("Where the issuer's keys come from: one of these."),
  types: list(text("a credential type", (type) => type !== ""))
    .optional()
    .describe(
      "The types (`type`, `vct`) of credentials that may register clients. Left out: any, which an issuer of other credentials too should not have.",
    ),
  formats: list(oneOf("jwt_vc", "vc+jwt", "dc+sd-jwt"))
    .default(["jwt_vc", "vc+jwt", "dc+sd-jwt"])
    .describe("The formats that are taken."),
  algorithms: list(
    oneOf(
      "ES256",
      "ES384",
      "ES512",
      "PS256",
      "PS384",
      "PS512",
      "RS256",
      "EdDSA",
      "Ed25519",
    ),
  )
    .default([
      "ES256",
      "ES384",
      "ES512",
      "PS256",
      "PS384",
      "PS512",
      "RS256",
      "EdDSA",
      "Ed25519",
    ])
    .describe(
      "The signature algorithms that are taken; a key narrows them further.",
    ),
  key_binding: oneOf("off", "cnf", "kb_jwt")
    .default("off")
    .describe(
      "Whether a credential must name its holder's key (`cnf`), or come with a Key Binding JWT (`kb_jwt`). One that names a key always has to be proven.",
    ),
  status: oneOf("required", "if_present", "off")
    .default("if_present")
    .describe(
      "Whether a credential must say where its revocation shows, is asked about it if it does, or is never asked.",
    ),
  required: flag()
    .default(true)
    .describe("Whether the server is unready without this issuer's keys."),
  max_lifetime: duration("1m", "3650d")
    .prefault("365d")
    .describe("The longest validity of a credential."),
  max_clients: whole(1, 1_000_000_000)
    .optional()
    .describe(
      "How many clients it may vouch for, over all rules; once full, newcomers are refused and renewals go on. Left out: any number.",
    ),
  max_stale: duration("1s", "365d")
    .prefault("24h")
    .describe("How long keys stay in use that can no longer be refreshed."),
});

/** One entry of `trust`. */
export const trustEntry = z.discriminatedUnion(
  "kind",
  [spiffeEntry, credentialEntry],
  { error: "a mapping with kind spiffe or vc" },
);
