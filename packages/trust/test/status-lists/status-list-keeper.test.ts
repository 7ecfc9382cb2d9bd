import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import type { StatusReference, StatusVerdict } from "@accredit/core/vc";
import { FakeClock } from "@accredit/testkit";
import {
  createStatusListKeeper,
  SourceError,
  type DocumentRequest,
  type StatusListChange,
  type StatusListKeeper,
  type StatusListKeeperOptions,
} from "@accredit/trust";
import {
  authority,
  collectLog,
  startEndpoint,
  until,
  type LogLine,
} from "../support/harness.ts";
import { makeStatusIssuer } from "../support/status-issuer.ts";

const LIST = "https://issuer.example/status/1";
const issuer = makeStatusIssuer("https://issuer.example");
const other = makeStatusIssuer("https://other.example");
const attacker = makeStatusIssuer("https://issuer.example");
const SOURCES = new Map(
  [issuer, other].map((each) => [each.issuer, each.keys]),
);

type Page = string | ((signal: AbortSignal) => string | Promise<string>);

interface Keeping {
  readonly keeper: StatusListKeeper;
  readonly clock: FakeClock;
  readonly lines: LogLine[];
  readonly changes: StatusListChange[];
  /** Requests so far. */
  readonly asked: DocumentRequest[];
  /** What is at which URL; a fetch of any other fails. */
  readonly pages: Map<string, Page>;
  /** The verdict on an entry of the Token Status List. */
  readonly verdict: (
    index?: number,
    listUrl?: string,
  ) => Promise<StatusVerdict["verdict"]>;
  readonly check: (
    ...references: readonly StatusReference[]
  ) => Promise<StatusVerdict>;
}

function keep(
  t: TestContext,
  change: Partial<StatusListKeeperOptions> = {},
): Keeping {
  const clock = new FakeClock();
  const { log, lines } = collectLog();
  const changes: StatusListChange[] = [];
  const asked: DocumentRequest[] = [];
  const pages = new Map<string, Page>([[LIST, issuer.token(LIST, [3])]]);
  const keeper = createStatusListKeeper({
    issuerKeys: (name) => SOURCES.get(name),
    clock,
    log,
    random: () => 1 - Number.EPSILON,
    fetch: async (request) => {
      asked.push(request);
      const page = pages.get(request.url.href);
      if (page === undefined)
        throw new SourceError(
          "connect_failed",
          "expected a connection, got ECONNREFUSED",
        );
      return Buffer.from(
        typeof page === "string" ? page : await page(request.signal),
      );
    },
    onChange: (each) => void changes.push(each),
    ...change,
  });
  t.after(() => keeper.close());
  const check = (
    ...references: readonly StatusReference[]
  ): Promise<StatusVerdict> =>
    keeper.check(issuer.issuer, references, clock.now());
  return {
    keeper,
    clock,
    lines,
    changes,
    asked,
    pages,
    check,
    verdict: async (index = 0, listUrl = LIST) =>
      (await check(entry(index, listUrl))).verdict,
  };
}

function entry(index: number, listUrl = LIST): StatusReference {
  return { kind: "token_status_list", listUrl, index };
}

function bits(
  index: number,
  purpose = "revocation",
  listUrl = LIST,
): StatusReference {
  return { kind: "bitstring", listUrl, index, purpose, size: 1 };
}

const LEGACY: StatusReference = {
  kind: "status_list_2021",
  listUrl: LIST,
  index: 0,
  purpose: "revocation",
  size: 1,
};

/** A page that never comes; whoever waits for it may give up. */
function never(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    signal.addEventListener("abort", () => reject(new Error("aborted")));
  });
}

/** Lets what is under way go on until it waits for the clock. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 50; turn++) await new Promise(setImmediate);
}

test("[STAT-02] [STAT-06] one fetch serves every credential on a list", async (t) => {
  const { verdict, asked, keeper, changes } = keep(t);
  const verdicts = await Promise.all(
    Array.from({ length: 100 }, (_, index) => verdict(index)),
  );
  assert.deepEqual(
    verdicts.flatMap((each, index) =>
      each === "valid" ? [] : [[index, each]],
    ),
    [[3, "revoked"]],
  );
  assert.equal(asked.length, 1);
  assert.equal(asked[0]?.accept, "application/statuslist+jwt");
  assert.equal(asked[0]?.allowPrivateAddresses, false);
  assert.deepEqual(changes, [
    {
      issuer: issuer.issuer,
      listUrl: LIST,
      kind: "token_status_list",
      change: "first",
    },
  ]);
  assert.deepEqual(keeper.status(), [
    {
      issuer: issuer.issuer,
      listUrl: LIST,
      kind: "token_status_list",
      ready: true,
      bytes: 16,
      issuedAt: 1_749_999_000,
      expiresAt: null,
      lastSuccess: 1_750_000_000,
      lastError: null,
      ageSeconds: 0,
    },
  ]);
});

test("[STAT-12] all entries have to pass, and the gravest decides", async (t) => {
  const { check, pages } = keep(t);
  const second = "https://issuer.example/status/2";
  pages.set(second, issuer.bitstring(second, [5]));
  const away = entry(0, "https://issuer.example/gone");
  const unknown: StatusReference = { kind: "unknown", type: "NewStatus2030" };
  for (const [references, verdict] of [
    [[], "valid"],
    [[entry(0), bits(4, "revocation", second)], "valid"],
    [[entry(0), bits(5, "suspension", second)], "suspended"],
    [[bits(5, "suspension", second), entry(3)], "revoked"],
    [[entry(3), away], "revoked"],
    [[entry(0), away], "unavailable"],
    [[away, unknown], "invalid"],
    [[entry(0), unknown], "invalid"],
    [[bits(5, "suspension", second), unknown], "suspended"],
  ] as const)
    assert.equal(
      (await check(...references)).verdict,
      verdict,
      JSON.stringify(references),
    );
});

test("[V13] [V14] [V16] [V17] [V22] [STAT-11] what cannot tell the status refuses", async (t) => {
  const { check, pages } = keep(t);
  const at = (name: string): string => `https://issuer.example/${name}`;
  pages.set(at("forged"), attacker.token(at("forged"), []));
  pages.set(
    at("stranger"),
    makeStatusIssuer("https://evil.example").token(at("stranger"), [], {
      iss: "https://evil.example",
    }),
  );
  pages.set(at("html"), "<html>");
  pages.set(
    at("expired"),
    issuer.token(at("expired"), [], { exp: 1_749_999_999 }),
  );
  pages.set(at("bits"), issuer.bitstring(at("bits"), []));
  for (const [name, reference] of [
    ["signed by another key", entry(0, at("forged"))],
    ["signed by a stranger", entry(0, at("stranger"))],
    ["no list", entry(0, at("html"))],
    ["an expired list", entry(0, at("expired"))],
    ["an index beyond the list", entry(128)],
    ["another purpose", bits(0, "message", at("bits"))],
    ["another kind", entry(0, at("bits"))],
    ["StatusList2021, which is off", LEGACY],
    ["http", entry(0, "http://issuer.example/status/1")],
    ["user information", entry(0, "https://a:b@issuer.example/status/1")],
    ["a fragment", entry(0, `${LIST}#1`)],
    ["no URL", entry(0, "urn:x")],
  ] as const) {
    const { verdict } = await check(reference);
    // An endpoint in trouble says nothing of the credential (V22).
    const isOutage = name === "no list" || name === "an expired list";
    assert.equal(verdict, isOutage ? "unavailable" : "invalid", name);
  }
});

test("[STAT-08] another configured issuer may sign the list", async (t) => {
  const { verdict, pages } = keep(t);
  pages.set(LIST, other.token(LIST, [1], { iss: other.issuer }));
  assert.equal(await verdict(1), "revoked");
  assert.equal(await verdict(0), "valid");
});

test("[X02] one URL that credentials of two issuers name is two lists: neither answers for the other", async (t) => {
  const { keeper, clock, verdict } = keep(t);
  assert.equal(await verdict(0), "valid");
  const { verdict: forOther } = await keeper.check(
    other.issuer,
    [entry(0)],
    clock.now(),
  );
  assert.equal(
    forOther,
    "invalid",
    "the list names no signer, so it has to be this issuer's",
  );
  assert.equal(await verdict(0), "valid");
});

test("[X16] while the signer's keys are not held the status is not known", async (t) => {
  const { verdict } = keep(t, {
    issuerKeys: () => ({ candidates: () => undefined }),
  });
  assert.equal(await verdict(), "unavailable");
});

for (const [name, change, expected] of [
  ["its ttl", { ttl: 100 }, 100],
  ["no ttl", {}, 300],
  ["a ttl below the floor", { ttl: 1 }, 30],
  ["a ttl above the ceiling", { ttl: 1e9 }, 900],
] as const) {
  test(`[STAT-06] [V22] a list is fetched again by ${name}`, async (t) => {
    const { verdict, clock, asked, pages, keeper } = keep(t);
    pages.set(LIST, issuer.token(LIST, [], change));
    keeper.start();
    await clock.asleep();
    await verdict();
    for (let time = 0; asked.length === 1 && time < 2000; time += 15) {
      await clock.pass(15);
      await settle();
    }
    const waited = clock.now() - 1_750_000_000;
    // Before the list's time is over, unless the floor forbids it: then whoever asks waits for it.
    assert.ok(waited >= expected * 0.8, String(waited));
    assert.ok(waited <= Math.max(expected, 30), String(waited));
  });
}

test("[V26] a bit that flips is told once, and the verdict changes", async (t) => {
  const { verdict, clock, pages, changes, keeper } = keep(t);
  keeper.start();
  await clock.asleep();
  assert.equal(await verdict(7), "valid");
  pages.set(LIST, issuer.token(LIST, [7], { iat: 1_750_000_100 }));
  for (let time = 0; time < 900; time += 15) {
    await clock.pass(15);
    await settle();
  }
  await until(() => changes.length > 1);
  assert.deepEqual(
    changes.map(({ change }) => change),
    ["first", "changed"],
  );
  assert.equal(await verdict(7), "revoked");
});

test("[V23] an older list than the one held is refused and logged; the newer one stays", async (t) => {
  const { verdict, clock, pages, keeper, lines } = keep(t);
  pages.set(LIST, issuer.token(LIST, [7], { iat: 1_749_999_500 }));
  assert.equal(await verdict(7), "revoked");
  pages.set(LIST, issuer.token(LIST, [], { iat: 1_749_999_499 }));
  assert.equal(await keeper.refresh(LIST), true);
  assert.equal(await verdict(7), "revoked");
  assert.match(
    keeper.status()[0]?.lastError ?? "",
    /issued at 1749999500 or later, got one of 1749999499/,
  );
  // Not even when the newer one is too old to use.
  clock.advance(100_000);
  assert.equal(await verdict(7), "invalid");
  pages.set(LIST, issuer.token(LIST, [], { iat: 1_749_999_501 }));
  await keeper.refresh(LIST);
  assert.equal(await verdict(7), "valid");
  pages.set(LIST, issuer.token(LIST, [1], { iat: 1_749_999_501 }));
  await keeper.refresh(LIST);
  assert.equal(await verdict(1), "revoked", "the newest of two of one time");
  assert.ok(
    lines.some(
      ({ level, message }) =>
        level === "error" && message.includes("one time of issue"),
    ),
  );
});

test("[V22] [Q10] the last good list is used until it is too old, then nothing is", async (t) => {
  const { verdict, clock, pages, asked, lines } = keep(t, {
    maxStaleSeconds: 1000,
  });
  assert.equal(await verdict(), "valid");
  pages.clear();
  clock.advance(1300);
  assert.equal(await verdict(), "valid");
  assert.equal(await verdict(3), "revoked");
  clock.advance(1);
  await settle();
  assert.equal(await verdict(), "unavailable");
  assert.equal(asked.length, 2, "no hot retry");
  assert.equal(
    lines.filter(({ level }) => level === "warn").length,
    1,
    "said once",
  );
  pages.set(LIST, issuer.token(LIST, []));
  clock.advance(30);
  assert.equal(await verdict(3), "valid");
});

test("[V22] [STAT-05] a list's own expiry ends it, however fresh the fetch", async (t) => {
  const { verdict, clock, pages } = keep(t);
  pages.set(LIST, issuer.token(LIST, [], { exp: 1_750_000_010, ttl: 900 }));
  assert.equal(await verdict(), "valid");
  clock.advance(9);
  assert.equal(await verdict(), "valid");
  pages.clear();
  clock.advance(1);
  assert.notEqual(await verdict(), "valid");
});

test("a list that cannot be fetched is tried less and less often", async (t) => {
  const { verdict, clock, pages, asked } = keep(t);
  pages.clear();
  const times: number[] = [];
  for (let time = 0; time < 600; time++) {
    const before = asked.length;
    assert.equal(await verdict(), "unavailable");
    if (asked.length > before) times.push(time);
    clock.advance(1);
  }
  assert.deepEqual(times, [0, 30, 90, 210, 330, 450, 570]);
});

test("[Q11] a request waits for a list it has never seen, but not for ever", async (t) => {
  const { verdict, clock, pages } = keep(t);
  pages.set(LIST, never);
  const waiting = verdict();
  await clock.asleep();
  assert.equal(clock.sleeps.at(-1), 6);
  clock.advance(6);
  assert.equal(await waiting, "unavailable");
});

test("[Q11] [STAT-06] a request does not wait while the list may be used; once its time is over it does", async (t) => {
  const { verdict, clock, pages, asked } = keep(t);
  assert.equal(await verdict(), "valid");
  let answer: (page: string) => void = () => {};
  pages.set(LIST, () => new Promise((resolve) => (answer = resolve)));
  clock.advance(299);
  assert.equal(await verdict(0), "valid", "due: fetched behind it");
  assert.equal(asked.length, 2);
  clock.advance(1);
  const waiting = verdict(0);
  await settle();
  answer(issuer.token(LIST, [0], { iat: 1_750_000_300 }));
  assert.equal(await waiting, "revoked", "its time is over: waited for");
});

test("so many fetches at one time, and fewer to one host", async (t) => {
  const { verdict, pages, asked } = keep(t, {
    maxFetches: 3,
    maxFetchesPerHost: 2,
  });
  const open: (() => void)[] = [];
  const urls = ["a", "a", "a", "b", "b", "c"].map(
    (host, index) => `https://${host}.example/${index}`,
  );
  for (const url of urls)
    pages.set(url, async () => {
      await new Promise<void>((resolve) => open.push(resolve));
      return issuer.token(url, []);
    });
  const all = urls.map((url) => verdict(0, url));
  const order: string[] = [];
  for (const count of [3, 4, 5, 6]) {
    await until(() => asked.length === count);
    const before = order.join("").length;
    const started = asked.slice(before).map(({ url }) => url.host.slice(0, 1));
    order.push(started.join(""));
    open.shift()?.();
  }
  assert.deepEqual(order, ["aab", "a", "b", "c"]);
  for (const release of open) release();
  assert.deepEqual(
    await Promise.all(all),
    urls.map(() => "valid"),
  );
});

test("only so many lists are held; the one not asked for the longest goes first", async (t) => {
  const { verdict, pages, asked, keeper } = keep(t, { maxLists: 2 });
  const urls = ["1", "2", "3"].map((name) => `https://issuer.example/${name}`);
  for (const url of urls) pages.set(url, issuer.token(url, []));
  const [one = "", two = "", three = ""] = urls;
  for (const url of [one, two, one, three]) await verdict(0, url);
  assert.deepEqual(
    keeper.status().map(({ listUrl }) => listUrl),
    [one, three],
  );
  await verdict(0, one);
  assert.equal(asked.length, 3);
});

test("a list that no client is on is let go; one in use is kept", async (t) => {
  const { verdict, clock, keeper, pages } = keep(t, {
    isInUse: (url) => url === LIST,
  });
  const second = "https://issuer.example/status/2";
  pages.set(second, issuer.token(second, []));
  await verdict(0);
  await verdict(0, second);
  keeper.start();
  await clock.asleep();
  await clock.pass(3601);
  assert.deepEqual(
    keeper.status().map(({ listUrl }) => listUrl),
    [LIST],
  );
});

test("[F07] an issuer's lists are where they may be", async (t) => {
  const { verdict, asked } = keep(t, {
    allowedOrigins: () => ["https://lists.example"],
  });
  assert.equal(await verdict(), "invalid");
  assert.equal(asked.length, 0);
});

test("[STAT-11] StatusList2021 is taken where it is switched on", async (t) => {
  const { check, asked } = keep(t, { allowStatusList2021: true });
  assert.equal((await check(LEGACY)).verdict, "invalid");
  assert.equal(asked.length, 1, "the page is a list of another kind");
});

test("a listener that throws changes nothing, and the list is in place when it is called", async (t) => {
  const verdicts: Promise<StatusVerdict>[] = [];
  const { verdict, lines, keeper, clock } = keep(t, {
    onChange: () => {
      verdicts.push(keeper.check(issuer.issuer, [entry(3)], clock.now()));
      throw new Error("oops");
    },
  });
  assert.equal(await verdict(3), "revoked");
  assert.equal((await verdicts[0])?.verdict, "revoked");
  assert.ok(lines.some(({ level }) => level === "error"));
});

test("[STAT-02] [F01] over a real connection, and to no special-use address unless allowed", async (t) => {
  const endpoint = await startEndpoint(t);
  endpoint.serve({
    body: `${issuer.token(endpoint.url, [2])}\n`,
    headers: { "Content-Type": "application/statuslist+jwt" },
  });
  const refused = keep(t, { fetch: undefined });
  assert.equal(await refused.verdict(2, endpoint.url), "unavailable");
  assert.equal(endpoint.connections, 0);
  const { verdict } = keep(t, {
    fetch: undefined,
    allowPrivateAddresses: true,
    extraCa: authority.pem,
  });
  assert.equal(await verdict(2, endpoint.url), "revoked");
  assert.equal(
    endpoint.lastRequest?.headers.accept,
    "application/statuslist+jwt",
  );
});

test("closing ends what is under way", async (t) => {
  const { keeper, clock, pages, verdict } = keep(t);
  pages.set(LIST, never);
  const waiting = verdict();
  keeper.start();
  await clock.asleep(2);
  await keeper.close();
  assert.equal(await waiting, "unavailable");
  await keeper.close();
});
