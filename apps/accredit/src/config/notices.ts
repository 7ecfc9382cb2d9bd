import type { ConfigFile } from "./schema.ts";
import { isLoopbackHost } from "./values.ts";

const SERVED_GRANT_TYPES: ReadonlySet<string> = new Set(["client_credentials"]);
const SERVED_AUTH_METHODS: ReadonlySet<string> = new Set([
  "spiffe_jwt",
  "spiffe_x509",
  "spiffe_wit",
  "private_key_jwt",
]);

/** What an operator should know about a valid file: what is weaker than it could be, and what has no effect. */
export function findNotices(file: ConfigFile): readonly string[] {
  return [
    ...listenerNotices(file),
    ...storeNotices(file),
    ...file.trust.flatMap(trustNotices),
    ...policyNotices(file),
    ...mutualTlsNotices(file),
    ...proxyNotices(file),
    ...experimentalNotices(file),
  ];
}

function* listenerNotices({ issuer, listen }: ConfigFile): Iterable<string> {
  if (issuer.startsWith("http:")) {
    yield "issuer: is http, so requests and tokens are not encrypted; use it for development only";
  } else if (listen.tls === undefined && !isLoopbackHost(listen.host)) {
    yield "listen.tls: is not set while the issuer is https, so a proxy in front must serve TLS";
  }
}

function* storeNotices({ store }: ConfigFile): Iterable<string> {
  if (store.url.startsWith("sqlite:")) return;
  const { hostname, searchParams } = new URL(store.url);
  const mode = searchParams.get("sslmode");
  const isEncrypted =
    mode === null ? searchParams.size > 0 : mode !== "disable";
  if (!isEncrypted && !isLoopbackHost(hostname.replace(/^\[|\]$/g, "")))
    yield "store.url: has no sslmode that encrypts, so the signing keys and the password cross the network in the clear; add ?sslmode=verify-full";
}

function trustNotices(
  entry: ConfigFile["trust"][number],
  index: number,
): readonly string[] {
  const at = `trust[${index}]`;
  if (entry.kind === "vc") return credentialNotices(entry, at);
  const { iss, bundle } = entry;
  const notices: string[] = [];
  if (iss.mode === "ignore") {
    notices.push(
      `${at}.iss.mode: is ignore, so a statement may carry any iss or none`,
    );
  }
  if (bundle.allow_private_addresses === true) {
    notices.push(
      `${at}.bundle.allow_private_addresses: is true, so the endpoint may be inside this network`,
    );
  }
  return notices;
}

function credentialNotices(
  {
    types,
    status,
    keys,
  }: Extract<ConfigFile["trust"][number], { readonly kind: "vc" }>,
  at: string,
): readonly string[] {
  return [
    ...(types === undefined
      ? [
          `${at}.types: is not set, so a credential of any type of this issuer may register a client`,
        ]
      : []),
    ...(status === "off"
      ? [
          `${at}.status: is off, so a credential that was revoked registers a client all the same`,
        ]
      : []),
    ...(keys.allow_private_addresses === true
      ? [
          `${at}.keys.allow_private_addresses: is true, so keys may come from inside this network`,
        ]
      : []),
  ];
}

function* policyNotices({ policy }: ConfigFile): Iterable<string> {
  if (policy.length === 0)
    yield "policy: has no rule, so every registration is refused";
  for (const [index, { allow }] of policy.entries()) {
    const at = `policy[${index}]`;
    for (const grantType of allow.grant_types) {
      if (!SERVED_GRANT_TYPES.has(grantType))
        yield `${at}.allow.grant_types: ${grantType} is not served by this version`;
    }
    for (const method of allow.token_endpoint_auth_methods) {
      if (!SERVED_AUTH_METHODS.has(method))
        yield `${at}.allow.token_endpoint_auth_methods: ${method} is not served by this version`;
    }
  }
}

function* experimentalNotices({
  experimental,
  policy,
}: ConfigFile): Iterable<string> {
  if (experimental.spiffe_wit)
    yield "experimental.spiffe_wit: follows drafts that may change";
  for (const [index, { allow }] of policy.entries()) {
    if (
      !experimental.spiffe_wit &&
      allow.token_endpoint_auth_methods.includes("spiffe_wit")
    )
      yield `policy[${index}].allow.token_endpoint_auth_methods: spiffe_wit is not served while experimental.spiffe_wit is off`;
  }
}

function* mutualTlsNotices(file: ConfigFile): Iterable<string> {
  const { listen, mutual_tls, policy } = file;
  const delivered =
    mutual_tls.tls !== undefined ||
    mutual_tls.proxies.length > 0 ||
    (listen.tls !== undefined && listen.tls.client_certificates !== false);
  for (const [index, { allow }] of policy.entries()) {
    if (delivered || !allow.token_endpoint_auth_methods.includes("spiffe_x509"))
      continue;
    yield `policy[${index}].allow.token_endpoint_auth_methods: spiffe_x509 is not served while no listener asks for client certificates and no proxy hands them on`;
  }
  for (const [index, { addresses }] of mutual_tls.proxies.entries()) {
    const wide = everyone(addresses);
    if (wide.length > 0)
      yield `mutual_tls.proxies[${index}].addresses: ${wide.join(", ")} is everyone, so everyone may name any certificate as theirs`;
  }
}

function* proxyNotices({ listen }: ConfigFile): Iterable<string> {
  const wide = everyone(listen.trusted_proxies);
  if (wide.length > 0)
    yield `listen.trusted_proxies: ${wide.join(", ")} is everyone, so everyone may name any address as theirs`;
}

function everyone(addresses: readonly string[]): readonly string[] {
  return addresses.filter((address) => address.endsWith("/0"));
}
