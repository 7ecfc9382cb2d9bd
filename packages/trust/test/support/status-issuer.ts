import { generateKeyPairSync, sign } from "node:crypto";
import { deflateSync, gzipSync } from "node:zlib";
import {
  keysNamed,
  readIssuerJwks,
  type IssuerKeySource,
} from "@accredit/core/vc";

/** An issuer of status lists that signs whatever a test wants. */
export interface FakeStatusIssuer {
  readonly issuer: string;
  readonly keys: IssuerKeySource;
  /** A Token Status List of one bit per entry in which these are set; members that are undefined are left out. */
  token(listUrl: string, set: readonly number[], change?: object): string;
  /** A Bitstring Status List in which these are set. */
  bitstring(listUrl: string, set: readonly number[], change?: object): string;
}

export function makeStatusIssuer(issuer: string): FakeStatusIssuer {
  const { publicKey, privateKey } = generateKeyPairSync("ed25519");
  const jwk = { ...publicKey.export({ format: "jwk" }), kid: "k1" };
  const set = Buffer.from(JSON.stringify({ keys: [jwk] }));
  const keys = readIssuerJwks(issuer, set);
  const seal = (typ: string, payload: object): string => {
    const part = (value: unknown): string =>
      Buffer.from(JSON.stringify(value)).toString("base64url");
    const input = `${part({ alg: "EdDSA", kid: "k1", typ })}.${part(payload)}`;
    const signature = sign(null, Buffer.from(input), privateKey);
    return `${input}.${signature.toString("base64url")}`;
  };
  return {
    issuer,
    keys: { candidates: ({ kid }) => keysNamed(keys, kid) },
    token(listUrl, indexes, change) {
      const bytes = Buffer.alloc(16);
      for (const index of indexes)
        bytes[index >> 3] = (bytes[index >> 3] ?? 0) | (1 << (index & 7));
      return seal("statuslist+jwt", {
        sub: listUrl,
        iat: 1_749_999_000,
        status_list: { bits: 1, lst: deflateSync(bytes).toString("base64url") },
        ...change,
      });
    },
    bitstring(listUrl, indexes, change) {
      const bytes = Buffer.alloc(16_384);
      for (const index of indexes)
        bytes[index >> 3] = (bytes[index >> 3] ?? 0) | (0x80 >> (index & 7));
      return seal("vc+jwt", {
        "@context": ["https://www.w3.org/ns/credentials/v2"],
        type: ["VerifiableCredential", "BitstringStatusListCredential"],
        id: listUrl,
        issuer,
        credentialSubject: {
          type: "BitstringStatusList",
          statusPurpose: ["revocation", "suspension"],
          encodedList: `u${gzipSync(bytes).toString("base64url")}`,
        },
        ...change,
      });
    },
  };
}
