/** What the quick start's configuration is made of. */
export interface QuickstartAddresses {
  readonly issuer: string;
  readonly port: number;
  readonly adminPort: number;
  readonly bundleUrl: string;
  /** Of the TLS authority of the bundle endpoint and the credential issuer. */
  readonly caFile: string;
  readonly credentialIssuer: string;
}

/** The configuration of the quick start: an ordinary file, kept beside its data for the reader to change. */
export function quickstartConfig(addresses: QuickstartAddresses): string {
  return `# Written by the quick start; \`npx accredit serve --config\` takes this file as it is.
issuer: ${addresses.issuer}
listen: { host: 127.0.0.1, port: ${addresses.port} }
admin: { host: 127.0.0.1, port: ${addresses.adminPort}, token_file: ./admin-token }
store: { url: "sqlite:./accredit.db" }

trust:
  # The development trust domain. In production this is your SPIRE server's bundle endpoint.
  - kind: spiffe
    trust_domain: example.org
    bundle:
      url: ${addresses.bundleUrl}
      profile: https_web
      ca_file: ${JSON.stringify(addresses.caFile)}
      allow_private_addresses: true # the endpoint is on this machine
  # The development issuer of Verifiable Credentials.
  - kind: vc
    issuer: ${JSON.stringify(addresses.credentialIssuer)}
    keys:
      did: true
      ca_file: ${JSON.stringify(addresses.caFile)}
      allow_private_addresses: true
    types: [OAuthClientCredential, "urn:example:oauth-client"]
    key_binding: cnf # a credential has to name its holder's key
    status: required

# Short times, to watch a revocation take effect; the defaults are kinder to the lists' hosts.
status_lists:
  ca_file: ${JSON.stringify(addresses.caFile)}
  allow_private_addresses: true
  floor: 1s
  ceiling: 1s

policy:
  - name: agents
    match: { trust: example.org, subject: "spiffe://example.org/ns/*/agent/**" }
    allow:
      grant_types: [client_credentials]
      scopes: [read, write]
      resources: ["https://api.example"]
      redirect_uris: []
      token_endpoint_auth_methods: [spiffe_jwt]
    # The request body may not choose the scope: only the SVID or the template may.
    attested_only: [scope]
    # For SVIDs that carry no metadata, as stock SPIRE mints them.
    template: { client_name: "Agent {path[3]}", scope: read, grant_types: [client_credentials] }
  - name: partners
    match: { trust: ${JSON.stringify(addresses.credentialIssuer)}, subject: "*" }
    allow:
      grant_types: [client_credentials]
      scopes: [read]
      resources: ["https://api.example"]
      redirect_uris: []
      token_endpoint_auth_methods: [private_key_jwt]
    attested_only: [scope]
    template: { scope: read, grant_types: [client_credentials] }
`;
}
