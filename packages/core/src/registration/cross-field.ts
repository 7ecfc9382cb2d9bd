import type { JsonValue } from "../json/index.ts";
import type { Reason } from "./policy.ts";
import { isLoopbackRedirect } from "./redirect-uri.ts";

type Merged = Readonly<Record<string, JsonValue>>;

/** The rules between fields, on the merged result; every field is well-formed by now. */
export function crossFieldProblems(metadata: Merged): readonly Reason[] {
  return [
    ...responseTypes(metadata),
    ...redirectUris(metadata),
    ...keys(metadata),
    ...certificateBinding(metadata),
  ];
}

/** META-04: `authorization_code` and `code` belong together; nothing else here has a response type. */
function* responseTypes({
  grant_types,
  response_types,
}: Merged): Iterable<Reason> {
  const usesCode = strings(grant_types).includes("authorization_code");
  const expected = usesCode ? ["code"] : [];
  const got = strings(response_types);
  if (
    got.length !== expected.length ||
    !expected.every((type) => got.includes(type))
  ) {
    yield metadataReason(
      "response_types",
      `expected ${usesCode ? "code" : "none"} for these grant_types, got ${got.length === 0 ? "none" : "others"}`,
    );
  }
}

/** META-01, META-13. */
function* redirectUris({
  grant_types,
  redirect_uris,
  application_type,
}: Merged): Iterable<Reason> {
  const uris = strings(redirect_uris);
  if (
    strings(grant_types).includes("authorization_code") &&
    uris.length === 0
  ) {
    yield redirectReason(
      "expected at least one for grant type authorization_code, got none",
    );
  }
  if (application_type === "web" && uris.some(isLoopbackRedirect)) {
    yield redirectReason(
      "expected no loopback redirect for application_type web, got one",
    );
  }
}

/** META-09. */
function* keys({ jwks, jwks_uri }: Merged): Iterable<Reason> {
  if (jwks !== undefined && jwks_uri !== undefined) {
    yield metadataReason("jwks_uri", "expected jwks or jwks_uri, got both");
  }
}

/** A token bound to a certificate needs a certificate, and this server takes none yet (META-14). */
function* certificateBinding({
  tls_client_certificate_bound_access_tokens: bound,
}: Merged): Iterable<Reason> {
  if (bound === true) {
    yield metadataReason(
      "tls_client_certificate_bound_access_tokens",
      "expected false, since this server does not serve mutual TLS, got true",
    );
  }
}

function metadataReason(field: string, message: string): Reason {
  return { code: "metadata_invalid", field, message: `${field}: ${message}` };
}

function redirectReason(message: string): Reason {
  return {
    code: "redirect_uri_invalid",
    field: "redirect_uris",
    message: `redirect_uris: ${message}`,
  };
}

function strings(value: JsonValue | undefined): readonly string[] {
  return Array.isArray(value)
    ? value.filter((item): item is string => typeof item === "string")
    : [];
}
