import { KeyObject, sign } from "node:crypto";
import type { FakeKey } from "@accredit/testkit";
import type { SeededRandom } from "./random.ts";

/** A JWT-SVID in the making. Members are pairs of JSON texts, so that they can be wrong in every way. */
export interface Draft {
  header: [name: string, value: string][];
  claims: [name: string, value: string][];
  key: FakeKey;
  /** Changes of the texts that are signed. */
  onHeader: (json: string) => string | Buffer;
  onPayload: (json: string) => string | Buffer;
  /** Changes of the token when it is signed. */
  finish: (token: string) => string;
}

/** Whose keys there are. */
export interface Keys {
  readonly own: readonly FakeKey[];
  /** Of another trust domain that is trusted too. */
  readonly stranger: readonly FakeKey[];
  /** In no bundle. */
  readonly unknown: readonly FakeKey[];
}

/** A good one, by any of the keys. */
export function goodDraft(
  key: FakeKey,
  subject: string,
  audience: string,
  now: number,
): Draft {
  return {
    header: [
      ['"alg"', JSON.stringify(key.algorithm)],
      ['"kid"', JSON.stringify(key.kid)],
      ['"typ"', '"JWT"'],
    ],
    claims: [
      ['"sub"', JSON.stringify(subject)],
      ['"aud"', JSON.stringify([audience])],
      ['"iat"', `${now}`],
      ['"exp"', `${now + 300}`],
    ],
    key,
    onHeader: (json) => json,
    onPayload: (json) => json,
    finish: (token) => token,
  };
}

/** Signs it as it is, by its key's own algorithm whatever the header says. */
export function signDraft(draft: Draft): string {
  const input = [
    draft.onHeader(objectOf(draft.header)),
    draft.onPayload(objectOf(draft.claims)),
  ]
    .map((part) => Buffer.from(part as string).toString("base64url"))
    .join(".");
  return `${input}.${signature(input, draft.key).toString("base64url")}`;
}

/** Sets a member, or takes it away. */
export function setMember(
  members: [string, string][],
  name: string,
  value: string | undefined,
): void {
  const quoted = JSON.stringify(name);
  const at = members.findIndex(([key]) => key === quoted);
  if (value === undefined) {
    if (at !== -1) members.splice(at, 1);
  } else if (at === -1) members.push([quoted, value]);
  else members[at] = [quoted, value];
}

export interface Making {
  readonly random: SeededRandom;
  readonly keys: Keys;
  readonly now: number;
}

function objectOf(members: readonly (readonly [string, string])[]): string {
  return `{${members.map(([name, value]) => `${name}:${value}`).join(",")}}`;
}

function signature(input: string, { algorithm, privateKey }: FakeKey): Buffer {
  const key = KeyObject.from(privateKey);
  const hash = `sha${algorithm.slice(2)}`;
  const data = Buffer.from(input);
  if (algorithm.startsWith("ES"))
    return sign(hash, data, { key, dsaEncoding: "ieee-p1363" });
  if (algorithm.startsWith("RS")) return sign(hash, data, key);
  // RSA_PKCS1_PSS_PADDING, with a salt as long as the hash (RFC 7518 section 3.5).
  return sign(hash, data, { key, padding: 6, saltLength: -1 });
}
