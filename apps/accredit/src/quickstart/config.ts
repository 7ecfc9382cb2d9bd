/** What the quick start's configuration is made of. */
export interface QuickstartAddresses {
  readonly issuer: string;
  readonly port: number;
  readonly adminPort: number;
  readonly bundleUrl: string;
  readonly bundleCaFile: string;
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
      ca_file: ${JSON.stringify(addresses.bundleCaFile)}
      allow_private_addresses: true # the endpoint is on this machine

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
`;
}
