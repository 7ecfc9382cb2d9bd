import { EventEmitter, once } from "node:events";
import type { CryptoKey, JWK, JWTPayload } from "jose";
import {
  calculateJwkThumbprint,
  exportJWK,
  generateKeyPair,
  importJWK,
  SignJWT,
} from "jose";
import { readIfThere, replaceFile } from "./private-files.ts";

/** What is on disk: every key with its private part, and which one signs. */
interface StoredKeys {
  readonly trustDomain: string;
  /** Grows with every change of the published keys; never goes back. */
  readonly sequence: number;
  readonly activeKeyId: string;
  readonly keys: readonly JWK[];
}

type Edit = (now: StoredKeys) => StoredKeys;

/** The JWT keys of a development trust domain. Every change is on disk before it is seen. */
export interface DevKeys {
  /** Grows with every change of the published keys. */
  sequence(): number;
  activeKeyId(): string;
  /** Every published key: public members and `kid`, oldest first. */
  publicKeys(): readonly JWK[];
  /** Signs claims with the active key (ES256), header `alg`, `kid` and `typ: JWT` alone. */
  sign(claims: JWTPayload): Promise<string>;
  /** Makes and publishes a key that signs nothing yet; gives its `kid`. */
  prepare(): Promise<string>;
  /** Signs with this published key from now on. */
  activate(keyId: string): Promise<void>;
  /** Takes a key out of the bundle, which ends everything it signed. Not the active one. */
  remove(keyId: string): Promise<void>;
  /** Settles at the next change of the published keys; rejects when the signal aborts. */
  nextChange(signal: AbortSignal): Promise<void>;
}

/** Opens the keys in a file, or makes the first one where there is no file. */
export async function openDevKeys(
  file: string,
  trustDomain: string,
): Promise<DevKeys> {
  const text = await readIfThere(file);
  let state =
    text === undefined
      ? await firstState(file, trustDomain)
      : readState(text, file, trustDomain);
  let signer = await importSigner(state);

  const changes = new EventEmitter();
  changes.setMaxListeners(0); // One for each open stream of bundles.
  const apply = async (edit: Edit): Promise<void> => {
    const edited = edit(state);
    const key = await importSigner(edited);
    await replaceFile(file, JSON.stringify(edited, undefined, 2));
    const published = edited.sequence !== state.sequence;
    state = edited;
    signer = key;
    if (published) changes.emit("change");
  };
  let last: Promise<void> = Promise.resolve();
  /** Makes edits one after the other, so that none starts from a state that another replaces. */
  const change = (edit: Edit): Promise<void> => {
    const turn = last.then(() => apply(edit));
    last = turn.catch(() => undefined);
    return turn;
  };

  return {
    sequence: () => state.sequence,
    activeKeyId: () => state.activeKeyId,
    publicKeys: () => state.keys.map(publicPart),
    sign: (claims) =>
      new SignJWT(claims)
        .setProtectedHeader({
          alg: "ES256",
          kid: state.activeKeyId,
          typ: "JWT",
        })
        .sign(signer),
    async prepare() {
      const key = await generateKey();
      await change((now) => ({
        ...now,
        sequence: now.sequence + 1,
        keys: [...now.keys, key],
      }));
      return keyIdOf(key);
    },
    activate: (keyId) =>
      change((now) => {
        findKey(now, keyId);
        return { ...now, activeKeyId: keyId };
      }),
    remove: (keyId) =>
      change((now) => {
        findKey(now, keyId);
        if (keyId === now.activeKeyId) {
          throw new Error(
            `key ${keyId} is the active one: activate another first`,
          );
        }
        return {
          ...now,
          sequence: now.sequence + 1,
          keys: now.keys.filter((key) => key.kid !== keyId),
        };
      }),
    async nextChange(signal) {
      await once(changes, "change", { signal });
    },
  };
}

async function firstState(
  file: string,
  trustDomain: string,
): Promise<StoredKeys> {
  const key = await generateKey();
  const state = {
    trustDomain,
    sequence: 1,
    activeKeyId: keyIdOf(key),
    keys: [key],
  };
  await replaceFile(file, JSON.stringify(state, undefined, 2));
  return state;
}

/** The file is our own and private: only what a mix-up of directories could break is checked. */
function readState(
  text: string,
  file: string,
  trustDomain: string,
): StoredKeys {
  const state = JSON.parse(text) as StoredKeys;
  if (state.trustDomain !== trustDomain) {
    throw new Error(
      `${file} holds the keys of trust domain ${state.trustDomain}, not of ${trustDomain}: use another directory`,
    );
  }
  return state;
}

/** Makes a P-256 key pair; its `kid` is the RFC 7638 thumbprint. */
async function generateKey(): Promise<JWK> {
  const { privateKey } = await generateKeyPair("ES256", { extractable: true });
  const jwk = await exportJWK(privateKey);
  return { ...jwk, kid: await calculateJwkThumbprint(jwk) };
}

async function importSigner(state: StoredKeys): Promise<CryptoKey> {
  const key = await importJWK(findKey(state, state.activeKeyId), "ES256");
  if (key instanceof Uint8Array) throw new TypeError("expected an EC key");
  return key;
}

function findKey(state: StoredKeys, keyId: string): JWK {
  const key = state.keys.find(({ kid }) => kid === keyId);
  if (key === undefined) throw new Error(`no key ${keyId} in the bundle`);
  return key;
}

function keyIdOf(key: JWK): string {
  if (key.kid === undefined) throw new TypeError("expected a key with a kid");
  return key.kid;
}

/** Names the members to keep, so that a private one cannot slip through. */
function publicPart({ kty, crv, x, y, kid }: JWK): JWK {
  return { kty, crv, x, y, kid } as JWK;
}
