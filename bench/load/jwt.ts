import { createPrivateKey, generateKeyPairSync, sign } from "node:crypto";
import type { JsonWebKey, KeyObject } from "node:crypto";

/** An ES256 key pair as JWKs. */
export interface KeyPair {
  readonly kid: string;
  readonly privateJwk: JsonWebKey;
  readonly publicJwk: JsonWebKey;
}

/** A private key ready to sign, and its name. */
export interface Signer {
  readonly kid: string;
  readonly key: KeyObject;
}

export function makeKeyPair(kid: string): KeyPair {
  const { privateKey, publicKey } = generateKeyPairSync("ec", {
    namedCurve: "P-256",
  });
  return {
    kid,
    privateJwk: privateKey.export({ format: "jwk" }),
    publicJwk: publicKey.export({ format: "jwk" }),
  };
}

export function makeSigner({ kid, privateJwk }: KeyPair): Signer {
  return { kid, key: createPrivateKey({ key: privateJwk, format: "jwk" }) };
}

/** Signs claims as a JWS in compact form, alg ES256, typ JWT. */
export function signJwt(claims: object, { kid, key }: Signer): string {
  const header = encode({ alg: "ES256", kid, typ: "JWT" });
  const input = `${header}.${encode(claims)}`;
  const signature = sign("sha256", Buffer.from(input), {
    key,
    dsaEncoding: "ieee-p1363",
  });
  return `${input}.${signature.toString("base64url")}`;
}

function encode(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString("base64url");
}
