import {
  KEPT_AFTER_EXPIRY,
  type Column,
  type WriteOp,
  type WriteResult,
} from "../lib/writer-protocol.ts";
import { keyOf } from "./keys.ts";
import { changeLifecycle } from "./lifecycle-writer.ts";
import {
  classifyPostgresFailure,
  describePostgresFailure,
  isWorthRetrying,
} from "./postgres-error.ts";
import { registerClients } from "./registrar.ts";
import type { Connections } from "./session.ts";
import { transposed, WriterTransaction } from "./transaction.ts";

const SIGNING_KEY = `INSERT INTO accredit.signing_keys (kid, algorithm, private_jwk, created_at)
  SELECT $1, $2, $3, $4::int8 WHERE NOT EXISTS (SELECT 1 FROM accredit.signing_keys)`;
const REVOKE = `INSERT INTO accredit.revoked_tokens (token_key, client_id, expires_at) VALUES ($1, $2, $3)
  ON CONFLICT (token_key) DO NOTHING RETURNING token_key`;
const NOTE_LIST = `INSERT INTO accredit.status_list_times (name_key, issued_at) VALUES ($1, $2)
  ON CONFLICT (name_key) DO UPDATE
  SET issued_at = greatest(status_list_times.issued_at, excluded.issued_at)`;
const CLAIM = `INSERT INTO accredit.used_proofs (proof_key, expires_at)
  SELECT * FROM unnest($1::text[], $2::int8[]) ON CONFLICT (proof_key) DO NOTHING RETURNING proof_key`;

// A few rows a time: each write pays for some of those that went before it.
const PURGES = {
  revoke: `DELETE FROM accredit.revoked_tokens WHERE token_key IN
    (SELECT token_key FROM accredit.revoked_tokens WHERE expires_at < $1 ORDER BY expires_at LIMIT 50)`,
  claim: `DELETE FROM accredit.used_proofs WHERE proof_key IN
    (SELECT proof_key FROM accredit.used_proofs WHERE expires_at < $1 ORDER BY expires_at LIMIT 200)`,
};

/** Who is registered to learn whether anybody could be: its columns as `clientToColumns` gives them. */
const NOBODY: OpOf<"register"> = {
  kind: "register",
  client: [
    "nobody",
    "spiffe",
    "nobody",
    "nobody",
    "",
    0,
    0,
    "nobody",
    "{}",
    "{}",
    "[]",
    null,
    null,
    null,
    null,
    null,
  ],
  identity: ["nobody", "nobody", "spiffe", ""],
  rule: "nobody",
  conditions: {
    maxClientsPerSubject: 1,
    maxClientsOfRule: undefined,
    maxClientsOfTrust: undefined,
    keyThumbprints: null,
    keysProven: true,
  },
  statusLists: [],
  audit: ["nobody", 0, null, "[]", null, null, null, null],
};

const ATTEMPTS = 5;

/** Kinds that are written many at a time. */
type Together = "register" | "claim";
type OpOf<Kind extends WriteOp["kind"]> = Extract<WriteOp, { kind: Kind }>;

/**
 * Applies writes in one transaction; resolving means that they are committed. A write that the database refuses
 * is undone alone.
 *
 * @param now epoch seconds; where the database's time is earlier, that one counts
 * @param schemaVersion that this release knows
 */
export async function applyWrites(
  connections: Connections,
  ops: readonly WriteOp[],
  now: number,
  schemaVersion: number,
): Promise<readonly WriteResult[]> {
  const transact = (
    apply: (transaction: WriterTransaction) => Promise<readonly WriteResult[]>,
  ): Promise<readonly WriteResult[]> =>
    connections.use(async (session) => {
      const transaction = await WriterTransaction.begin(session, schemaVersion);
      const results = await apply(transaction);
      const purgeBefore = transaction.earlier(now) - KEPT_AFTER_EXPIRY;
      for (const [kind, sql] of Object.entries(PURGES))
        if (ops.some((op) => op.kind === kind))
          await session.query(sql, [purgeBefore]);
      await transaction.commit();
      return results;
    });

  for (let attempt = 1; ; attempt++) {
    try {
      return await transact((transaction) => applyTogether(transaction, ops));
    } catch (error) {
      if (isWorthRetrying(error) && attempt < ATTEMPTS) continue;
      if (classifyPostgresFailure(error) !== "refused") throw error;
      // One of them is at fault. Savepoints find it; the usual case does not pay for them.
      return transact((transaction) => applyApart(transaction, ops));
    }
  }
}

/** In their order; neighbours of a kind share their statements. */
async function applyTogether(
  transaction: WriterTransaction,
  ops: readonly WriteOp[],
): Promise<readonly WriteResult[]> {
  const results: WriteResult[] = [];
  for (const run of runsOf(ops)) {
    const [first] = run;
    if (first === undefined) continue;
    if (first.kind === "register")
      results.push(
        ...(await registerClients(transaction, run as OpOf<"register">[])),
      );
    else if (first.kind === "claim")
      results.push(...(await claim(transaction, run as OpOf<"claim">[])));
    else results.push(await applyOne(transaction, first));
  }
  return results;
}

async function applyApart(
  transaction: WriterTransaction,
  ops: readonly WriteOp[],
): Promise<readonly WriteResult[]> {
  const results: WriteResult[] = [];
  for (const op of ops) {
    try {
      const [result = []] = await transaction.apart(() =>
        applyTogether(transaction, [op]),
      );
      results.push(result);
    } catch (error) {
      if (classifyPostgresFailure(error) !== "refused") throw error;
      results.push({ refused: describePostgresFailure(error) });
    }
  }
  return results;
}

function runsOf(ops: readonly WriteOp[]): readonly (readonly WriteOp[])[] {
  const runs: WriteOp[][] = [];
  for (const op of ops) {
    const run = runs.at(-1);
    const isTogether = op.kind === "register" || op.kind === "claim";
    if (isTogether && run?.[0]?.kind === op.kind) run.push(op);
    else runs.push([op]);
  }
  return runs;
}

async function applyOne(
  transaction: WriterTransaction,
  op: Exclude<WriteOp, { kind: Together }>,
): Promise<readonly Column[]> {
  const { session } = transaction;
  switch (op.kind) {
    case "audit":
      transaction.appendAudit(op.audit, op.action, op.clientId);
      return [];
    case "signing-key":
      await session.query(SIGNING_KEY, op.key);
      return [];
    case "revoke": {
      const [tokenId, clientId, expiresAt] = op.token;
      const token = [keyOf(tokenId), clientId, expiresAt];
      const rows = await session.query(REVOKE, token);
      if (rows.length > 0)
        transaction.appendAudit(op.audit, "token.revoked", clientId);
      return [];
    }
    case "status-list": {
      const [name = null, issuedAt = null] = op.list;
      await session.query(NOTE_LIST, [keyOf(name), issuedAt]);
      return [];
    }
    case "probe":
      await transaction.rehearse(() => registerClients(transaction, [NOBODY]));
      return [];
    case "renew":
    case "delete":
    case "rotate":
    case "destroy-token":
    case "sweep":
    case "credentials":
    case "suspend":
    case "resume":
      break;
  }
  return changeLifecycle(transaction, op);
}

/** The first of each is the use; the others, and those that were used before, are not. */
async function claim(
  { session }: WriterTransaction,
  ops: readonly OpOf<"claim">[],
): Promise<readonly (readonly Column[])[]> {
  const proofs = new Map<string, Column>();
  for (const { proof } of ops) {
    const [key = null, expiresAt = null] = proof;
    if (!proofs.has(keyOf(key))) proofs.set(keyOf(key), expiresAt);
  }
  const rows = await session.query(CLAIM, transposed([...proofs]));
  const claimed = new Set(rows.map((row) => String(row["proof_key"])));
  return ops.map(({ proof: [key = null] }) => [
    claimed.delete(keyOf(key)) ? 1 : 0,
  ]);
}
