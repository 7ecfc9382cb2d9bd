/** The verdict of one named check, as `explain` prints it. Never quotes the credential. */
export interface CheckResult {
  readonly check: string;
  readonly verdict: "pass" | "fail";
  /** What was expected and what came. */
  readonly detail: string;
  /** The requirement the check implements, e.g. `SVID-02`. */
  readonly requirement: string;
}

/** Hears every check as it is decided; `explain` passes one, the request path does not. */
export type CheckListener = (result: CheckResult) => void;
