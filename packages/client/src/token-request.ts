import { AccreditClientError } from "./error.ts";
import { exchange, type Answer, type RequestSettings } from "./lib/exchange.ts";
import { refusal } from "./lib/refusal.ts";

/** A token as the server gave it. */
export interface TokenResponse {
  /** The token itself: a credential, not to be logged. */
  readonly accessToken: string;
  /** The scope granted, where the server says. */
  readonly scope: string | undefined;
  /** Seconds that it is good for from when it was asked for. */
  readonly lifetimeSeconds: number;
}

/** What a token of no declared lifetime is kept for, seconds. */
const DEFAULT_LIFETIME_SECONDS = 60;
const MAX_LIFETIME_SECONDS = 86_400;
const MAX_TOKEN = 65_536;

/**
 * Asks for a token with the client credentials grant; the parameters hold the client's authentication.
 *
 * @throws {AccreditClientError} `token_refused`, `temporarily_unavailable`, `server_unreachable`,
 * `response_invalid`
 * @throws the signal's reason
 * @see RFC 6749 section 4.4
 */
export async function requestToken(
  endpoint: string,
  parameters: Iterable<readonly [name: string, value: string]>,
  settings: RequestSettings,
): Promise<TokenResponse> {
  const body = new URLSearchParams([
    ["grant_type", "client_credentials"],
    ...Array.from(parameters, ([name, value]): [string, string] => [
      name,
      value,
    ]),
  ]);
  const assertion = body.get("client_assertion");
  const secrets = assertion === null ? [] : [assertion];
  const answer = await exchange(
    endpoint,
    {
      method: "POST",
      headers: {
        Accept: "application/json",
        "Content-Type": "application/x-www-form-urlencoded",
      },
      body: body.toString(),
    },
    settings,
    secrets,
  );
  if (answer.status >= 400)
    throw refusal("token request", answer, "token_refused", secrets);
  return readTokenResponse(answer);
}

/** RFC 6749 section 5.1; only tokens that their holder may use as they are. */
function readTokenResponse({ status, body, got }: Answer): TokenResponse {
  const invalid = (expected: string): AccreditClientError =>
    new AccreditClientError(
      "response_invalid",
      `token request: expected ${expected}`,
      { status },
    );
  if (status !== 200 || body === undefined)
    throw invalid(`HTTP 200 with a JSON object, got ${got}`);
  const {
    access_token: accessToken,
    token_type: tokenType,
    expires_in: expiresIn = DEFAULT_LIFETIME_SECONDS,
    scope,
  } = body;
  if (typeof accessToken !== "string" || !isToken(accessToken))
    throw invalid("an access_token that fits into a header");
  if (typeof tokenType !== "string" || tokenType.toLowerCase() !== "bearer")
    throw invalid("the token_type Bearer");
  if (typeof expiresIn !== "number" || !(expiresIn > 0))
    throw invalid("expires_in as a number above zero, or none");
  if (scope !== undefined && typeof scope !== "string")
    throw invalid("scope as a string, or none");
  return {
    accessToken,
    scope,
    lifetimeSeconds: Math.min(expiresIn, MAX_LIFETIME_SECONDS),
  };
}

function isToken(text: string): boolean {
  return text.length <= MAX_TOKEN && /^[\x21-\x7e]+$/.test(text);
}
