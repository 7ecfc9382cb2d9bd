import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { gzipSync, deflateSync } from "node:zlib";
import {
  decodeBitstring,
  decodeTokenStatusList,
  statusOf,
  type CredentialStatuses,
} from "@accredit/core/vc";
import type { ClientProposal } from "@accredit/core/ports";
import { openSqliteStore } from "@accredit/store";
import { makeProposal } from "@accredit/testkit";
import { watchCredentials } from "../../apps/accredit/src/serve/credential-watch.ts";
import { median } from "../statistics.ts";
import type { BenchRow, RowContext } from "./row.ts";

const ENTRIES = 1_000_000;
const CLIENTS = 100_000;
const QUICK_CLIENTS = 2000;
const BATCH = 2000;
const LIST = "https://issuer.example/list";
const clock = { now: (): number => Math.floor(Date.now() / 1000) };

/** A long list decoded, and everybody on it judged anew when it changes. */
export const statusLists: BenchRow = {
  name: "status lists",
  async run(context) {
    const rounds = Math.max(5, context.options.rounds);
    // A hundredth of them set: what packs worse than a list of none.
    const bytes = Buffer.alloc(ENTRIES / 8);
    for (let n = 0; n < ENTRIES / 100; n++) {
      const at = randomBytes(4).readUInt32BE() % ENTRIES;
      bytes[at >> 3] = (bytes[at >> 3] ?? 0) | (1 << (at & 7));
    }
    const bitstring = `u${gzipSync(bytes).toString("base64url")}`;
    const token = deflateSync(bytes).toString("base64url");
    const decode = async (run: () => Promise<unknown>): Promise<string> => {
      const found: number[] = [];
      for (let round = 0; round <= rounds; round++) {
        const started = performance.now();
        await run();
        if (round > 0) found.push(performance.now() - started);
      }
      return median(found).toFixed(2);
    };
    const judged = await judgeAll(context, bytes);
    return {
      title: `a status list of ${ENTRIES} entries, and the clients on it`,
      head: ["what", "ms"],
      rows: [
        [
          "Bitstring Status List decoded",
          await decode(() => decodeBitstring(bitstring, ["revocation"])),
        ],
        [
          "Token Status List decoded",
          await decode(() => decodeTokenStatusList(token, 1)),
        ],
        [`${judged.clients} clients judged on a changed list`, judged.first],
        ["the longest that the event loop had to wait for it", judged.longest],
      ],
    };
  },
};

/** Clients of one list, on disk, and the server's own watch over them. */
async function judgeAll({ directory, options }: RowContext, bytes: Buffer) {
  const count = options.quick ? QUICK_CLIENTS : CLIENTS;
  const store = await openSqliteStore({
    path: join(directory, "accredit.db"),
    clock,
  });
  for (let first = 0; first < count; first += BATCH)
    await Promise.all(
      Array.from({ length: BATCH }, (_, n) =>
        store.register(clientOnList(first + n)),
      ),
    );
  const list = {
    kind: "token_status_list",
    bytes,
    size: 1,
    purposes: [],
  } as const;
  const statuses: CredentialStatuses = {
    async check(_issuer, [reference]) {
      if (reference?.kind !== "token_status_list")
        throw new Error("expected a token status list");
      return { verdict: statusOf(list, reference), reason: "" };
    },
  };
  const done = Promise.withResolvers<void>();
  const watch = watchCredentials({
    store,
    statuses,
    clock,
    // It says so once, when all are judged.
    log: {
      info: () => done.resolve(),
      warn: () => done.reject(new Error("the clients were not judged")),
    },
  });
  let longest = 0;
  let last = performance.now();
  const timer = setInterval(() => {
    longest = Math.max(longest, performance.now() - last);
    last = performance.now();
  }, 1);
  const started = performance.now();
  watch.listChanged({
    listUrl: LIST,
    issuer: "https://issuer.example",
    kind: "token_status_list",
    change: "changed",
  });
  await done.promise;
  const milliseconds = performance.now() - started;
  clearInterval(timer);
  await watch.close();
  await store.close();
  return {
    clients: count,
    first: milliseconds.toFixed(0),
    longest: longest.toFixed(1),
  };
}

function clientOnList(index: number): ClientProposal {
  const proposal = makeProposal({ clientId: `client-${index}` });
  const { kind: _, ...common } = proposal.client;
  return {
    ...proposal,
    client: {
      ...common,
      kind: "vc",
      trust: "https://issuer.example",
      subject: `did:example:${index}`,
      managementTokenHash: null,
      credential: {
        format: "vc+jwt",
        types: ["VerifiableCredential"],
        fingerprint: "n4bQgYhMfWWaL-qgxVrQFaO_TxsrC4Is0V1sFbDwCgg",
        expiresAt: clock.now() + 3600,
        status: [{ kind: "token_status_list", listUrl: LIST, index }],
      },
    },
  };
}
