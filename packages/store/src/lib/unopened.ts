import { DcrError } from "@accredit/core/errors";
import type { StartError } from "./start-error.ts";

/** A start that failed, as the error of the port; `data.check` names the check. */
export function unopened(error: StartError): DcrError {
  const { check, message } = error;
  return new DcrError(
    "store_unavailable",
    `The store cannot be opened, check ${check}: ${message}.`,
    { data: { check }, cause: error },
  );
}
