import { DcrError, type DcrErrorCode } from "@accredit/core/errors";

export type Kind = "spiffe-id" | "jwt-svid" | "x509-svid";

/** What one side says: the SPIFFE ID it accepts, or why it does not. */
export type Verdict =
  | { readonly accepted: true; readonly id: string }
  | {
      readonly accepted: false;
      /** Of ours alone. */
      readonly code?: DcrErrorCode;
      readonly reason: string;
    };

/** One thing to judge. */
export interface Case {
  readonly kind: Kind;
  /** What was done to a good one. */
  readonly changes: readonly string[];
  /** As the Go program reads it. */
  readonly question: Readonly<Record<string, unknown>>;
  /** Our verdict. */
  judge(): Promise<Verdict>;
}

/** Tells the Go program whom to trust from now on. */
export interface TrustQuestion {
  readonly kind: "trust";
  readonly trust_domain: string;
  /** A JWK Set, base64. */
  readonly jwks?: string;
  /** DER, base64. */
  readonly authorities?: readonly string[];
}

/** Cases, and what both sides trust. */
export interface Cases {
  readonly trust: readonly TrustQuestion[];
  readonly cases: readonly Case[];
}

/** A case that the two sides do not agree about. */
export interface Difference {
  readonly about: Case;
  readonly ours: Verdict;
  readonly theirs: Verdict;
}

/** Our verdict as a value; anything but the typed error is a mistake of ours. */
export async function verdictOf(
  run: () => string | Promise<string>,
): Promise<Verdict> {
  try {
    return { accepted: true, id: await run() };
  } catch (error) {
    if (!(error instanceof DcrError)) throw error;
    return { accepted: false, code: error.code, reason: error.message };
  }
}
