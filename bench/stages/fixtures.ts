import type { Policy } from "@accredit/core/registration";
import {
  parseSpiffeBundle,
  parseSpiffeIdPattern,
  parseTrustDomainName,
} from "@accredit/core/spiffe";
import type { SpiffeTrust, TrustSource } from "@accredit/core/trust";
import { bundleDocument } from "../bundle.ts";
import {
  RESOURCE,
  SCOPE,
  TRUST_DOMAIN,
  type BenchKeys,
} from "../load/requests.ts";

/** The policy of the configuration file that the server under test runs with. */
export function makePolicy(): Policy {
  return [
    {
      name: "agents",
      match: {
        trust: TRUST_DOMAIN,
        subject: parseSpiffeIdPattern(`spiffe://${TRUST_DOMAIN}/ns/*/agent/**`),
      },
      allow: {
        grantTypes: ["client_credentials"],
        scopes: SCOPE.split(" "),
        resources: [RESOURCE],
        redirectUris: [],
        tokenEndpointAuthMethods: ["spiffe_jwt"],
      },
      attestedOnly: ["scope"],
      template: {},
      introspect: "own",
    },
  ];
}

/** The benchmark's trust domain, from memory. */
export async function makeTrustSource(keys: BenchKeys): Promise<TrustSource> {
  const trustDomain = parseTrustDomainName(TRUST_DOMAIN);
  const trust: SpiffeTrust = {
    trustDomain,
    issuer: {
      mode: "require",
      values: [`spiffe://${TRUST_DOMAIN}`, TRUST_DOMAIN],
    },
    keyId: "optional",
    bundle: await parseSpiffeBundle(Buffer.from(bundleDocument(keys))),
  };
  return { spiffe: (name) => (name === trustDomain ? trust : undefined) };
}
