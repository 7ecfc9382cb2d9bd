import type { TestContext } from "node:test";
import {
  createTokenSource,
  type TokenSource,
  type TokenSourceOptions,
} from "@accredit/client";
import { FakeAuthorizationServer } from "./fake-authorization-server.ts";
import { FakeSvids } from "./fake-svids.ts";
import { FakeTimes } from "./fake-times.ts";

/** A token source with its server, its SVIDs and its time. */
export interface Harness {
  readonly server: FakeAuthorizationServer;
  readonly svids: FakeSvids;
  readonly times: FakeTimes;
  readonly source: TokenSource;
  /** The next token's text. */
  readonly token: () => Promise<string>;
  /** How often the server was asked for metadata, registration, token. */
  readonly counts: () => readonly [
    metadata: number,
    registrations: number,
    tokens: number,
  ];
}

/** Starts all of it; chance always says one half. */
export async function startHarness(
  t: TestContext,
  options: Partial<TokenSourceOptions> = {},
): Promise<Harness> {
  const server = await FakeAuthorizationServer.start(t);
  const svids = new FakeSvids();
  const times = new FakeTimes();
  const source = createTokenSource({
    issuer: server.issuer,
    workloadApi: svids,
    clock: times,
    random: () => 0.5,
    ...options,
  });
  t.after(() => source.close());
  return {
    server,
    svids,
    times,
    source,
    token: async () => (await source.getToken()).accessToken,
    counts: () => [
      server.count("/metadata"),
      server.count("/register"),
      server.count("/token"),
    ],
  };
}
