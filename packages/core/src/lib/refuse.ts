import { DcrError, type DcrErrorCode } from "../errors.ts";

/**
 * Refuses in the one form every message has: what was expected and what came.
 *
 * @throws {DcrError} the code given, always
 */
export function refuse(
  code: DcrErrorCode,
  expected: string,
  came: string,
): never {
  throw new DcrError(code, `expected ${expected}, got ${came}`);
}
