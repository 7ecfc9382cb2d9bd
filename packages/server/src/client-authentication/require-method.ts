import { DcrError } from "@accredit/core/errors";
import type {
  ClientAuthMethod,
  Policy,
  RegisteredClient,
} from "@accredit/core/registration";

/**
 * Lets a client pass whose rule enables the method it used.
 *
 * @throws {DcrError} `client_auth_method_not_allowed`
 */
export function requireMethod(
  client: RegisteredClient,
  method: ClientAuthMethod,
  policy: Policy,
): void {
  const rule = policy.find(({ name }) => name === client.rule);
  const allowed = rule?.allow.tokenEndpointAuthMethods ?? [];
  if (!allowed.includes(method)) {
    throw new DcrError(
      "client_auth_method_not_allowed",
      `expected one of the methods of the client's policy rule (${allowed.join(", ") || "none"}), got ${method}`,
    );
  }
}
