import { randomUUID } from "node:crypto";
import { importJWK, SignJWT, type JWK, type JWTPayload } from "jose";
import { readIfThere, replaceFile } from "../dev/private-files.ts";
import { makeSigningKey } from "../dev/signing-key.ts";
import { CommandError } from "./io.ts";

/** A key of one's own, in a file: a private JWK. */
export interface ClientKey {
  readonly publicJwk: JWK;
  /** What proves to hold it, for a registration (RFC 9449 section 4.2). */
  dpopProof(method: string, url: string): Promise<string>;
  /** A client assertion for an authorization server (RFC 7523 section 3). */
  clientAssertion(clientId: string, issuer: string): Promise<string>;
}

/** How long what it signs is good for, seconds. */
const LIFETIME_SECONDS = 60;
const PUBLIC_MEMBERS = ["kty", "crv", "x", "y", "n", "e", "kid", "alg"];
const CURVE_ALGORITHMS: Readonly<Record<string, string>> = {
  "P-256": "ES256",
  "P-384": "ES384",
  "P-521": "ES512",
  Ed25519: "EdDSA",
};

/**
 * Reads the key in a file; with `make`, a new one (ES256) where there is no file.
 *
 * @throws {CommandError} a usage problem where there is none, or it is no private JWK that signs
 */
export async function readClientKey(
  file: string,
  { make = false }: { readonly make?: boolean } = {},
): Promise<ClientKey> {
  let text = await readIfThere(file);
  if (text === undefined) {
    if (!make) throw new CommandError(`--key-file: there is no ${file}`, 2);
    text = `${JSON.stringify((await makeSigningKey()).jwk)}\n`;
    await replaceFile(file, text);
  }
  const jwk = parseJwk(text, file);
  const alg = jwk.alg ?? CURVE_ALGORITHMS[jwk.crv ?? ""] ?? "PS256";
  const key = await importKey(jwk, alg, file);
  const publicJwk: JWK = Object.fromEntries(
    Object.entries(jwk).filter(([name]) => PUBLIC_MEMBERS.includes(name)),
  );
  const signed = (header: object, claims: JWTPayload): Promise<string> => {
    const iat = Math.floor(Date.now() / 1000);
    return new SignJWT({ ...claims, jti: randomUUID(), iat })
      .setProtectedHeader({ ...header, alg })
      .sign(key);
  };
  const { kid: _kid, alg: _alg, ...bare } = publicJwk;
  return {
    publicJwk,
    dpopProof: (htm, htu) =>
      signed({ typ: "dpop+jwt", jwk: bare }, { htm, htu }),
    clientAssertion: (clientId, issuer) =>
      signed(
        { typ: "client-authentication+jwt" },
        {
          iss: clientId,
          sub: clientId,
          aud: issuer,
          exp: Math.floor(Date.now() / 1000) + LIFETIME_SECONDS,
        },
      ),
  };
}

function parseJwk(text: string, file: string): JWK {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // Its text is a key's, so it stays out of the message.
  }
  const jwk = value as JWK | null | undefined;
  if (jwk?.kty !== undefined && jwk.d !== undefined) return jwk;
  throw new CommandError(
    `--key-file: expected a private JWK in ${file}, got something else`,
    2,
  );
}

async function importKey(jwk: JWK, alg: string, file: string) {
  try {
    const key = await importJWK(jwk, alg);
    if (!(key instanceof Uint8Array)) return key;
  } catch {
    // What is wrong with it may say what it is.
  }
  throw new CommandError(
    `--key-file: expected a key that signs by ${alg} in ${file}, got another`,
    2,
  );
}
