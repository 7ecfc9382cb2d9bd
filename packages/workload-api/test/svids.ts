import { generateKeyPairSync } from "node:crypto";
import type { JsonWebKey } from "node:crypto";
import { FakeX509Authority } from "@accredit/testkit";

/** The identity that the messages of these tests give. */
export const ID = "spiffe://example.org/agent";

/** An X.509-SVID of the identity, as it goes over the wire. */
export interface X509SvidMessage {
  readonly spiffeId: string;
  readonly x509Svid: Uint8Array<ArrayBuffer>;
  readonly x509SvidKey: Uint8Array<ArrayBuffer>;
  readonly bundle: Uint8Array<ArrayBuffer>;
  readonly hint: string;
}

/** Mints a good X.509-SVID with an intermediate, another key and certificate each time. */
export async function x509Svid(
  spiffeId: string = ID,
  hint = "",
): Promise<X509SvidMessage> {
  const root = await FakeX509Authority.create();
  const authority = await root.intermediate();
  const { chain, privateKey } = await authority.svid({ uris: [spiffeId] });
  return {
    spiffeId,
    x509Svid: concatenated(chain),
    x509SvidKey: new Uint8Array(privateKey),
    bundle: new Uint8Array(root.certificate),
    hint,
  };
}

/** Bytes one after the other. */
export function concatenated(
  parts: readonly Uint8Array[],
): Uint8Array<ArrayBuffer> {
  return new Uint8Array(Buffer.concat(parts));
}

/** A WIT-SVID as it goes over the wire; nobody verifies its signature here. */
export interface WitSvidMessage {
  readonly spiffeId: string;
  readonly witSvid: string;
  readonly witSvidKey: string;
  readonly hint: string;
}

/** Makes a WIT-SVID whose `cnf` names its key, or another value. */
export function witSvid(
  cnf?: unknown,
): WitSvidMessage & { readonly key: JsonWebKey } {
  const { privateKey, publicKey } = generateKeyPairSync("ec", {
    namedCurve: "P-256",
  });
  const key = { ...privateKey.export({ format: "jwk" }), alg: "ES256" };
  const bound = { jwk: { ...publicKey.export({ format: "jwk" }) } };
  const part = (value: unknown): string =>
    Buffer.from(JSON.stringify(value)).toString("base64url");
  return {
    spiffeId: ID,
    witSvid: `${part({ typ: "wit+jwt" })}.${part({ sub: ID, cnf: cnf ?? bound })}.c2ln`,
    witSvidKey: JSON.stringify(key),
    hint: "",
    key,
  };
}
