/**
 * Every reason a bundle could not be read from its source, as a closed set: what an operator finds in
 * `lastError`, the log and the documentation. A document that arrived but is no bundle is `DcrError`
 * `bundle_invalid` instead.
 */
export const SOURCE_ERRORS = {
  url_invalid: "The URL is not an https URL without user information.",
  address_not_public:
    "The host is, or resolves to, a private or special-use address, and the source does not allow those.",
  ca_file_unreadable:
    "The file with the additional certificate authority cannot be read or holds no certificate.",
  dns_failed: "The host name does not resolve.",
  connect_failed: "No TCP connection to the endpoint could be made.",
  tls_failed:
    "The TLS handshake failed, or the certificate is not one for this host from a trusted authority.",
  deadline_exceeded: "The source did not deliver the document in time.",
  redirect_refused: "The endpoint answered with a redirect; none is followed.",
  status_unexpected: "The endpoint answered with another status than 200.",
  encoding_refused:
    "The endpoint compressed the document although it was asked not to.",
  document_too_large: "The document is larger than the limit.",
  response_broken:
    "The connection broke, or what came over it was not a whole HTTP response.",
  file_unreadable: "The file cannot be read.",
  file_not_regular:
    "The path names something else than a regular file, such as a directory or a pipe.",
  endpoint_not_trusted:
    "The endpoint's certificate is not the X509-SVID that the configuration names, or does not lead to an authority of its trust domain.",
  bootstrap_missing:
    "There is neither a bundle of the endpoint's trust domain nor a bootstrap file that holds one.",
  workload_api_failed: "The Workload API's bundle streams are broken.",
  sequence_rollback:
    "The document has a lower spiffe_sequence than the bundle in use, which stays in use.",
} as const satisfies Record<string, string>;

/** A stable reason; the key of {@link SOURCE_ERRORS}. */
export type SourceErrorReason = keyof typeof SOURCE_ERRORS;

/**
 * What reading a bundle from its source throws. `message` says what was expected and what came, names the
 * host or file, and holds no query, no user information and nothing of the document.
 */
export class SourceError extends Error {
  override readonly name = "SourceError";
  readonly reason: SourceErrorReason;

  constructor(
    reason: SourceErrorReason,
    message: string,
    options?: { readonly cause?: unknown },
  ) {
    super(message, options);
    this.reason = reason;
  }
}
