/** Where each endpoint is, derived once from the issuer identifier. */
export interface Endpoints {
  /** Exactly as configured; compared byte for byte everywhere. */
  readonly issuer: string;
  /** The issuer's path without a closing slash: empty, or `/tenant`. */
  readonly basePath: string;
  readonly registration: string;
  readonly token: string;
  readonly introspection: string;
  readonly revocation: string;
  readonly jwks: string;
}

/** Paths below the issuer's own path. */
export const PATHS = {
  registration: "/register",
  token: "/token",
  introspection: "/introspect",
  revocation: "/revoke",
  jwks: "/jwks",
} as const;

/** Derives the endpoints of an issuer identifier. */
export function endpointsOf(issuer: string): Endpoints {
  const url = new URL(issuer);
  const basePath = url.pathname.replace(/\/$/, "");
  const base = `${url.origin}${basePath}`;
  return {
    issuer,
    basePath,
    registration: base + PATHS.registration,
    token: base + PATHS.token,
    introspection: base + PATHS.introspection,
    revocation: base + PATHS.revocation,
    jwks: base + PATHS.jwks,
  };
}
