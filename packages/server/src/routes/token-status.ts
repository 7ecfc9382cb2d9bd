import { DcrError } from "@accredit/core/errors";
import type { Clock, Store } from "@accredit/core/ports";
import {
  auditRow,
  type Policy,
  type RegisteredClient,
} from "@accredit/core/registration";
import type {
  IssuedToken,
  ReadIssuedToken,
} from "../authorization-server/issued-tokens.ts";
import { isOfRegistration } from "../authorization-server/token-id.ts";
import type { AuthenticatedClient } from "../client-authentication/authenticate.ts";
import {
  stands,
  type StandingSource,
} from "../client-authentication/standing.ts";
import type { RequestEvent } from "../http/request-scope.ts";
import type { FormParameters } from "../wire/form-parameters.ts";

/** What introspection and revocation need of the world. */
export interface TokenStatusPorts extends StandingSource {
  readonly clock: Clock;
  readonly store: Pick<Store, "findClient" | "isTokenRevoked" | "revokeToken"> &
    StandingSource["store"];
  readonly issuer: string;
  readonly readIssuedToken: ReadIssuedToken;
}

const INACTIVE = { active: false } as const;

/**
 * Token introspection (RFC 7662 section 2.2): active only while the token is unexpired and unrevoked,
 * and its client still stands (TOK-10), in the registration that the token was issued under (MGMT-06).
 *
 * @throws {DcrError} `request_malformed` without a `token`
 */
export async function introspect(
  parameters: FormParameters,
  caller: AuthenticatedClient,
  ports: TokenStatusPorts,
): Promise<Record<string, unknown>> {
  const token = await ports.readIssuedToken(
    tokenParameter(parameters),
    ports.clock.now(),
  );
  if (token === undefined || !mayIntrospect(caller.client, token, ports.policy))
    return INACTIVE;
  if (await ports.store.isTokenRevoked(token.tokenId)) return INACTIVE;
  const holder = await ports.store.findClient(token.clientId);
  if (holder === undefined || !isOfRegistration(token, holder)) return INACTIVE;
  if (!(await stands(holder, token.instance, ports))) return INACTIVE;
  return {
    active: true,
    iss: ports.issuer,
    sub: token.subject,
    ...(token.instance === undefined ? {} : { act: { sub: token.instance } }),
    ...(token.certificate === undefined
      ? {}
      : { cnf: { "x5t#S256": token.certificate } }),
    client_id: token.clientId,
    aud: token.audience,
    ...(token.scope === undefined ? {} : { scope: token.scope }),
    iat: token.issuedAt,
    exp: token.expiresAt,
    jti: token.tokenId,
    token_type: "Bearer",
  };
}

/**
 * Token revocation (RFC 7009 section 2): the token's own client may revoke it; for anyone else, and for
 * what is no token of ours, the answer is the same and nothing changes.
 *
 * @throws {DcrError} `request_malformed` without a `token`, `store_unavailable`
 */
export async function revoke(
  parameters: FormParameters,
  { client }: AuthenticatedClient,
  { id: requestId, caller }: Pick<RequestEvent, "id" | "caller">,
  ports: TokenStatusPorts,
): Promise<void> {
  const now = ports.clock.now();
  const token = await ports.readIssuedToken(tokenParameter(parameters), now);
  if (token === undefined || token.clientId !== client.clientId) return;
  const { tokenId, expiresAt } = token;
  const { remote, credential = null } = caller;
  const audit = auditRow({ requestId, remote }, now, {
    rule: client.rule,
    credential,
    details: { jti: tokenId, exp: expiresAt },
  });
  await ports.store.revokeToken(tokenId, client.clientId, expiresAt, audit);
}

function tokenParameter(parameters: FormParameters): string {
  const token = parameters.get("token");
  if (token === undefined)
    throw new DcrError(
      "request_malformed",
      "expected a token parameter, got none",
    );
  return token;
}

/** A caller learns of its own tokens, of those meant for it, and of all where its policy rule says so. */
function mayIntrospect(
  caller: RegisteredClient,
  token: IssuedToken,
  policy: Policy,
): boolean {
  return (
    token.clientId === caller.clientId ||
    token.audience === caller.clientId ||
    policy.find((rule) => rule.name === caller.rule)?.introspect === "any"
  );
}
