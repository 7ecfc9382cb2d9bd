import type { IncomingMessage } from "node:http";
import { DcrError } from "@accredit/core/errors";
import type { ClientAttestation } from "@accredit/core/credential";
import { headerLines } from "./header-lines.ts";

/** RFC 9110 section 11.2. */
const TOKEN68 = /^[A-Za-z0-9\-._~+/]+=*$/;

/**
 * Reads the headers of a client attestation: one line of each, or none of either (CAUTH-09). Repeated lines,
 * which Node would join, are refused. Where the operator does not take WIT-SVIDs, the headers are like any
 * that nobody knows: they are not looked at.
 *
 * @throws {DcrError} `attestation_malformed`
 * @see draft-ietf-oauth-attestation-based-client-auth section 6.1
 */
export function readAttestationHeaders(
  request: Pick<IncomingMessage, "rawHeaders">,
  { takesWit }: { readonly takesWit: boolean },
): ClientAttestation | undefined {
  if (!takesWit) return undefined;
  const attestations = headerLines(request, "oauth-client-attestation");
  const proofs = headerLines(request, "oauth-client-attestation-pop");
  if (attestations.length === 0 && proofs.length === 0) return undefined;
  return {
    attestation: single(attestations, "OAuth-Client-Attestation"),
    proof: single(proofs, "OAuth-Client-Attestation-PoP"),
  };
}

function single(lines: readonly string[], name: string): string {
  const [line = ""] = lines;
  if (lines.length !== 1) {
    throw new DcrError(
      "attestation_malformed",
      `expected one ${name} header, got ${lines.length}`,
    );
  }
  if (!TOKEN68.test(line)) {
    throw new DcrError(
      "attestation_malformed",
      `expected one token in ${name}, got something else`,
    );
  }
  return line;
}
