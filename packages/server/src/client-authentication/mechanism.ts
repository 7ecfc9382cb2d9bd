import { DcrError } from "@accredit/core/errors";
import {
  JWT_BEARER_ASSERTION_TYPE,
  JWT_SPIFFE_ASSERTION_TYPE,
  type ClientAttestation,
} from "@accredit/core/credential";
import type { CertificateChain } from "../http/client-certificate.ts";
import type { FormParameters } from "../wire/form-parameters.ts";

/** What an HTTP request says of its client. */
export interface PresentedAuthentication {
  readonly parameters: FormParameters;
  readonly authorization: string | undefined;
  /** The two headers of a WIT-SVID; undefined where the request has none of them. */
  readonly attestation: ClientAttestation | undefined;
  /** What the peer proved to hold the key of in TLS; undefined where it showed nothing. */
  readonly certificates: CertificateChain | undefined;
}

/** The one mechanism that authenticates a request, with what it is judged by. */
export type Mechanism =
  | SvidMechanism
  | { readonly method: "private_key_jwt"; readonly assertion: string };

/** A mechanism that goes by an SVID. */
export type SvidMechanism =
  | { readonly method: "spiffe_jwt"; readonly assertion: string }
  | { readonly method: "spiffe_wit"; readonly attestation: ClientAttestation }
  | { readonly method: "spiffe_x509"; readonly chain: CertificateChain };

/**
 * The one mechanism of a request (CAUTH-01, CAUTH-02, CAUTH-07). A certificate beside an assertion or a
 * WIT-SVID is none: then that authenticates, and the certificate is what a token may be bound to.
 *
 * @throws {DcrError} `request_malformed`, `client_auth_method_not_allowed`,
 * `client_assertion_type_unsupported`, `client_assertion_missing`, `client_id_missing`
 * @see RFC 6749 section 2.3; draft-ietf-oauth-spiffe-client-auth section 3
 */
export function chooseMechanism(presented: PresentedAuthentication): Mechanism {
  const { parameters, authorization, attestation, certificates } = presented;
  const assertion = parameters.get("client_assertion");
  const assertionType = parameters.get("client_assertion_type");
  const secret = parameters.get("client_secret");
  const named = [
    authorization,
    secret,
    assertion ?? assertionType,
    attestation,
  ].filter((mechanism) => mechanism !== undefined);
  if (named.length > 1) {
    throw new DcrError(
      "request_malformed",
      "expected one client authentication mechanism, got several (Authorization header, client_secret, client_assertion, OAuth-Client-Attestation)",
    );
  }
  if (authorization !== undefined || secret !== undefined) {
    throw new DcrError(
      "client_auth_method_not_allowed",
      "expected an SVID, got a client secret or an Authorization header",
    );
  }
  if (attestation !== undefined) return { method: "spiffe_wit", attestation };
  if (named.length === 0 && certificates !== undefined) {
    if (parameters.get("client_id") === undefined) {
      throw new DcrError(
        "client_id_missing",
        "expected client_id beside the TLS certificate, or a client_assertion, got neither",
      );
    }
    return { method: "spiffe_x509", chain: certificates };
  }
  return readAssertion(assertion, assertionType);
}

/** Each assertion type is a method of its own, and the type alone says which (A02). */
const ASSERTION_METHODS: Readonly<
  Record<string, "spiffe_jwt" | "private_key_jwt">
> = {
  [JWT_SPIFFE_ASSERTION_TYPE]: "spiffe_jwt",
  [JWT_BEARER_ASSERTION_TYPE]: "private_key_jwt",
};

function readAssertion(
  assertion: string | undefined,
  assertionType: string | undefined,
): Mechanism {
  if (assertionType === undefined) {
    throw new DcrError(
      "client_assertion_type_unsupported",
      assertion === undefined
        ? "expected client authentication, got none"
        : "expected client_assertion_type, got none",
    );
  }
  const method = Object.hasOwn(ASSERTION_METHODS, assertionType)
    ? ASSERTION_METHODS[assertionType]
    : undefined;
  if (method === undefined) {
    throw new DcrError(
      "client_assertion_type_unsupported",
      `expected client_assertion_type ${Object.keys(ASSERTION_METHODS).join(" or ")}, got another`,
    );
  }
  if (assertion === undefined) {
    throw new DcrError(
      "client_assertion_missing",
      "expected client_assertion beside client_assertion_type",
    );
  }
  return { method, assertion };
}
