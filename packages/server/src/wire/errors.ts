import type { DcrErrorCode } from "@accredit/core/errors";

/** How one refusal looks on the wire: HTTP status and OAuth `error`. */
export interface WireError {
  readonly status: 400 | 401 | 405 | 408 | 413 | 415 | 429 | 500 | 503;
  readonly error: string;
}

const INVALID_REQUEST = { status: 400, error: "invalid_request" } as const;
const INVALID_STATEMENT = {
  status: 400,
  error: "invalid_software_statement",
} as const;
const UNAPPROVED_STATEMENT = {
  status: 400,
  error: "unapproved_software_statement",
} as const;
const INVALID_CLIENT = { status: 401, error: "invalid_client" } as const;
const UNAVAILABLE = { status: 503, error: "temporarily_unavailable" } as const;
const INVALID_METADATA = {
  status: 400,
  error: "invalid_client_metadata",
} as const;
const SERVER_ERROR = { status: 500, error: "server_error" } as const;

/**
 * The one map from reason codes to the wire. A code added to core without a row here does not compile.
 * `registration` is RFC 7591 section 3.2.2; the last four rows before the input codes are RFC 6749
 * section 5.2 and RFC 8707 section 2.
 */
export const WIRE_ERRORS = {
  request_malformed: INVALID_REQUEST,
  request_too_large: { status: 413, error: "invalid_request" },
  request_timeout: { status: 408, error: "invalid_request" },
  media_type_unsupported: { status: 415, error: "invalid_request" },
  method_not_allowed: { status: 405, error: "invalid_request" },

  statement_missing: INVALID_STATEMENT,
  statement_too_large: INVALID_STATEMENT,
  statement_malformed: INVALID_STATEMENT,
  credential_kind_unsupported: INVALID_STATEMENT,
  header_invalid: INVALID_STATEMENT,
  algorithm_not_allowed: INVALID_STATEMENT,
  key_not_found: INVALID_STATEMENT,
  key_id_missing: INVALID_STATEMENT,
  signature_invalid: INVALID_STATEMENT,
  claims_invalid: INVALID_STATEMENT,
  subject_invalid: INVALID_STATEMENT,
  certificate_malformed: INVALID_STATEMENT,
  certificate_invalid: INVALID_STATEMENT,
  certificate_not_trusted: INVALID_STATEMENT,
  issuer_mismatch: INVALID_STATEMENT,
  audience_mismatch: INVALID_STATEMENT,
  credential_expired: INVALID_STATEMENT,
  credential_not_yet_valid: INVALID_STATEMENT,
  credential_too_old: INVALID_STATEMENT,
  credential_lifetime_too_long: INVALID_STATEMENT,
  credential_revoked: INVALID_STATEMENT,
  credential_suspended: INVALID_STATEMENT,
  status_list_invalid: INVALID_STATEMENT,
  disclosure_invalid: INVALID_STATEMENT,
  credential_conflict: INVALID_STATEMENT,
  key_binding_invalid: INVALID_STATEMENT,

  issuer_untrusted: UNAPPROVED_STATEMENT,
  subject_not_a_workload: UNAPPROVED_STATEMENT,
  credential_type_not_allowed: UNAPPROVED_STATEMENT,
  policy_denied: UNAPPROVED_STATEMENT,
  metadata_invalid: INVALID_METADATA,
  redirect_uri_invalid: { status: 400, error: "invalid_redirect_uri" },
  quota_exceeded: UNAPPROVED_STATEMENT,
  client_keys_fixed: INVALID_METADATA,

  client_assertion_missing: INVALID_REQUEST,
  client_assertion_type_unsupported: INVALID_CLIENT,
  assertion_replayed: INVALID_STATEMENT,
  client_unknown: INVALID_CLIENT,
  client_mismatch: INVALID_CLIENT,
  registration_expired: INVALID_CLIENT,
  registration_suspended: UNAPPROVED_STATEMENT,
  registration_withdrawn: INVALID_CLIENT,
  client_ambiguous: INVALID_CLIENT,
  client_auth_method_not_allowed: INVALID_CLIENT,
  client_id_missing: INVALID_CLIENT,
  client_certificate_missing: INVALID_REQUEST,
  attestation_malformed: INVALID_STATEMENT,
  attestation_not_fresh: { status: 400, error: "use_fresh_attestation" },

  scope_not_allowed: { status: 400, error: "invalid_scope" },
  resource_not_allowed: { status: 400, error: "invalid_target" },
  grant_type_not_allowed: { status: 400, error: "unauthorized_client" },
  grant_type_unsupported: { status: 400, error: "unsupported_grant_type" },

  admin_token_invalid: { status: 401, error: "invalid_token" },

  source_unavailable: UNAVAILABLE,
  store_unavailable: UNAVAILABLE,
  overloaded: UNAVAILABLE,
  rate_limited: { status: 429, error: "temporarily_unavailable" },

  // Codes of configuration and bundle parsing never reach a response; if one does, it is our fault.
  spiffe_id_invalid: SERVER_ERROR,
  bundle_invalid: SERVER_ERROR,
  did_invalid: SERVER_ERROR,
  issuer_keys_invalid: SERVER_ERROR,
  json_invalid: INVALID_REQUEST,
} as const satisfies Record<DcrErrorCode, WireError>;

/**
 * The wire form of a refused client authentication: whatever is wrong with the credential is
 * `invalid_client` (RFC 6749 section 5.2), while a malformed request or an absent key source is not the
 * credential's fault and keeps its own form.
 */
export function authenticationWireError(code: DcrErrorCode): WireError {
  const wire: WireError = WIRE_ERRORS[code];
  return wire === INVALID_STATEMENT || wire === UNAPPROVED_STATEMENT
    ? INVALID_CLIENT
    : wire;
}

/** The wire form at the registration endpoint, and of everything that is not client authentication. */
export function wireError(code: DcrErrorCode): WireError {
  return WIRE_ERRORS[code];
}

/** Seconds a client should wait before it tries again after `temporarily_unavailable`. */
const RETRY_AFTER_SECONDS = "5";
const MAX_DESCRIPTION = 800;

/**
 * Makes text fit `error_description`: the characters RFC 6749 section 5.2 allows, and short enough that
 * a refusal stays under a kilobyte.
 */
export function errorDescription(text: string): string {
  const ascii = text
    .replaceAll('"', "'")
    .replaceAll("\\", "/")
    .replace(/[^\x20-\x7e]/g, "?");
  return ascii.length <= MAX_DESCRIPTION
    ? ascii
    : `${ascii.slice(0, MAX_DESCRIPTION - 3)}...`;
}

/** The headers that belong to an error of this form; `retryAfterSeconds` where it is known better. */
export function errorHeaders(
  wire: WireError,
  retryAfterSeconds?: unknown,
): Record<string, string> {
  return wire.status === 503 || wire.status === 429
    ? {
        "Retry-After":
          typeof retryAfterSeconds === "number"
            ? String(retryAfterSeconds)
            : RETRY_AFTER_SECONDS,
      }
    : {};
}
