/**
 * Every reason Accredit refuses something, as a closed set. A code is stable: it is what audit rows,
 * tests and `docs/errors.md` name. Which HTTP status and OAuth `error` it becomes depends on the
 * endpoint and is decided in one place, `server/wire/errors.ts`.
 */
export const DCR_ERRORS = {
  // The request around the statement.
  request_malformed:
    "The request body is not one strict JSON object, or a parameter is missing, repeated or ill-typed.",
  request_too_large: "The request body is larger than the limit.",
  request_timeout: "The request body did not arrive in time.",
  media_type_unsupported:
    "The request's Content-Type or Content-Encoding is not the one the endpoint takes.",
  method_not_allowed: "The endpoint does not serve this HTTP method.",

  // The statement or assertion itself.
  statement_missing: "The request carries no software_statement.",
  statement_too_large: "The statement or assertion is larger than the limit.",
  statement_malformed:
    "The statement or assertion is not a strict compact JWS carrying JSON objects.",
  credential_kind_unsupported:
    "The credential is of a kind that this endpoint does not take (`typ`, structure).",
  header_invalid:
    "The JOSE header has a member that is not allowed, or a member with a wrong value.",
  algorithm_not_allowed:
    "`alg` is not one of the algorithms that the credential's profile or its issuer allows.",
  key_not_found: "No key of the issuer's bundle has this `kid` and fits `alg`.",
  key_id_missing: "The header has no `kid` and the trust source requires one.",
  signature_invalid: "The signature does not verify with the issuer's key.",
  claims_invalid: "A required claim is missing, or a claim has a wrong type.",
  subject_invalid:
    "`sub`, or the certificate's URI name, is not a valid SPIFFE ID.",
  certificate_malformed:
    "A certificate of the chain is not strict DER, or is of a kind that no path may hold.",
  certificate_invalid: "The certificate is not one that a workload may have.",
  certificate_not_trusted:
    "The certificate does not lead to an authority of its trust domain.",
  issuer_mismatch:
    "`iss` is missing or is not a value the trust source allows.",
  audience_mismatch: "`aud` is not exactly the audience this endpoint wants.",
  credential_expired: "The credential has expired.",
  credential_not_yet_valid:
    "The credential is not valid yet (`nbf` or `iat` in the future).",
  credential_too_old:
    "The credential was issued longer ago than the maximum age.",
  credential_lifetime_too_long:
    "The credential's lifetime is longer than the maximum.",
  credential_revoked: "The credential's status list says that it was revoked.",
  credential_suspended:
    "The credential's status list says that it is suspended.",
  status_list_invalid:
    "The credential's status cannot be told from its status list: the list is malformed, not for this credential, or not signed by an issuer the server trusts.",
  disclosure_invalid:
    "The SD-JWT's disclosures are malformed, repeated, referred to by nothing, or hide what must be in the open.",
  credential_conflict:
    "The credential says one thing in two places, and not the same.",
  key_binding_invalid:
    "The credential is not bound to a usable key of its holder as the trust source requires, or its Key Binding JWT is not good.",

  // Trust and policy.
  issuer_untrusted:
    "The credential's trust domain or issuer is not one the server was told to trust.",
  subject_not_a_workload:
    "The SPIFFE ID names a trust domain, not a workload: it has no path.",
  credential_type_not_allowed:
    "The issuer is trusted, but not for a credential of this type or format.",
  policy_denied:
    "No policy rule matches, or the rule does not allow what was asked.",
  metadata_invalid:
    "A client metadata field is ill-formed, unsupported or not allowed.",
  redirect_uri_invalid: "A redirect URI is ill-formed or not allowed.",
  quota_exceeded:
    "The policy rule or the subject has as many clients as it may; those that are there can be renewed.",
  client_keys_fixed:
    "The client has other keys, and the request does not prove that it holds the new ones.",

  // Client authentication.
  client_assertion_missing:
    "The request carries no client_assertion, or not the parameters that belong to it.",
  client_assertion_type_unsupported:
    "client_assertion_type is not one the server takes.",
  assertion_replayed:
    "The client assertion, or the proof of a key, was used before.",
  client_unknown: "No registered client matches the credential.",
  client_mismatch: "client_id names another client than the credential does.",
  registration_expired:
    "The client's registration has ended; a valid credential brings it back.",
  registration_suspended:
    "The client, or what let it in, is suspended by the operator.",
  registration_withdrawn:
    "The trust source or policy rule that let the client in is gone.",
  client_ambiguous:
    "The credential stands for several clients and the request does not say which.",
  client_auth_method_not_allowed:
    "The client may not use this authentication method.",
  client_id_missing:
    "The request has a TLS client certificate but no client_id, which mutual TLS needs.",
  client_certificate_missing:
    "The client's tokens are bound to its certificate, and the request came without one.",
  attestation_malformed:
    "The request does not carry exactly one OAuth-Client-Attestation and one OAuth-Client-Attestation-PoP header.",

  attestation_not_fresh:
    "The WIT-SVID is good but has expired; a fresh one will do.",

  // What the client may ask of the token endpoint.
  scope_not_allowed:
    "The requested scope goes beyond the client's registered scope.",
  resource_not_allowed:
    "The requested resource is malformed or not one the client may use.",
  grant_type_not_allowed: "The client is not registered for this grant type.",
  grant_type_unsupported: "The server does not support this grant type.",

  // The admin listener.
  admin_token_invalid:
    "The request carries no admin bearer token, or another than the server's.",

  // Not the caller's doing.
  source_unavailable:
    "The trust source is configured but holds no usable keys yet, or its keys are too old.",
  store_unavailable: "The store cannot be reached or written.",
  overloaded: "The server is shedding load.",
  rate_limited:
    "Too many new clients of this path, or too many refused requests of this workload or from this address.",

  // Input that is not a request: configuration files and bundles.
  spiffe_id_invalid:
    "The text is not a valid SPIFFE ID, trust domain name or SPIFFE ID pattern.",
  bundle_invalid: "The document is not a usable SPIFFE bundle.",
  did_invalid: "The text is not a DID that the server can resolve.",
  issuer_keys_invalid:
    "The document is not a usable set of an issuer's keys: JWK Set, issuer metadata or DID document.",
  json_invalid: "The text is not strict JSON within the limits.",
} as const satisfies Record<string, string>;

/** A stable reason code; the key of {@link DCR_ERRORS}. */
export type DcrErrorCode = keyof typeof DCR_ERRORS;

/** Machine-readable details of a refusal. Never holds a credential or key material. */
export type DcrErrorData = Readonly<Record<string, unknown>>;

/**
 * The one error that domain code throws. `message` is safe to send to the client: it says what was
 * expected and what came, and never quotes a credential. `cause` is for logs only.
 */
export class DcrError extends Error {
  override readonly name = "DcrError";
  readonly code: DcrErrorCode;
  readonly data: DcrErrorData;

  constructor(
    code: DcrErrorCode,
    message: string,
    options: { readonly data?: DcrErrorData; readonly cause?: unknown } = {},
  ) {
    super(
      message,
      options.cause === undefined ? undefined : { cause: options.cause },
    );
    this.code = code;
    this.data = options.data ?? {};
  }
}
