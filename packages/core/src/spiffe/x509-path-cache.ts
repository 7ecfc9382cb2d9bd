import { createHash } from "node:crypto";
import type { SpiffeBundle } from "./bundle.ts";
import type { CertificatePath } from "./x509-path.ts";

/** Chains found to lead to a bundle's authorities, so that the mathematics are done once for each. */
export interface X509PathCache {
  get(bundle: SpiffeBundle, chain: string): CertificatePath | undefined;
  set(bundle: SpiffeBundle, chain: string, path: CertificatePath): void;
}

/**
 * Makes a cache of the `limit` chains of each bundle that were used last. A bundle that is replaced takes its chains along,
 * and whatever depends on the time is judged anew each time.
 */
export function createX509PathCache(limit = 1000): X509PathCache {
  const bundles = new WeakMap<SpiffeBundle, Map<string, CertificatePath>>();
  return {
    get(bundle, chain) {
      const paths = bundles.get(bundle);
      const path = paths?.get(chain);
      if (path === undefined) return undefined;
      // Back among the newest.
      paths?.delete(chain);
      paths?.set(chain, path);
      return path;
    },
    set(bundle, chain, path) {
      const paths = bundles.get(bundle) ?? new Map<string, CertificatePath>();
      bundles.set(bundle, paths);
      paths.delete(chain);
      const [oldest] = paths.keys();
      if (paths.size >= limit && oldest !== undefined) paths.delete(oldest);
      paths.set(chain, path);
    },
  };
}

/** Names a chain: what comes in another order is another one. */
export function chainKey(chain: readonly Uint8Array[]): string {
  const hash = createHash("sha256");
  for (const der of chain) hash.update(`${der.byteLength}:`).update(der);
  return hash.digest("base64url");
}
