import fc from "fast-check";
import type { JsonObject, JsonValue } from "@accredit/core/json";
import { SUBJECT } from "./fixture.ts";

/** Members that a body or a statement may well hold, right and wrong ones. */
export const members: fc.Arbitrary<JsonObject> = fc.dictionary(
  fc.oneof(
    fc.constantFrom(
      "redirect_uris",
      "scope",
      "client_name",
      "client_name#de",
      "client_name#DE",
      "client_uri",
      "logo_uri",
      "logo_uri#de",
      "tos_uri",
      "policy_uri",
      "software_id",
      "software_version",
      "spiffe_bundle_endpoint",
      "tls_client_certificate_bound_access_tokens",
      "jwks",
      "jwks_uri",
      "grant_types",
      "response_types",
      "contacts",
      "token_endpoint_auth_method",
      "spiffe_id",
      "client_secret",
      "software_statement",
      "application_type",
    ),
    fc.string(),
  ),
  fc.oneof(
    fc.constantFrom<JsonValue>(
      "read",
      "https://app.example/cb",
      false,
      ["client_credentials"],
      ["authorization_code"],
      ["code"],
      ["https://app.example/cb"],
      [],
      { keys: [{ kty: "OKP", x: "AA" }] },
      "none",
      SUBJECT,
    ),
    fc.jsonValue().map((value) => value as JsonValue),
  ),
  { maxKeys: 8 },
);
const REGISTERED_CLAIMS = new Set(["sub", "iss", "aud", "iat", "exp", "nbf"]);
/** The same for a statement, whose own claims stay good. */
export const claimSets: fc.Arbitrary<JsonObject> = members.map((claims) =>
  Object.fromEntries(
    Object.entries(claims).filter(([name]) => !REGISTERED_CLAIMS.has(name)),
  ),
);
