import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { deflateSync, gzipSync } from "node:zlib";
import {
  decodeBitstring,
  decodeTokenStatusList,
  verifyStatusListCredential,
} from "@accredit/core/vc";
import type { ClientProposal } from "@accredit/core/ports";
import { openSqliteStore } from "@accredit/store";
import {
  FakeBundleEndpoint,
  FakeCredentialIssuer,
  makeProposal,
} from "@accredit/testkit";
import { bundleDocument } from "../bundle.ts";
import { TRUST_DOMAIN } from "../load/requests.ts";
import { startAccredit } from "../servers.ts";
import { median } from "../statistics.ts";
import {
  registerNumbers,
  startGenerator,
  type BenchRow,
  type RowContext,
} from "./row.ts";
import { timeInTurns } from "./timing.ts";
import { ENTRIES, someSet, tokenStatusList } from "./token-status-list.ts";

const CLIENTS = 100_000;
const QUICK_CLIENTS = 2000;
const BATCH = 2000;
const ISSUER = "https://issuer.example";
/** How long a list may be used: short, for the row waits for the next fetch. */
const TTL_SECONDS = 10;
const CONCURRENCY = 4;
const WARM_UP_REQUESTS = 8000;
/** Short rounds: several have to fit into the time that the judging takes. */
const ROUND_REQUESTS = 500;
const PATIENCE_MS = 120_000;
const clock = { now: (): number => Math.floor(Date.now() / 1000) };

/** A long list decoded, and everybody on it judged anew by a running server when it changes. */
export const statusLists: BenchRow = {
  name: "status lists",
  async run(context) {
    const lists = await FakeBundleEndpoint.start();
    try {
      const issuer = await FakeCredentialIssuer.create({ issuer: ISSUER });
      const decoded = await decodeAll(context, issuer, lists.url);
      const judged = await judgeAll(context, issuer, lists);
      return {
        title: `a status list of ${ENTRIES} entries, a hundredth of them set, and the clients on it`,
        head: ["what", "ms"],
        rows: [...decoded, ...judged],
      };
    } finally {
      await lists.close();
    }
  },
};

async function decodeAll(
  { options }: RowContext,
  issuer: FakeCredentialIssuer,
  url: string,
) {
  const bytes = someSet();
  const bitstring = `u${gzipSync(bytes).toString("base64url")}`;
  const lst = deflateSync(bytes).toString("base64url");
  const token = await tokenStatusList(issuer, url, bytes, TTL_SECONDS);
  const { keys } = issuer.trusted();
  const timed = [
    {
      name: "Bitstring Status List decoded",
      run: () => decodeBitstring(bitstring, ["revocation"]),
    },
    {
      name: "Token Status List decoded",
      run: () => decodeTokenStatusList(lst, 1),
    },
    {
      name: "Token Status List verified and decoded",
      run: () =>
        verifyStatusListCredential(token, {
          kind: "token_status_list",
          url,
          credentialIssuer: ISSUER,
          issuerKeys: () => keys,
          now: clock.now(),
          clockToleranceSeconds: 60,
        }),
    },
  ];
  const microseconds = await timeInTurns(timed, {
    batches: options.quick ? 2 : 3 * options.rounds,
    size: 10,
  });
  return timed.map(({ name }, index) => [
    name,
    ((microseconds[index] ?? Number.NaN) / 1000).toFixed(2),
  ]);
}

/** Clients of one list, on disk; a server that fetches it; and the list changes while others register. */
async function judgeAll(
  context: RowContext,
  issuer: FakeCredentialIssuer,
  lists: FakeBundleEndpoint,
) {
  const { directory, keys, options, progress, owns } = context;
  const count = options.quick ? QUICK_CLIENTS : CLIENTS;
  const home = join(directory, "home");
  mkdirSync(home);
  const store = await openSqliteStore({
    path: join(home, "accredit.db"),
    clock,
  });
  for (let first = 0; first < count; first += BATCH)
    await Promise.all(
      Array.from({ length: BATCH }, (_, n) =>
        store.register(clientOnList(first + n, lists.url)),
      ),
    );
  await store.close();
  progress(`${count} clients are on the list`);

  const list = (bytes: Buffer) =>
    tokenStatusList(issuer, lists.url, bytes, TTL_SECONDS);
  lists.serve(await list(Buffer.alloc(ENTRIES / 8)));
  writeFileSync(join(home, "jwks.json"), issuer.jwks());
  writeFileSync(join(home, "ca.pem"), lists.caPem);
  writeFileSync(join(home, "bundle.json"), bundleDocument(keys));
  const server = await startAccredit(home, keys, [], {
    trust: [
      {
        kind: "spiffe",
        trust_domain: TRUST_DOMAIN,
        bundle: { file: "./bundle.json" },
      },
      { kind: "vc", issuer: ISSUER, keys: { jwks_file: "./jwks.json" } },
    ],
    status_lists: {
      ca_file: "./ca.pem",
      allow_private_addresses: true,
      floor: "1s",
    },
  });
  owns(server.child);
  const generator = startGenerator(context);
  let used = 0;
  const register = async (requests: number): Promise<Round> => {
    used += requests;
    const { seconds, latencyMs } = await registerNumbers(
      generator,
      server,
      used - requests,
      requests,
      CONCURRENCY,
    );
    const end = Date.now();
    return { start: end - seconds * 1000, end, p99: latencyMs.p99 };
  };
  await register(WARM_UP_REQUESTS);
  lists.serve(await list(someSet()));

  const log = join(home, "accredit.log");
  const rounds: Round[] = [];
  const deadline = performance.now() + PATIENCE_MS;
  while (timeOf(log, "credentials' clients judged anew") === undefined) {
    if (performance.now() > deadline)
      throw new Error("the clients were not judged anew");
    rounds.push(await register(ROUND_REQUESTS));
  }
  // What the server has gathered for its log by now is written.
  await delay(200);
  const from = timeOf(log, "status list changed") ?? Number.NaN;
  const to = timeOf(log, "credentials' clients judged anew") ?? Number.NaN;
  const p99 = (isOne: (round: Round) => boolean): string =>
    median(rounds.filter(isOne).map((round) => round.p99)).toFixed(1);
  return [
    [`${count} clients judged on a changed list`, (to - from).toFixed(0)],
    ["p99 of registrations before", p99(({ end }) => end < from)],
    [
      "p99 of registrations meanwhile",
      p99(({ start, end }) => end > from && start < to),
    ],
  ];
}

/** Registrations one after another; epoch milliseconds. */
interface Round {
  readonly start: number;
  readonly end: number;
  readonly p99: number;
}

/** Epoch milliseconds at which the server logged this; undefined while it has not. */
function timeOf(log: string, message: string): number | undefined {
  const line = readFileSync(log, "utf8")
    .split("\n")
    .find((each) => each.includes(JSON.stringify(message)));
  if (line === undefined) return undefined;
  const { time } = JSON.parse(line) as { readonly time: string };
  return Date.parse(time);
}

function clientOnList(index: number, listUrl: string): ClientProposal {
  const proposal = makeProposal({ clientId: `client-${index}` });
  const { kind: _, ...common } = proposal.client;
  return {
    ...proposal,
    client: {
      ...common,
      kind: "vc",
      trust: ISSUER,
      subject: `did:example:${index}`,
      managementTokenHash: null,
      credential: {
        format: "vc+jwt",
        types: ["VerifiableCredential"],
        fingerprint: "n4bQgYhMfWWaL-qgxVrQFaO_TxsrC4Is0V1sFbDwCgg",
        expiresAt: clock.now() + 3600,
        status: [{ kind: "token_status_list", listUrl, index }],
      },
    },
  };
}
