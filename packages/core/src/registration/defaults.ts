import type { JsonValue } from "../json/index.ts";
import type { Attestation } from "./attestation.ts";
import type { PolicyRule, ServerCapabilities } from "./policy.ts";

/**
 * The values of what nobody gave.
 *
 * RFC 7591's own defaults (`client_secret_basic`, `authorization_code`) would be a secret and a flow this
 * server may not have. Ours: `spiffe_jwt` (`private_key_jwt` for a Verifiable Credential), or else the first method of the rule's list that the server
 * supports; the first grant type of the rule's list that it supports; and the response types that go with
 * it (META-02, META-03, META-04). Scope has no default, or a client that named none would get them all (M08).
 *
 * @see RFC 7591 section 2
 */
export function* defaultsFor(
  given: (name: string) => JsonValue | undefined,
  kind: Attestation["kind"],
  { allow }: PolicyRule,
  server: ServerCapabilities,
): Iterable<readonly [name: string, value: JsonValue]> {
  if (given("token_endpoint_auth_method") === undefined) {
    const methods = allow.tokenEndpointAuthMethods.filter((method) =>
      server.supportedAuthMethods.includes(method),
    );
    const usual = kind === "spiffe" ? "spiffe_jwt" : "private_key_jwt";
    const [first = usual] = methods;
    yield [
      "token_endpoint_auth_method",
      methods.includes(usual) ? usual : first,
    ];
  }
  const grantType =
    allow.grantTypes.find((type) =>
      server.supportedGrantTypes.includes(type),
    ) ??
    server.supportedGrantTypes[0] ??
    "client_credentials";
  const grantTypes = given("grant_types") ?? [grantType];
  if (given("grant_types") === undefined) yield ["grant_types", grantTypes];
  if (given("response_types") === undefined) {
    const usesCode =
      Array.isArray(grantTypes) && grantTypes.includes("authorization_code");
    yield ["response_types", usesCode ? ["code"] : []];
  }
}
