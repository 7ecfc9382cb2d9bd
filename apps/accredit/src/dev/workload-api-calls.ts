import type { SpiffeWorkloadAPI } from "@accredit/workload-api";
import type { JsonObject } from "@bufbuild/protobuf";
import type { ServiceImpl } from "@connectrpc/connect";
import { renderKeys, renderRoots } from "./bundle.ts";
import { follow, type Current, type FollowSettings } from "./follow.ts";
import type { JwtSvidIssuer } from "./jwt-svids.ts";
import type { WitSvidIssuer } from "./wit-svids.ts";
import type { X509SvidIssuer } from "./x509-svids.ts";

/** What the calls of the Workload API are answered from. */
export interface WorkloadApiIssuers {
  readonly jwt: JwtSvidIssuer;
  readonly x509: X509SvidIssuer;
  readonly wit: WitSvidIssuer;
}

/**
 * The calls of the Workload API. The streams give the whole state each time, and a new one when an SVID
 * reached half of its life or an authority changed.
 *
 * @see SPIFFE Workload API, sections 5 to 7
 */
export function workloadApiCalls(
  { jwt, x509, wit }: WorkloadApiIssuers,
  settings: FollowSettings,
): ServiceImpl<typeof SpiffeWorkloadAPI> {
  const { authorities } = settings;
  const id = `spiffe://${authorities.trustDomain}`;
  /** Follows, and ends with the reason for which the call does. */
  const changes = async function* <T>(
    signal: AbortSignal,
    read: () => Promise<Current<T>> | Current<T>,
    same: (value: T) => string,
  ): AsyncGenerator<T> {
    yield* follow(settings, signal, read, same);
    signal.throwIfAborted();
  };

  return {
    async *fetchX509SVID(_request, { signal }) {
      yield* changes(
        signal,
        async () => {
          const now = await x509.current();
          const bundle = renderRoots(authorities);
          const svids = now.value.map((svid) => ({ ...svid, bundle }));
          return { ...now, value: { svids } };
        },
        ({ svids }) =>
          text(...svids.flatMap(({ x509Svid, bundle }) => [x509Svid, bundle])),
      );
    },
    async *fetchX509Bundles(_request, { signal }) {
      const states = changes(
        signal,
        () => ({ value: renderRoots(authorities) }),
        text,
      );
      for await (const roots of states) yield { bundles: { [id]: roots } };
    },
    async fetchJWTSVID({ audience, spiffeId }) {
      return { svids: await jwt.issue(audience, spiffeId) };
    },
    async *fetchJWTBundles(_request, { signal }) {
      const states = changes(
        signal,
        () => ({ value: renderKeys(authorities, "jwt") }),
        String,
      );
      for await (const jwks of states)
        yield { bundles: { [id]: Buffer.from(jwks) } };
    },
    async validateJWTSVID({ audience, svid }) {
      const { spiffeId, claims } = await jwt.validate(audience, svid);
      return { spiffeId, claims: claims as JsonObject };
    },
    async *fetchWITSVID({ spiffeId }, { signal }) {
      const states = changes(
        signal,
        () => wit.current(spiffeId),
        (svids) => svids.map(({ witSvid }) => witSvid).join(),
      );
      for await (const svids of states) yield { svids: [...svids] };
    },
    async *fetchWITBundles(_request, { signal }) {
      const states = changes(
        signal,
        () => ({ value: renderKeys(authorities, "wit") }),
        String,
      );
      for await (const jwks of states) yield { bundles: { [id]: jwks } };
    },
  };
}

function text(...bytes: readonly Uint8Array[]): string {
  return bytes.map((one) => Buffer.from(one).toString("base64")).join();
}
