import type { CheckListener } from "../credential/checks.ts";

/** The named checks of a Verifiable Credential and their requirements; `explain` lists them in this order. */
export const CREDENTIAL_CHECKS = {
  form: "VC-02",
  kind: "DCR-TI-18",
  header: "SEC-01",
  algorithm: "VC-02",
  trust: "VC-01",
  format: "DCR-TI-15",
  key: "DCR-TI-10",
  signature: "DCR-TI-10",
  disclosures: "VC-11",
  model: "VC-03",
  time: "VC-07",
  audience: "DCR-TI-05",
  type: "VC-13",
  holder: "VC-14",
  "key binding": "VC-12",
  status: "AMB-09",
} as const;

/** Runs a check under its name, now or in its time, and tells the listener how it went. */
export function makeStepper<Name extends string>(
  checks: Readonly<Record<Name, string>>,
  listener: CheckListener | undefined,
) {
  return <T>(check: Name, expectation: string, run: () => T): T => {
    if (listener === undefined) return run();
    const requirement = checks[check];
    const pass = <V>(value: V): V => {
      listener({ check, verdict: "pass", detail: expectation, requirement });
      return value;
    };
    const fail = (error: unknown): never => {
      const detail = error instanceof Error ? error.message : "failed";
      listener({ check, verdict: "fail", detail, requirement });
      throw error;
    };
    let result: T;
    try {
      result = run();
    } catch (error) {
      return fail(error);
    }
    return result instanceof Promise
      ? (result.then(pass, fail) as T)
      : pass(result);
  };
}
