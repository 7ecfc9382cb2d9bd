import type { JsonValue } from "../json/index.ts";
import type { ServerCapabilities } from "./policy.ts";
import { isLoopbackRedirect } from "./redirect-uri.ts";
import { quoted, reason, type Reason } from "./reason.ts";

type Merged = Readonly<Record<string, JsonValue>>;

interface CrossFieldRule {
  /** What it reads; it means nothing while one of them is ill-formed. */
  readonly fields: readonly string[];
  readonly problems: (
    metadata: Merged,
    server: ServerCapabilities,
  ) => Iterable<Reason>;
}

const RULES: readonly CrossFieldRule[] = [
  { fields: ["grant_types", "response_types"], problems: responseTypes },
  { fields: ["grant_types", "redirect_uris"], problems: redirectNeeded },
  { fields: ["application_type", "redirect_uris"], problems: webRedirects },
  { fields: ["jwks", "jwks_uri"], problems: keys },
  {
    fields: ["tls_client_certificate_bound_access_tokens"],
    problems: certificateBinding,
  },
];

/** The rules between fields, on the merged result: those whose every field is well-formed. */
export function crossFieldProblems(
  metadata: Merged,
  server: ServerCapabilities,
  illFormed: ReadonlySet<string>,
): readonly Reason[] {
  return RULES.filter(
    ({ fields }) => !fields.some((field) => illFormed.has(field)),
  ).flatMap(({ problems }) => [...problems(metadata, server)]);
}

/** META-04: `authorization_code` and `code` belong together; nothing else here has a response type. */
function* responseTypes(metadata: Merged): Iterable<Reason> {
  const expected = usesCode(metadata) ? ["code"] : [];
  const got = strings(metadata["response_types"]);
  if (got.join() !== expected.join()) {
    yield reason(
      "metadata_invalid",
      "response_types",
      `expected ${quoted(expected)} for these grant_types, got ${quoted(got)}`,
    );
  }
}

/** META-01. */
function* redirectNeeded(metadata: Merged): Iterable<Reason> {
  if (usesCode(metadata) && strings(metadata["redirect_uris"]).length === 0) {
    yield reason(
      "redirect_uri_invalid",
      "redirect_uris",
      "expected at least one for grant type authorization_code, got none",
    );
  }
}

/**
 * META-13: a web client redirects to https and nowhere else. Only where the client says that it is one:
 * RFC 7591 knows no such default.
 */
function* webRedirects(metadata: Merged): Iterable<Reason> {
  if (metadata["application_type"] !== "web") return;
  const others = strings(metadata["redirect_uris"]).filter(
    (uri) => !uri.startsWith("https://"),
  );
  if (others.length > 0) {
    yield reason(
      "redirect_uri_invalid",
      "redirect_uris",
      `expected https for application_type web, got ${others.some(isLoopbackRedirect) ? "a loopback host" : "a private-use scheme"}`,
    );
  }
}

/** META-09. */
function* keys({ jwks, jwks_uri }: Merged): Iterable<Reason> {
  if (jwks !== undefined && jwks_uri !== undefined) {
    yield reason(
      "metadata_invalid",
      "jwks_uri",
      "expected jwks or jwks_uri, got both",
    );
  }
}

/** META-14: a token bound to a certificate needs a listener that takes one. */
function* certificateBinding(
  metadata: Merged,
  { supportsCertificateBoundTokens = false }: ServerCapabilities,
): Iterable<Reason> {
  const field = "tls_client_certificate_bound_access_tokens";
  if (metadata[field] === true && !supportsCertificateBoundTokens) {
    yield reason(
      "metadata_invalid",
      field,
      "expected false, since this server does not serve mutual TLS, got true",
    );
  }
}

function usesCode(metadata: Merged): boolean {
  return strings(metadata["grant_types"]).includes("authorization_code");
}

function strings(value: JsonValue | undefined): readonly string[] {
  return Array.isArray(value)
    ? value.filter((item): item is string => typeof item === "string")
    : [];
}
