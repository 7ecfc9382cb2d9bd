import type { JsonValue } from "../json/index.ts";
import { kindOf } from "../lib/quote.ts";
import { refuse } from "../lib/refuse.ts";
import { judgeIssuerKey, type IssuerKey } from "./issuer-key.ts";
import { isObject } from "./kind.ts";
import type { KeyBindingRule } from "./trust.ts";

/**
 * The holder's key that the credential names in `cnf.jwk`, judged as strictly as an issuer's. Other ways to
 * name it (a thumbprint, a URL) leave us without the key, and what is bound to a key is not taken without it.
 *
 * @throws {DcrError} `key_binding_invalid`
 * @see RFC 7800 section 3.2
 */
export function readHolderKey(
  cnf: JsonValue | undefined,
  rule: KeyBindingRule,
): IssuerKey | undefined {
  if (cnf !== undefined && !isObject(cnf))
    refuse("key_binding_invalid", "cnf to be an object", kindOf(cnf));
  const jwk = isObject(cnf) ? cnf["jwk"] : undefined;
  if (jwk === undefined) {
    if (rule === "off" && cnf === undefined) return undefined;
    return refuse(
      "key_binding_invalid",
      cnf === undefined
        ? "cnf.jwk, as the trust source requires"
        : "cnf with a jwk",
      cnf === undefined ? "none" : "another way to name the key",
    );
  }
  if (!isObject(jwk))
    return refuse("key_binding_invalid", "cnf.jwk to be a JWK", kindOf(jwk));
  const verdict = judgeIssuerKey(undefined, jwk);
  return typeof verdict === "string"
    ? refuse("key_binding_invalid", "a usable public key in cnf.jwk", verdict)
    : verdict;
}
