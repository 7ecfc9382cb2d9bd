import type { RegisteredClient } from "./client.ts";
import type { Policy } from "./policy.ts";

/**
 * What is left of a client's registration where its rule has become stricter since: of the scopes, resources and grant
 * types that it was registered with, those that the rule still allows. A rule that allows more adds nothing; that takes
 * a new registration. A client whose rule is gone is left nothing.
 */
export function withinPolicy(
  client: RegisteredClient,
  policy: Policy,
): RegisteredClient {
  const allow = policy.find(({ name }) => name === client.rule)?.allow;
  const { metadata } = client;
  const scopes = metadata.scope?.split(" ") ?? [];
  const kept = {
    scopes: scopes.filter((scope) => allow?.scopes.includes(scope)),
    resources: client.resources.filter((resource) =>
      allow?.resources.includes(resource),
    ),
    grantTypes: metadata.grant_types.filter((type) =>
      allow?.grantTypes.includes(type),
    ),
  };
  if (
    kept.scopes.length === scopes.length &&
    kept.resources.length === client.resources.length &&
    kept.grantTypes.length === metadata.grant_types.length
  )
    return client;
  const { scope: _, ...others } = metadata;
  return {
    ...client,
    resources: kept.resources,
    metadata: {
      ...others,
      ...(kept.scopes.length > 0 && { scope: kept.scopes.join(" ") }),
      grant_types: kept.grantTypes,
    },
  };
}
