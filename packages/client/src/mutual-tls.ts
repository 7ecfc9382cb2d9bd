import type { X509Svid } from "@accredit/workload-api";
import { AccreditClientError } from "./error.ts";
import {
  checkAuthorities,
  createHttpsFetch,
  type HttpsFetch,
} from "./lib/https-fetch.ts";
import {
  none,
  orUnavailable,
  type SvidChoice,
  type X509SvidSource,
} from "./svid-source.ts";

/** Whose X.509-SVID is shown, and which servers are trusted. */
export interface MutualTlsOptions {
  readonly svidSource: X509SvidSource;
  /** The identity to show; the default one where absent. */
  readonly spiffeId?: string | undefined;
  /** Authorities of server certificates (PEM), instead of the system's. */
  readonly ca?: string | undefined;
}

/** Which identity is to be shown. */
export interface IdentityChoice extends SvidChoice {
  /** The identity to show where none has to be and this one is there. */
  readonly rather?: string | undefined;
}

/** Connections that show the workload's X.509-SVID. */
export interface MutualTls {
  /** A `fetch` for whichever library takes one, that shows the SVID of the moment. */
  readonly fetch: HttpsFetch["fetch"];
  /** The SVID of the moment, and a `fetch` that shows it and no later one. */
  identity(choice?: IdentityChoice): Promise<{
    readonly spiffeId: string;
    readonly fetch: HttpsFetch["fetch"];
  }>;
  /** Ends all connections. */
  close(): void;
}

/**
 * Connects with the workload's X.509-SVID and follows its rotation: each request asks for the SVID, and a
 * new one gets new connections. Those that showed the old one end with the requests on them.
 *
 * @throws {TypeError} `ca` holds no certificate
 * @see draft-ietf-oauth-spiffe-client-auth section 3.2
 */
export function createMutualTls(options: MutualTlsOptions): MutualTls {
  checkAuthorities(options.ca);
  const open = new Set<HttpsFetch>();
  let current: { svid: X509Svid; connections: HttpsFetch } | undefined;
  let closed = false;

  async function identity(choice: IdentityChoice = {}) {
    const { spiffeId = options.spiffeId, rather, signal } = choice;
    const { svids } = await orUnavailable("X.509-SVID", signal, () =>
      options.svidSource.fetchX509Svid({
        signal,
        // Who only shows its own is not stopped by what is wrong with another trust domain's.
        unreadableBundles: "leave_out",
      }),
    );
    const svid = chooseSvid(svids, spiffeId, rather);
    if (closed) throw new AccreditClientError("closed", "mutual TLS is closed");
    if (current === undefined || !isSameSvid(current.svid, svid)) {
      const connections = connect(svid, options.ca);
      const old = current?.connections;
      void old?.retire().then(() => open.delete(old));
      open.add(connections);
      current = { svid, connections };
    }
    const { fetch } = current.connections;
    return { spiffeId: svid.spiffeId, fetch };
  }

  return {
    identity,
    async fetch(url, init) {
      const { signal } = init;
      const { fetch } = await identity({ signal: signal ?? undefined });
      return fetch(url, init);
    },
    close() {
      closed = true;
      for (const connections of open) connections.close();
      open.clear();
      current = undefined;
    },
  };
}

/** The identity that has to be shown; else the one that rather should be; else the default. */
function chooseSvid(
  svids: readonly X509Svid[],
  required: string | undefined,
  rather: string | undefined,
): X509Svid {
  const find = (spiffeId: string | undefined): X509Svid | undefined =>
    svids.find((svid) => svid.spiffeId === spiffeId);
  const svid =
    required === undefined ? (find(rather) ?? svids[0]) : find(required);
  if (svid === undefined) throw none("X.509-SVID");
  return svid;
}

function isSameSvid(one: X509Svid, other: X509Svid): boolean {
  return (
    Buffer.compare(one.privateKey, other.privateKey) === 0 &&
    one.certificates.length === other.certificates.length &&
    one.certificates.every(
      (der, i) => Buffer.compare(der, other.certificates[i] ?? EMPTY) === 0,
    )
  );
}

const EMPTY = new Uint8Array();

function connect(svid: X509Svid, ca: string | undefined): HttpsFetch {
  try {
    return createHttpsFetch({
      ca,
      cert: svid.certificates.map((der) => toPem("CERTIFICATE", der)).join(""),
      key: toPem("PRIVATE KEY", svid.privateKey),
    });
  } catch (error) {
    const { code = "unknown" } = error as NodeJS.ErrnoException;
    throw new AccreditClientError(
      "svid_unavailable",
      `expected an X.509-SVID with its key for TLS, got what OpenSSL refuses (${code})`,
    );
  }
}

function toPem(label: string, der: Uint8Array): string {
  const base64 = Buffer.from(der).toString("base64");
  const lines = base64.match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join("\n")}\n-----END ${label}-----\n`;
}
