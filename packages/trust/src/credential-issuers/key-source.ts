import { X509Certificate } from "node:crypto";
import { readX509Authorities } from "@accredit/core/spiffe";
import {
  didWebUrl,
  jwtVcIssuerUrl,
  readDidDocument,
  readDidJwk,
  readDidKey,
  readIssuerJwks,
  readJwtVcIssuer,
  type IssuerKeys,
} from "@accredit/core/vc";
import type { BundleSource } from "../bundle-source.ts";
import { createFileSource } from "../file-source.ts";
import {
  createHttpsWebSource,
  type HttpsWebPorts,
} from "../https-web-source.ts";
import { SourceError } from "../source-error.ts";
import type { IssuerKeyOptions, WebKeyOptions } from "./options.ts";

/** Where the keys of one issuer come from, and how they are read. */
export interface KeySource extends Pick<
  BundleSource,
  "description" | "authoritative" | "untilNext"
> {
  /**
   * Makes one attempt to read the keys, in bounded time.
   *
   * @throws {SourceError}
   * @throws {DcrError} `issuer_keys_invalid`
   */
  read(signal: AbortSignal): Promise<IssuerKeys>;
}

/**
 * Makes the source of an issuer's keys.
 *
 * @throws {SourceError} `url_invalid`
 * @throws {DcrError} `did_invalid`, `issuer_keys_invalid`: the issuer is none that has keys of this kind
 */
export function createKeySource(
  issuer: string,
  options: IssuerKeyOptions,
  ports: HttpsWebPorts,
): KeySource {
  const web: Web = (url, settings) =>
    createHttpsWebSource({ kind: "https_web", url, ...settings }, ports);
  const file = (path: string): BundleSource =>
    createFileSource({ kind: "file", path }, ports.clock);
  if (options.kind === "did") return didSource(issuer, options, web);
  if (options.kind === "metadata") return metadataSource(issuer, options, web);
  if (options.kind === "x5c_roots_file") {
    const { path } = options;
    return documentSource(file(path), (bytes) =>
      readRoots(issuer, path, bytes),
    );
  }
  const { kind } = options;
  const source =
    options.kind === "jwks_file"
      ? file(options.path)
      : named(web(options.url, webOptions(options)), kind);
  return documentSource(source, (bytes) => readIssuerJwks(issuer, bytes));
}

type Web = (url: string, settings: WebKeyOptions) => BundleSource;

function webOptions({
  caFile,
  allowPrivateAddresses,
  refreshFloorSeconds,
  refreshCeilingSeconds,
}: WebKeyOptions): WebKeyOptions {
  return {
    caFile,
    allowPrivateAddresses,
    refreshFloorSeconds,
    refreshCeilingSeconds,
  };
}

/** The metadata may name another place, which is fetched as strictly. */
function metadataSource(
  issuer: string,
  options: WebKeyOptions,
  web: Web,
): KeySource {
  const settings = webOptions(options);
  const source = web(jwtVcIssuerUrl(issuer).href, settings);
  return documentSource(named(source, "metadata"), async (bytes, signal) => {
    const place = readJwtVcIssuer(issuer, bytes);
    if (place.kind === "jwks") return place.keys;
    const keys = await web(place.url.href, settings).read(signal);
    return readIssuerJwks(issuer, keys);
  });
}

function didSource(did: string, options: WebKeyOptions, web: Web): KeySource {
  // What is in the DID itself cannot change: read now, so that a bad one is found at the start.
  if (did.startsWith("did:key:"))
    return fixedSource("did:key", readDidKey(did));
  if (did.startsWith("did:jwk:"))
    return fixedSource("did:jwk", readDidJwk(did));
  const url = didWebUrl(did, {
    allowLocalhost: options.allowPrivateAddresses,
  });
  const source = web(url.href, webOptions(options));
  return documentSource(named(source, "did"), (bytes) =>
    readDidDocument(did, bytes),
  );
}

function fixedSource(description: string, keys: IssuerKeys): KeySource {
  return {
    description,
    authoritative: true,
    read: async () => keys,
    untilNext: (_progress, signal) =>
      new Promise((_resolve, reject) => {
        const onAbort = (): void => reject(new Error("aborted"));
        if (signal.aborted) onAbort();
        else signal.addEventListener("abort", onAbort, { once: true });
      }),
  };
}

function documentSource(
  source: BundleSource,
  parse: (
    bytes: Uint8Array,
    signal: AbortSignal,
  ) => IssuerKeys | Promise<IssuerKeys>,
): KeySource {
  return {
    description: source.description,
    authoritative: source.authoritative,
    untilNext: (progress, signal) => source.untilNext(progress, signal),
    read: async (signal) => parse(await source.read(signal), signal),
  };
}

/** For operators: what kind of document is at the URL. */
function named(source: BundleSource, kind: string): BundleSource {
  return {
    ...source,
    description: source.description.replace(/^https_web/, kind),
  };
}

const PEM =
  /-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----/g;

function readRoots(
  issuer: string,
  path: string,
  bytes: Uint8Array,
): IssuerKeys {
  const blocks = Buffer.from(bytes).toString("latin1").match(PEM) ?? [];
  const { x509Authorities, skipped } = readX509Authorities(
    blocks.map((pem) => certificateOf(path, pem)),
  );
  if (blocks.length === 0) throw badRoots(path);
  return { issuer, keys: [], roots: x509Authorities, skipped };
}

function certificateOf(path: string, pem: string): Uint8Array {
  try {
    return new X509Certificate(pem).raw;
  } catch (cause) {
    throw badRoots(path, cause);
  }
}

function badRoots(path: string, cause?: unknown): SourceError {
  return new SourceError(
    "ca_file_unreadable",
    `expected PEM certificates in ${path}, got something else`,
    cause === undefined ? undefined : { cause },
  );
}
