import { generateKeyPairSync, type JsonWebKey } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { FakeBundleEndpoint, FakeCredentialIssuer } from "@accredit/testkit";
import { bundleDocument } from "../bundle.ts";
import type { Child } from "../children.ts";
import type { RoundResult } from "../load/protocol.ts";
import { TRUST_DOMAIN } from "../load/requests.ts";
import { WrongAnswer } from "../measure.ts";
import { startAccredit } from "../servers.ts";
import { median } from "../statistics.ts";
import {
  registerNumbers,
  startGenerator,
  type BenchRow,
  type RowContext,
} from "./row.ts";
import { ENTRIES, tokenStatusList } from "./token-status-list.ts";

const ISSUER = "https://issuer.example";
const ROUND_REQUESTS = 4000;
const QUICK_REQUESTS = 500;
const METADATA = { client_name: "Bench partner", scope: "read write" };
const now = (): number => Math.floor(Date.now() / 1000);

type Mint = (
  issuer: FakeCredentialIssuer,
  subject: string,
  status: object,
) => Promise<string>;

/** The three formats, each with the same metadata and an entry on a list. */
const FORMATS: Readonly<Record<string, Mint>> = {
  "VC-JWT 1.1": (issuer, sub, status) =>
    issuer.jwtVc({
      iss: ISSUER,
      sub,
      nbf: now() - 10,
      exp: now() + 3600,
      vc: {
        "@context": ["https://www.w3.org/2018/credentials/v1"],
        type: ["VerifiableCredential", "ClientCredential"],
        credentialSubject: METADATA,
      },
      status,
    }),
  "vc+jwt": (issuer, id, status) =>
    issuer.vcJwt({
      "@context": ["https://www.w3.org/ns/credentials/v2"],
      type: ["VerifiableCredential", "ClientCredential"],
      issuer: ISSUER,
      iss: ISSUER,
      validFrom: new Date((now() - 10) * 1000).toISOString(),
      validUntil: new Date((now() + 3600) * 1000).toISOString(),
      exp: now() + 3600,
      credentialSubject: { id, ...METADATA },
      status,
    }),
  "SD-JWT VC": async (issuer, sub, status) => {
    const claims = {
      iss: ISSUER,
      sub,
      vct: "https://types.example/client",
      iat: now() - 10,
      exp: now() + 3600,
      ...METADATA,
      status,
    };
    const hidden = Object.keys(METADATA);
    return (await issuer.sdJwtVc(claims, { hidden })).presented;
  },
};

/** New clients by each kind of statement; the status list is in memory once the first has been checked. */
export const credentials: BenchRow = {
  name: "vc registration",
  async run(context) {
    const lists = await FakeBundleEndpoint.start();
    try {
      return await measure(context, lists);
    } finally {
      await lists.close();
    }
  },
};

async function measure(context: RowContext, lists: FakeBundleEndpoint) {
  const { directory, keys, options, progress, owns } = context;
  const issuer = await FakeCredentialIssuer.create({ issuer: ISSUER });
  lists.serve(
    await tokenStatusList(issuer, lists.url, Buffer.alloc(ENTRIES / 8), 3600),
  );
  const home = join(directory, "home");
  mkdirSync(home);
  const jwks = issuer.keys.map(({ kid, publicJwk }) => ({ ...publicJwk, kid }));
  writeFileSync(join(home, "jwks.json"), JSON.stringify({ keys: jwks }));
  writeFileSync(join(home, "ca.pem"), lists.caPem);
  writeFileSync(join(home, "bundle.json"), bundleDocument(keys));
  const allow = {
    grant_types: ["client_credentials"],
    scopes: ["read", "write"],
    token_endpoint_auth_methods: ["private_key_jwt", "spiffe_jwt"],
  };
  const server = await startAccredit(home, keys, [], {
    trust: [
      {
        kind: "spiffe",
        trust_domain: TRUST_DOMAIN,
        bundle: { file: "./bundle.json" },
      },
      {
        kind: "vc",
        issuer: ISSUER,
        keys: { jwks_file: "./jwks.json" },
        types: ["ClientCredential", "https://types.example/client"],
        status: "required",
      },
    ],
    status_lists: { ca_file: "./ca.pem", allow_private_addresses: true },
    policy: [
      {
        name: "agents",
        match: { trust: TRUST_DOMAIN, subject: `spiffe://${TRUST_DOMAIN}/**` },
        allow,
        attested_only: ["scope"],
      },
      {
        name: "partners",
        match: { trust: ISSUER, subject: "*" },
        allow,
        attested_only: ["scope"],
      },
    ],
  });
  owns(server.child);
  const generator = startGenerator(context);
  const count = options.quick ? QUICK_REQUESTS : ROUND_REQUESTS;
  const own = { ...newKey(), alg: "ES256" };
  let used = 0;
  const names = ["JWT-SVID", ...Object.keys(FORMATS)];
  const rounds = names.map(() => [] as RoundResult[]);
  for (let round = 0; round <= options.rounds; round++)
    for (const [index, name] of names.entries()) {
      used += count;
      const mint = FORMATS[name];
      const result =
        mint === undefined
          ? await registerNumbers(
              generator,
              server,
              used,
              count,
              options.concurrency,
            )
          : await registerGiven(
              generator,
              server.registration,
              await Promise.all(
                Array.from({ length: count }, async (_, n) =>
                  JSON.stringify({
                    software_statement: await mint(
                      issuer,
                      `did:example:${used + n}`,
                      { status_list: { idx: n, uri: lists.url } },
                    ),
                    token_endpoint_auth_method: "private_key_jwt",
                    jwks: { keys: [own] },
                  }),
                ),
              ),
              options.concurrency,
            );
      if (round > 0) rounds[index]?.push(result);
      progress(`${name}  ${(result.requests / result.seconds).toFixed(0)}/s`);
    }
  const rateOf = (results: readonly RoundResult[]): readonly number[] =>
    results.map(({ requests, seconds }) => requests / seconds);
  const base = rateOf(rounds[0] ?? []);
  return {
    title: `new clients by credential, over those by SVID; ${lists.requests} fetches of the status list`,
    head: ["statement", "per second", "p99 ms", "over JWT-SVID"],
    rows: names.map((name, index) => {
      const rates = rateOf(rounds[index] ?? []);
      return [
        name,
        median(rates).toFixed(0),
        median((rounds[index] ?? []).map((one) => one.latencyMs.p99)).toFixed(
          1,
        ),
        median(rates.map((rate, n) => rate / (base[n] ?? 1))).toFixed(2),
      ];
    }),
  };
}

async function registerGiven(
  generator: Child,
  url: string,
  bodies: readonly string[],
  concurrency: number,
): Promise<RoundResult> {
  const job = { kind: "given-registration", url, bodies };
  await generator.ask(
    { kind: "prepare", job, count: bodies.length },
    "prepared",
  );
  const result = await generator.ask<RoundResult>(
    { kind: "run", seconds: 600, concurrency },
    "result",
  );
  if (result.wrong > 0)
    throw new WrongAnswer(`registering: ${result.firstWrong}`);
  return result;
}

function newKey(): JsonWebKey {
  const { publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  return publicKey.export({ format: "jwk" });
}
