export { DCR_ERRORS, DcrError } from "./errors.ts";
export type { DcrErrorCode, DcrErrorData } from "./errors.ts";
export { makeSteadyClock } from "./steady-clock.ts";
