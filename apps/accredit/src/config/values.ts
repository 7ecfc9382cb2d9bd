import { isIP, isIPv4 } from "node:net";
import { z } from "zod";
import { redirectUriProblem } from "@accredit/core/registration";
import { parseWorkloadApiAddress } from "@accredit/workload-api/address";
import {
  parseSpiffeId,
  parseSpiffeIdPattern,
  parseSpiffeIdWildcard,
  parseTrustDomainName,
} from "@accredit/core/spiffe";
import { isProxyAddress } from "@accredit/server/proxy-addresses";
import { parseEndpointUrl } from "@accredit/trust";

/*
 * The kinds of values a configuration is made of. The error text of each says what is expected; what came
 * is added where issues become problems. JSON Schema takes the patterns, so they are plain ones.
 */

/** Text that passes `test`, which may throw to refuse. */
export function text(
  expected: string,
  test: (value: string) => boolean,
): z.ZodString {
  const holds = (value: string): boolean => {
    try {
      return test(value);
    } catch {
      return false;
    }
  };
  return z.string({ error: expected }).refine(holds, { error: expected });
}

/** One of a fixed set of words. */
export function oneOf<const T extends readonly [string, ...string[]]>(
  ...words: T
): z.ZodEnum<{ [Word in T[number]]: Word }> {
  return z.enum(words, {
    error: words.join(", ").replace(/, ([^,]*)$/, " or $1"),
  });
}

/** `true` or `false`. */
export function flag(): z.ZodBoolean {
  return z.boolean({ error: "true or false" });
}

/** A list of values of one kind. */
export function list<T extends z.ZodType>(item: T): z.ZodArray<T> {
  return z.array(item, { error: "a list" });
}

/** A whole number within bounds. */
export function whole(min: number, max: number): z.ZodInt {
  const error = `a whole number from ${min} to ${max}`;
  return z.int({ error }).min(min, { error }).max(max, { error });
}

const DURATION = /^(0|[1-9][0-9]{0,8})(ms|s|m|h|d)$/;
const UNIT_MS = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** A short duration such as `500ms`, read as milliseconds, within bounds written the same way. */
export function shortDuration(
  min: string,
  max: string,
): z.ZodPipe<z.ZodString, z.ZodTransform<number, string>> {
  const error = `a duration like 500ms or 2s, from ${min} to ${max}`;
  const [low, high] = [milliseconds(min), milliseconds(max)];
  return z
    .string({ error })
    .regex(DURATION, { error })
    .transform((value, context) => {
      const ms = milliseconds(value);
      if (ms >= low && ms <= high) return ms;
      context.addIssue({ code: "custom", message: error });
      return z.NEVER;
    });
}

/** A duration such as `30s`, read as whole seconds, within bounds written the same way. */
export function duration(
  min: string,
  max: string,
): z.ZodPipe<z.ZodString, z.ZodTransform<number, string>> {
  const error = `a duration in whole seconds like 30s, 5m, 24h or 7d, from ${min} to ${max}`;
  const [low, high] = [milliseconds(min), milliseconds(max)];
  return z
    .string({ error })
    .regex(DURATION, { error })
    .transform((value, context) => {
      const ms = milliseconds(value);
      if (ms < low || ms > high || ms % 1000 !== 0) {
        context.addIssue({ code: "custom", message: error });
        return z.NEVER;
      }
      return ms / 1000;
    });
}

function milliseconds(value: string): number {
  const [, amount, unit] = DURATION.exec(value) ?? [];
  return Number(amount) * UNIT_MS[unit as keyof typeof UNIT_MS];
}

/** A file's path; relative ones start at the configuration file's directory. */
export function filePath(): z.ZodString {
  return text("a file path", (value) => value !== "" && !value.includes("\0"));
}

const HOST_NAME =
  /^(?=.{1,253}$)[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$/i;

/** A host to bind: an IP address, IPv6 ones without brackets, or a name. */
export function host(): z.ZodString {
  return text(
    "an IP address or a host name",
    (value) =>
      isIP(value) !== 0 || (HOST_NAME.test(value) && !/^[0-9.]+$/.test(value)),
  );
}

/** Whether only this machine reaches what is bound to the host. */
export function isLoopbackHost(value: string): boolean {
  return (
    value === "localhost" ||
    value === "::1" ||
    (isIPv4(value) && value.startsWith("127."))
  );
}

const LOOPBACK_AUTHORITIES = new Set(["localhost", "127.0.0.1", "[::1]"]);

/**
 * An issuer identifier (RFC 8414 section 2): compared byte for byte by everyone, so it must read as a URL
 * parser would write it, and it is never rewritten.
 */
export function issuerIdentifier(): z.ZodString {
  return text(
    "an https URL (http only on localhost, 127.0.0.1 or [::1]) in lower case, without default port, query, fragment and user information",
    (value) => {
      if (!/^https?:\/\/[\x21-\x7e]+$/.test(value) || /[?#@\\]/.test(value))
        return false;
      const url = new URL(value);
      const sameText = url.href === value || url.href === `${value}/`;
      return (
        sameText &&
        (url.protocol === "https:" || LOOPBACK_AUTHORITIES.has(url.hostname))
      );
    },
  );
}

/** An https origin: scheme, host and port, as a URL parser would write it. */
export function httpsOrigin(): z.ZodString {
  return text(
    "an https URL of a host and optional port, without path",
    (value) =>
      /^https:\/\/[\x21-\x7e]+$/.test(value) && new URL(value).origin === value,
  );
}

/** An address of a proxy. */
export function proxyAddress(): z.ZodString {
  return text("an IP address, a CIDR block or loopback", isProxyAddress);
}

/** The URL of a bundle endpoint. */
export function bundleUrl(): z.ZodString {
  return text(
    "an https URL without user information and fragment",
    (value) =>
      /^https:\/\/[\x21-\x7e]+$/.test(value) &&
      !/[#@\\]/.test(value) &&
      parseEndpointUrl(value).href !== "",
  );
}

/** A SPIFFE ID wildcard of the client authentication draft, section 5.1. */
export function spiffeIdWildcard(): z.ZodString {
  return text(
    "a wildcard like spiffe://example.org/ns/prod/*, with a path before the star",
    (value) => parseSpiffeIdWildcard(value).uri === value,
  );
}

/** A resource identifier (RFC 8707 section 2). */
export function resource(): z.ZodString {
  return text(
    "an absolute URI without fragment",
    (value) =>
      /^[a-z][a-z0-9+.-]*:[\x21-\x7e]+$/i.test(value) &&
      !value.includes("#") &&
      URL.canParse(value),
  );
}

/** An `aud` or `iss` value: any word. */
export function claimValue(): z.ZodString {
  return text("1 to 2048 printable ASCII characters without spaces", (value) =>
    /^[\x21-\x7e]{1,2048}$/.test(value),
  );
}

/** A scope token (RFC 6749 section 3.3). */
export function scopeToken(): z.ZodString {
  return z
    .string({ error: "a scope token" })
    .regex(/^[\x21\x23-\x5b\x5d-\x7e]+$/, {
      error: "one scope token of printable ASCII without space, '\"' and '\\'",
    });
}

/** The name of a policy rule; it appears in audit rows and metrics. */
export function ruleName(): z.ZodString {
  const error = "1 to 64 letters, digits, '.', '-' or '_'";
  return z.string({ error }).regex(/^[A-Za-z0-9._-]{1,64}$/, { error });
}

/** A SPIFFE ID with a path. */
export function spiffeId(): z.ZodString {
  return text(
    "a SPIFFE ID like spiffe://example.org/bundle-endpoint",
    (value) => parseSpiffeId(value).path !== "",
  );
}

/** The address of a Workload API. */
export function workloadApiAddress(): z.ZodString {
  return text(
    "unix:///absolute/path or tcp://<IP>:<port>",
    (value) => parseWorkloadApiAddress(value) !== undefined,
  );
}

/** An issuer of Verifiable Credentials: an https URL, or a DID. */
export function credentialIssuer(): z.ZodString {
  return text(
    "an https URL without query and fragment, or a DID like did:web:issuer.example",
    isCredentialIssuer,
  );
}

/** Whether a text names an issuer of Verifiable Credentials; no trust domain name does. */
export function isCredentialIssuer(value: string): boolean {
  if (/^did:[a-z0-9]+:[\x21-\x7e]+$/.test(value))
    return value.length <= 2048 && !/[?#]/.test(value);
  return (
    /^https:\/\/[\x21-\x7e]+$/.test(value) &&
    !/[?#@\\]/.test(value) &&
    URL.canParse(value)
  );
}

/** The name of an entry of `trust`. */
export function trustName(): z.ZodString {
  return text(
    "a trust domain name like example.org, or the issuer of Verifiable Credentials",
    (value) => isCredentialIssuer(value) || parseTrustDomainName(value) !== "",
  );
}

/** A trust domain name (SPIFFE-ID section 2.1). */
export function trustDomain(): z.ZodString {
  return text(
    "a trust domain name of a-z, 0-9, '.', '-' and '_'",
    (value) => parseTrustDomainName(value) !== "",
  );
}

/** A pattern of SPIFFE IDs. */
export function spiffeIdPattern(): z.ZodString {
  return text(
    "a SPIFFE ID in which whole path segments may be '*' and the last one '**'",
    (value) => parseSpiffeIdPattern(value).text === value,
  );
}

/** A redirect URI that registration would take (META-01), and no pattern of them: nothing here is one. */
export function redirectUri(): z.ZodString {
  return text(
    "an absolute URI without fragment, user information and '*': https, http on a loopback host, or a private-use scheme with a dot",
    (value) => redirectUriProblem(value) === undefined && !value.includes("*"),
  );
}
