import type { JsonObject, JsonValue } from "../json/index.ts";
import type { UnverifiedJws } from "../lib/compact-jws.ts";
import { isObject } from "./issuer-document.ts";
import { readDateTime } from "./date-time.ts";
import type { StatusListKind } from "./status-list.ts";
import {
  claimsInvalid,
  readSeconds,
  type StatusListClaims,
} from "./status-token-claims.ts";

const CONTEXT = {
  one: "https://www.w3.org/2018/credentials/v1",
  two: "https://www.w3.org/ns/credentials/v2",
} as const;
const TYPES = {
  bitstring: {
    credential: "BitstringStatusListCredential",
    subject: "BitstringStatusList",
  },
  status_list_2021: {
    credential: "StatusList2021Credential",
    subject: "StatusList2021",
  },
} as const;
const MAX_PURPOSES = 16;

/** A credential, whichever version of the data model it is in. */
interface Credential {
  readonly credential: JsonObject;
  readonly context: string;
  readonly issuer: string;
  readonly notBefore: readonly (number | undefined)[];
  readonly expiresAt: readonly (number | undefined)[];
}

/**
 * Reads a Bitstring Status List or StatusList2021 that is a Verifiable Credential, in data model 2.0 (typ
 * `vc+jwt`) or 1.1 (typ `JWT` or none, a `vc` claim).
 *
 * @param url - the list's, which the credential's `id` has to be where it has one
 * @throws {DcrError} `status_list_invalid`
 * @see Bitstring Status List section 2.2; StatusList2021 section 2.2
 */
export function readBitstringClaims(
  { header, payload }: UnverifiedJws,
  kind: Exclude<StatusListKind, "token_status_list">,
  url: string,
): StatusListClaims {
  const { credential, context, issuer, notBefore, expiresAt } =
    header["typ"] === "vc+jwt" ? readTwo(payload) : readOne(header, payload);
  const types = TYPES[kind];
  const { id, credentialSubject: subject } = credential;
  if (textsOf(credential["@context"])[0] !== context)
    throw claimsInvalid(`@context to begin with ${context}`, "another");
  const named = textsOf(credential["type"]);
  if (
    !named.includes("VerifiableCredential") ||
    !named.includes(types.credential)
  )
    throw claimsInvalid(`type ${types.credential}`, "another");
  // A list served in the place of another would answer for the wrong credentials.
  if ((id ?? url) !== url || (payload["jti"] ?? url) !== url)
    throw claimsInvalid("id to be the list's URL", "another");
  if (!isObject(subject) || !textsOf(subject["type"]).includes(types.subject))
    throw claimsInvalid(`one subject of type ${types.subject}`, "another");
  const { encodedList } = subject;
  const purposes = textsOf(subject["statusPurpose"]);
  if (typeof encodedList !== "string" || purposes.length === 0)
    throw claimsInvalid("statusPurpose and encodedList", "another value");
  const issuedAt = readSeconds(payload["iat"], "iat");
  return {
    issuer,
    issuedAt: issuedAt ?? latest(notBefore),
    notBefore: latest(notBefore),
    expiresAt: earliest(expiresAt),
    ttlSeconds: readTtl(subject["ttl"]),
    encoded: encodedList,
    size: 0,
    purposes,
  };
}

/** VC-04, VC-05, VC-06. */
function readTwo(payload: JsonObject): Credential {
  if (payload["vc"] !== undefined || payload["vp"] !== undefined)
    throw claimsInvalid("no vc or vp claim beside typ vc+jwt", "one");
  return {
    credential: payload,
    context: CONTEXT.two,
    issuer: agreed("issuer", [issuerOf(payload), payload["iss"]]),
    notBefore: [
      readSeconds(payload["nbf"], "nbf"),
      readDate(payload, "validFrom"),
    ],
    expiresAt: [
      readSeconds(payload["exp"], "exp"),
      readDate(payload, "validUntil"),
    ],
  };
}

/** VC-03. */
function readOne({ typ }: JsonObject, payload: JsonObject): Credential {
  const { vc } = payload;
  if ((typ ?? "JWT") !== "JWT" || !isObject(vc)) {
    throw claimsInvalid(
      "typ vc+jwt, or typ JWT and a vc claim",
      "another credential",
    );
  }
  return {
    credential: vc,
    context: CONTEXT.one,
    issuer: agreed("iss", [payload["iss"], issuerOf(vc)]),
    notBefore: [
      readSeconds(payload["nbf"], "nbf"),
      readDate(vc, "issuanceDate"),
    ],
    expiresAt: [
      readSeconds(payload["exp"], "exp"),
      readDate(vc, "expirationDate"),
    ],
  };
}

function issuerOf({ issuer }: JsonObject): JsonValue | undefined {
  return isObject(issuer) ? issuer["id"] : issuer;
}

/** The first value, a text; the other has to be the same where there is one. */
function agreed(
  name: string,
  [first, second]: readonly [JsonValue | undefined, JsonValue | undefined],
): string {
  if (typeof first === "string" && (second ?? first) === first) return first;
  throw claimsInvalid(`one ${name}`, "none, or two that differ");
}

function readDate(credential: JsonObject, name: string): number | undefined {
  const value = credential[name];
  return value === undefined
    ? undefined
    : Math.floor(readDateTime(value, name));
}

/** In milliseconds on the wire (STAT-10); one below a second is a second. */
function readTtl(value: JsonValue | undefined): number | undefined {
  const milliseconds = readSeconds(value, "ttl");
  return milliseconds === undefined
    ? undefined
    : Math.max(1, Math.floor(milliseconds / 1000));
}

function textsOf(value: JsonValue | undefined): readonly string[] {
  const list = Array.isArray(value) ? (value as readonly JsonValue[]) : [value];
  if (list.length > MAX_PURPOSES) return [];
  return list.filter((each): each is string => typeof each === "string");
}

function latest(times: readonly (number | undefined)[]): number | undefined {
  const known = times.filter((time) => time !== undefined);
  return known.length === 0 ? undefined : Math.max(...known);
}

function earliest(times: readonly (number | undefined)[]): number | undefined {
  const known = times.filter((time) => time !== undefined);
  return known.length === 0 ? undefined : Math.min(...known);
}
