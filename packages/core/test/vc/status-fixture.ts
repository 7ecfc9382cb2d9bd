import { generateKeyPairSync, sign, type KeyObject } from "node:crypto";
import { deflateSync, gzipSync } from "node:zlib";
import { keysNamed, readIssuerJwks, type IssuerKeys } from "@accredit/core/vc";

export const NOW = 1_800_000_000;
export const ISSUER = "https://issuer.example";
export const URL_OF_LIST = "https://issuer.example/status/1";

/** An issuer with one Ed25519 key. */
export interface Signer {
  readonly keys: IssuerKeys;
  readonly privateKey: KeyObject;
}

export function makeSigner(issuer = ISSUER): Signer {
  const { publicKey, privateKey } = generateKeyPairSync("ed25519");
  const jwk = { ...publicKey.export({ format: "jwk" }), kid: "k1" };
  const keys = readIssuerJwks(
    issuer,
    Buffer.from(JSON.stringify({ keys: [jwk] })),
  );
  return { keys, privateKey };
}

/** The source of a signer's keys, as a trust source gives it. */
export function sourceOf({ keys }: Signer) {
  return {
    candidates: ({ kid }: { readonly kid: string | undefined }) =>
      keysNamed(keys, kid),
  };
}

/** Signs whatever it is told to; members that are undefined are left out. */
export function signToken(
  { privateKey }: Signer,
  header: object,
  payload: unknown,
): string {
  const part = (value: unknown): string =>
    Buffer.from(JSON.stringify(value)).toString("base64url");
  const input = `${part({ alg: "EdDSA", kid: "k1", ...header })}.${part(payload)}`;
  return `${input}.${sign(null, Buffer.from(input), privateKey).toString("base64url")}`;
}

/** A bitstring of 16 KB with the given bytes at its beginning. */
export function bitstring(...first: readonly number[]): Buffer {
  const bytes = Buffer.alloc(16_384);
  bytes.set(first);
  return bytes;
}

export function encodedList(bytes: Uint8Array): string {
  return `u${gzipSync(bytes).toString("base64url")}`;
}

export function lst(bytes: Uint8Array): string {
  return deflateSync(bytes).toString("base64url");
}

export const TOKEN_HEADER = { typ: "statuslist+jwt" };

/** The claims of a good Token Status List, with changes. */
export function tokenClaims(change: object = {}): Record<string, unknown> {
  return {
    iss: ISSUER,
    sub: URL_OF_LIST,
    iat: NOW - 60,
    exp: NOW + 3600,
    ttl: 300,
    status_list: { bits: 1, lst: lst(Buffer.from([0xb9, 0xa3])) },
    ...change,
  };
}

/** The claims of a good Bitstring Status List of data model 2.0, with changes to it and to its subject. */
export function bitstringClaims(
  change: object = {},
  subject: object = {},
): Record<string, unknown> {
  return {
    "@context": ["https://www.w3.org/ns/credentials/v2"],
    id: URL_OF_LIST,
    type: ["VerifiableCredential", "BitstringStatusListCredential"],
    issuer: ISSUER,
    validFrom: "2027-01-15T07:00:00Z",
    validUntil: "2027-01-15T09:00:00Z",
    credentialSubject: {
      id: `${URL_OF_LIST}#list`,
      type: "BitstringStatusList",
      statusPurpose: "revocation",
      encodedList: encodedList(bitstring(0x80)),
      ttl: 300_000,
      ...subject,
    },
    ...change,
  };
}

/** The claims of a good StatusList2021 of data model 1.1. */
export function statusList2021Claims(
  change: object = {},
): Record<string, unknown> {
  return {
    iss: ISSUER,
    nbf: NOW - 60,
    exp: NOW + 3600,
    jti: URL_OF_LIST,
    vc: {
      "@context": ["https://www.w3.org/2018/credentials/v1"],
      id: URL_OF_LIST,
      type: ["VerifiableCredential", "StatusList2021Credential"],
      issuer: ISSUER,
      credentialSubject: {
        type: "StatusList2021",
        statusPurpose: "revocation",
        encodedList: gzipSync(bitstring(0x80)).toString("base64"),
      },
      ...change,
    },
  };
}
