import { DcrError } from "@accredit/core/errors";
import type { RegisteredClient } from "@accredit/core/registration";
import type { FormParameters } from "../wire/form-parameters.ts";

/** Grant types the token endpoint serves. */
export const SUPPORTED_GRANT_TYPES = ["client_credentials"] as const;

/**
 * Decides what a token request gets, before oidc-provider sees it: the library drops scopes it does not
 * know without a word and lets a client without a registered scope ask for any, so the decision is ours.
 *
 * @throws {DcrError} `request_malformed`, `grant_type_unsupported`, `grant_type_not_allowed`,
 * `scope_not_allowed`, `resource_not_allowed`
 * @see TOK-04, TOK-06, TOK-07
 */
export function grantedRequest(
  parameters: FormParameters,
  client: RegisteredClient,
  defaultResource: string,
): { readonly scope: string | undefined; readonly resource: string } {
  const grantType = parameters.get("grant_type");
  if (grantType === undefined) {
    throw new DcrError("request_malformed", "expected grant_type, got none");
  }
  if (!(SUPPORTED_GRANT_TYPES as readonly string[]).includes(grantType)) {
    throw new DcrError(
      "grant_type_unsupported",
      `expected grant_type ${SUPPORTED_GRANT_TYPES.join(" or ")}, got another`,
    );
  }
  if (!client.metadata.grant_types.includes(grantType)) {
    throw new DcrError(
      "grant_type_not_allowed",
      `the client is not registered for grant_type ${grantType}`,
    );
  }
  return {
    scope: grantedScope(parameters.get("scope"), client.metadata.scope),
    resource: grantedResource(
      parameters.getAll("resource"),
      client.resources,
      defaultResource,
    ),
  };
}

/** A request without `scope` gets the registered scope: the pre-defined default of RFC 6749 section 3.3. */
function grantedScope(
  requested: string | undefined,
  registered: string | undefined,
): string | undefined {
  if (requested === undefined) return registered;
  const allowed = new Set(registered?.split(" "));
  const excess = requested.split(" ").filter((token) => !allowed.has(token));
  if (excess.length > 0) {
    throw new DcrError(
      "scope_not_allowed",
      `expected a subset of the registered scope '${registered ?? ""}', got more than that`,
    );
  }
  return requested;
}

function grantedResource(
  requested: readonly string[],
  allowed: readonly string[],
  defaultResource: string,
): string {
  const [resource = defaultResource, ...more] = requested;
  if (more.length > 0) {
    throw new DcrError(
      "resource_not_allowed",
      `expected one resource, got ${requested.length}`,
    );
  }
  if (resource !== defaultResource && !allowed.includes(resource)) {
    throw new DcrError(
      "resource_not_allowed",
      allowed.length === 0
        ? "the client's policy allows no resource; leave the parameter out"
        : `expected one of the resources ${allowed.join(" ")}, got another`,
    );
  }
  return resource;
}
