import type { DcrErrorCode } from "@accredit/core/errors";
import type { Difference, Kind } from "./case.ts";

/** Why the two sides may differ. */
export interface Explanation {
  readonly kind: Kind;
  /** As in docs/divergences.md. */
  readonly name: string;
  /** What we refuse and go-spiffe takes. */
  readonly refused?: readonly (readonly [code: DcrErrorCode, reason: RegExp])[];
  /** What go-spiffe refuses and we take. */
  readonly taken?: RegExp;
}

export const EXPLANATIONS: readonly Explanation[] = [
  {
    kind: "spiffe-id",
    name: "length",
    refused: [["spiffe_id_invalid", /of at most \d+ bytes/]],
  },
  { kind: "jwt-svid", name: "no kid", taken: /header missing key id/ },
  {
    kind: "jwt-svid",
    name: "claims that nobody reads",
    taken: /cannot unmarshal .* into Go value/,
  },
  {
    kind: "jwt-svid",
    name: "one audience",
    refused: [["audience_mismatch", /as the only aud/]],
  },
  {
    kind: "jwt-svid",
    name: "times",
    refused: [["claims_invalid", /whole epoch seconds|iat not after exp/]],
  },
  {
    kind: "jwt-svid",
    name: "lifetime and age",
    refused: [
      ["credential_lifetime_too_long", /./],
      ["credential_too_old", /./],
    ],
  },
  {
    kind: "jwt-svid",
    name: "another kind of credential",
    refused: [["credential_kind_unsupported", /vc claim|typ null/]],
  },
  {
    kind: "jwt-svid",
    name: "header members",
    refused: [["header_invalid", /only alg, kid and typ/]],
  },
  {
    kind: "jwt-svid",
    name: "iss",
    refused: [["issuer_mismatch", /./]],
  },
  {
    kind: "jwt-svid",
    name: "canonical base64url and UTF-8",
    refused: [["statement_malformed", /canonical base64url|JSON in UTF-8/]],
  },
  {
    kind: "jwt-svid",
    name: "size and depth",
    refused: [
      ["statement_malformed", /levels of arrays and objects/],
      ["statement_too_large", /./],
      ["subject_invalid", /of at most \d+ bytes/],
    ],
  },
  {
    kind: "jwt-svid",
    name: "the SPIFFE ID of a trust domain",
    refused: [["subject_not_a_workload", /./]],
  },
  {
    kind: "x509-svid",
    name: "names of other kinds",
    taken: /SAN \w+ is malformed|cannot parse IP address/,
  },
  {
    kind: "x509-svid",
    name: "critical names",
    refused: [["certificate_invalid", /critical subject alternative name/]],
  },
  {
    kind: "x509-svid",
    name: "key usage of the leaf",
    refused: [["certificate_invalid", /key usage|digitalSignature/]],
  },
  {
    kind: "x509-svid",
    name: "key usage of a signer",
    refused: [["certificate_not_trusted", /keyUsage on every signer/]],
  },
  {
    kind: "x509-svid",
    name: "a workload that signs",
    refused: [["certificate_not_trusted", /SPIFFE ID of a workload/]],
  },
  {
    kind: "x509-svid",
    name: "size of a chain",
    refused: [
      ["certificate_malformed", /certificates of \d+ bytes in all/],
      ["certificate_not_trusted", /too many paths/],
    ],
  },
  {
    kind: "x509-svid",
    name: "weak keys",
    refused: [["certificate_malformed", /strong key/]],
  },
  {
    kind: "x509-svid",
    name: "strict DER",
    refused: [["certificate_malformed", /as RFC 5280 has them/]],
  },
  {
    kind: "x509-svid",
    name: "letters of a SPIFFE ID",
    refused: [["subject_invalid", /SPIFFE ID as URI name/]],
  },
  {
    kind: "x509-svid",
    name: "the SPIFFE ID of a trust domain",
    refused: [["subject_not_a_workload", /./]],
  },
];

/** The first explanation that fits. Two SPIFFE IDs for one credential have none. */
export function explanationOf({
  about,
  ours,
  theirs,
}: Difference): Explanation | undefined {
  return EXPLANATIONS.find(({ kind, refused = [], taken }) => {
    if (kind !== about.kind) return false;
    if (!ours.accepted)
      return (
        theirs.accepted &&
        refused.some(
          ([code, reason]) => code === ours.code && reason.test(ours.reason),
        )
      );
    return !theirs.accepted && taken?.test(theirs.reason) === true;
  });
}
