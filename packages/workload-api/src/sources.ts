import type { WitSvidRequest } from "./client.ts";
import type { SourceOptions, WorkloadApiSource } from "./source.ts";
import { createSource } from "./source.ts";
import type { WitSvid } from "./wit-response.ts";
import type {
  X509Bundles,
  X509BundlesReading,
  X509Context,
} from "./x509-response.ts";

/**
 * Always has the newest X.509-SVIDs with their keys and bundles.
 *
 * @throws {WorkloadApiError} `address_missing`, `address_invalid`
 * @see SPIFFE Workload API, section 5.2.1
 */
export function createX509Source({
  unreadableBundles,
  ...options
}: SourceOptions & X509BundlesReading): WorkloadApiSource<X509Context> {
  return createSource(options, (client, settings) =>
    client.watchX509Svids({ ...settings, unreadableBundles }),
  );
}

/**
 * Always has the newest X.509 bundles, for who verifies and needs no X.509-SVID.
 *
 * @throws {WorkloadApiError} `address_missing`, `address_invalid`
 * @see SPIFFE Workload API, section 5.2.2
 */
export function createX509BundleSource({
  unreadableBundles,
  ...options
}: SourceOptions & X509BundlesReading): WorkloadApiSource<X509Bundles> {
  return createSource(options, (client, settings) =>
    client.watchX509Bundles({ ...settings, unreadableBundles }),
  );
}

/**
 * Always has the newest JWT bundles: JWK Sets (UTF-8 JSON) by the trust domain's SPIFFE ID. JWT-SVIDs
 * are made for a receiver and fetched one by one, with `fetchJwtSvid`.
 *
 * @throws {WorkloadApiError} `address_missing`, `address_invalid`
 * @see SPIFFE Workload API, section 6.2.2
 */
export function createJwtSource(
  options: SourceOptions,
): WorkloadApiSource<ReadonlyMap<string, Uint8Array>> {
  return createSource(options, (client, settings) =>
    client.watchJwtBundles(settings),
  );
}

/**
 * Always has the newest WIT-SVIDs with their keys. An endpoint that does not serve them stops the
 * source with `unimplemented` (WAPI-09).
 *
 * @throws {WorkloadApiError} `address_missing`, `address_invalid`
 * @see SPIFFE Workload API, section 7.2.1
 */
export function createWitSource({
  spiffeId,
  ...options
}: SourceOptions & WitSvidRequest): WorkloadApiSource<readonly WitSvid[]> {
  return createSource(options, (client, settings) =>
    client.watchWitSvids({ ...settings, spiffeId }),
  );
}

/**
 * Always has the newest WIT bundles: JWK Sets (JSON) by the trust domain's SPIFFE ID. An endpoint that
 * does not serve them stops the source with `unimplemented` (WAPI-09).
 *
 * @throws {WorkloadApiError} `address_missing`, `address_invalid`
 * @see SPIFFE Workload API, section 7.2.2
 */
export function createWitBundleSource(
  options: SourceOptions,
): WorkloadApiSource<ReadonlyMap<string, string>> {
  return createSource(options, (client, settings) =>
    client.watchWitBundles(settings),
  );
}
