import { constants, sign, type KeyObject } from "node:crypto";

/** Makes a token by hand, so that it can be wrong in ways a library would not make it. */
export function forge(
  header: unknown,
  payload: unknown,
  signature: (input: string) => Buffer | string,
): string {
  const part = (value: unknown): string =>
    Buffer.from(
      typeof value === "string" ? value : JSON.stringify(value),
    ).toString("base64url");
  const input = `${part(header)}.${part(payload)}`;
  const signed = signature(input);
  return `${input}.${typeof signed === "string" ? signed : signed.toString("base64url")}`;
}

/** Signs as a JWS algorithm says, with whatever key of its type it is given. */
export function signAs(
  algorithm: string,
  key: KeyObject,
): (input: string) => Buffer {
  const hash = `sha${algorithm.slice(2)}`;
  const options = algorithm.startsWith("PS")
    ? {
        padding: constants.RSA_PKCS1_PSS_PADDING,
        saltLength: constants.RSA_PSS_SALTLEN_DIGEST,
      }
    : algorithm.startsWith("ES")
      ? { dsaEncoding: "ieee-p1363" as const }
      : {};
  return (input) => sign(hash, Buffer.from(input), { key, ...options });
}
