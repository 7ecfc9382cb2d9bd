import { createHash } from "node:crypto";
import type { SpiffeBundle } from "./bundle.ts";
import type { ParsedCertificate } from "./x509-certificate.ts";
import type { CertificatePath } from "./x509-path.ts";

/** Chains found to lead to a bundle's authorities, so that they are parsed and the mathematics done once. */
export interface X509PathCache {
  /** The parsed leaf of a chain that led to any bundle's authorities once; that says nothing of today. */
  leaf(chain: string): ParsedCertificate | undefined;
  get(bundle: SpiffeBundle, chain: string): CertificatePath | undefined;
  set(bundle: SpiffeBundle, chain: string, path: CertificatePath): void;
}

/**
 * Makes a cache of the `limit` chains of each bundle that were used last, and as many leaves. A bundle that
 * is replaced takes its chains along, and whatever depends on the time is judged anew each time.
 */
export function createX509PathCache(limit = 1000): X509PathCache {
  const bundles = new WeakMap<SpiffeBundle, Recent<CertificatePath>>();
  const leaves = new Recent<ParsedCertificate>(limit);
  return {
    leaf: (chain) => leaves.get(chain),
    get: (bundle, chain) => bundles.get(bundle)?.get(chain),
    set(bundle, chain, path) {
      const paths = bundles.get(bundle) ?? new Recent<CertificatePath>(limit);
      bundles.set(bundle, paths);
      paths.set(chain, path);
      leaves.set(chain, path[0]);
    },
  };
}

/** The values used last, so many at most. */
class Recent<T> {
  readonly #values = new Map<string, T>();
  readonly #limit: number;

  constructor(limit: number) {
    this.#limit = limit;
  }

  get(key: string): T | undefined {
    const value = this.#values.get(key);
    if (value !== undefined) this.#touch(key, value);
    return value;
  }

  set(key: string, value: T): void {
    this.#touch(key, value);
    const [oldest] = this.#values.keys();
    if (this.#values.size > this.#limit && oldest !== undefined)
      this.#values.delete(oldest);
  }

  #touch(key: string, value: T): void {
    this.#values.delete(key);
    this.#values.set(key, value);
  }
}

/** Names a chain: what comes in another order is another one. */
export function chainKey(chain: readonly Uint8Array[]): string {
  const hash = createHash("sha256");
  for (const der of chain) hash.update(`${der.byteLength}:`).update(der);
  return hash.digest("base64url");
}
