import type { JWK } from "jose";
import { makeSigningKey, type StoredSigningKey } from "./signing-key.ts";
import {
  makeX509Authority,
  type StoredX509Authority,
} from "./x509-authority.ts";

/** What an authority is for: each kind of SVID has its own. */
export const AUTHORITY_KINDS = ["jwt", "x509", "wit"] as const;
export type AuthorityKind = (typeof AUTHORITY_KINDS)[number];

/** What is kept of an authority of each kind, private keys included. */
export interface StoredAuthority {
  readonly jwt: StoredSigningKey;
  readonly x509: StoredX509Authority;
  readonly wit: StoredSigningKey;
}

/** The authorities of one kind, oldest first; all of them are published, one signs. */
export interface AuthoritySet<Kind extends AuthorityKind> {
  readonly activeId: string;
  readonly authorities: readonly StoredAuthority[Kind][];
}

/** What is on disk. */
export interface AuthorityState {
  readonly trustDomain: string;
  /** Grows with every change of what is published; never goes back. */
  readonly sequence: number;
  readonly sets: { readonly [Kind in AuthorityKind]: AuthoritySet<Kind> };
}

/** Makes an authority of each kind. */
export const MAKE_AUTHORITY: {
  readonly [Kind in AuthorityKind]: (
    trustDomain: string,
    now: number,
  ) => Promise<StoredAuthority[Kind]>;
} = { jwt: makeSigningKey, x509: makeX509Authority, wit: makeSigningKey };

/** The state of a new trust domain. */
export async function firstState(
  trustDomain: string,
  now: number,
): Promise<AuthorityState> {
  return {
    trustDomain,
    sequence: 1,
    sets: {
      jwt: alone(await MAKE_AUTHORITY.jwt(trustDomain, now)),
      x509: alone(await MAKE_AUTHORITY.x509(trustDomain, now)),
      wit: alone(await MAKE_AUTHORITY.wit(trustDomain, now)),
    },
  };
}

/** How the file was before there were other keys than those of JWT-SVIDs. */
interface JwtKeysOnly {
  readonly trustDomain: string;
  readonly sequence: number;
  readonly activeKeyId: string;
  readonly keys: readonly JWK[];
}

/**
 * Reads what was kept. The file is our own and private: only what a mix-up of directories could break is
 * checked.
 *
 * @throws {Error} it is of another trust domain, or no such file at all
 */
export async function readState(
  text: string,
  file: string,
  trustDomain: string,
  now: number,
): Promise<AuthorityState> {
  let state: AuthorityState | JwtKeysOnly;
  try {
    state = JSON.parse(text) as AuthorityState | JwtKeysOnly;
  } catch (cause) {
    throw new Error(
      `${file}: expected the keys of a development trust domain, found no JSON`,
      { cause },
    );
  }
  if (state.trustDomain !== trustDomain) {
    throw new Error(
      `${file} holds the keys of trust domain ${state.trustDomain}, not of ${trustDomain}: use another directory`,
    );
  }
  if (!("activeKeyId" in state)) return state;
  const { sets } = await firstState(trustDomain, now);
  const authorities = state.keys.map((jwk) => ({ id: jwk.kid ?? "", jwk }));
  return {
    trustDomain,
    sequence: state.sequence + 1,
    sets: { ...sets, jwt: { activeId: state.activeKeyId, authorities } },
  };
}

function alone<Kind extends AuthorityKind>(
  authority: StoredAuthority[Kind],
): AuthoritySet<Kind> {
  return { activeId: authority.id, authorities: [authority] };
}
