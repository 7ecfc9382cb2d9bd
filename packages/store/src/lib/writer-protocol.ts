import type {
  CredentialTurn,
  RegistrationConditions,
} from "@accredit/core/ports";
import type { FailureKind } from "./failure.ts";

/** A value as it goes into, or comes out of, a column. */
export type Column = string | number | null;

/** One write; all its rows are committed together or not at all. Columns stand in the order of the SQL. */
export type WriteOp =
  | LifecycleOp
  | {
      readonly kind: "register";
      readonly client: readonly Column[];
      /** Subject, trust, kind and software_id. */
      readonly identity: readonly Column[];
      readonly rule: string;
      readonly conditions: RegistrationConditions;
      /** URLs of the status lists that the client depends on. */
      readonly statusLists: readonly string[];
      readonly audit: readonly Column[];
    }
  | {
      readonly kind: "audit";
      readonly audit: readonly Column[];
      readonly action: string;
      readonly clientId: string | null;
    }
  | { readonly kind: "signing-key"; readonly key: readonly Column[] }
  | {
      readonly kind: "revoke";
      /** Id, client_id and end. */
      readonly token: readonly [string, string, number];
      readonly audit: readonly Column[];
    }
  | { readonly kind: "status-list"; readonly list: readonly Column[] }
  | { readonly kind: "claim"; readonly proof: readonly Column[] }
  /** Writes something and takes it back, to learn whether writes work again. */
  | { readonly kind: "probe" };

/** One write to clients that are registered, or to what withdraws them. Gives the number of rows changed. */
export type LifecycleOp =
  | {
      readonly kind: "renew";
      readonly clientId: string;
      readonly leaseExpiresAt: number;
      readonly audit: readonly Column[];
    }
  | {
      readonly kind: "delete";
      readonly clientId: string;
      readonly audit: readonly Column[];
    }
  | {
      readonly kind: "rotate";
      readonly clientId: string;
      readonly currentHash: string | null;
      readonly nextHash: string | null;
    }
  | {
      readonly kind: "destroy-token";
      readonly hash: string;
      readonly audit: readonly Column[];
    }
  | {
      readonly kind: "sweep";
      readonly now: number;
      readonly keepSeconds: number;
      readonly limit: number;
      /** For those that ended, and for those that are removed. */
      readonly audits: readonly [readonly Column[], readonly Column[]];
    }
  | (CredentialTurn & {
      readonly kind: "credentials";
      readonly audit: readonly Column[];
    })
  | {
      readonly kind: "suspend";
      readonly suspension: readonly Column[];
      readonly details: Readonly<Record<string, unknown>>;
      readonly audit: readonly Column[];
    }
  | {
      readonly kind: "resume";
      readonly target: readonly Column[];
      readonly details: Readonly<Record<string, unknown>>;
      readonly audit: readonly Column[];
    };

/** What a write gives back: columns, or why the database refused it, or that there was no room for it. */
export type WriteResult =
  | readonly Column[]
  | { readonly refused: string }
  | { readonly noRoom: string };

/**
 * For how long revocations and used proofs are kept after they expired, in seconds: somebody whose clock is
 * behind may still take what they are about.
 */
export const KEPT_AFTER_EXPIRY = 3600;

export type ToWriter =
  | {
      readonly kind: "batch";
      readonly ops: readonly WriteOp[];
      /** Epoch seconds, by a clock that leaps nowhere. */
      readonly now: number;
    }
  | { readonly kind: "close" };

export type FromWriter =
  | { readonly kind: "ready" }
  | {
      readonly kind: "refused-to-start";
      readonly check: string;
      readonly message: string;
    }
  | {
      readonly kind: "committed";
      readonly results: readonly WriteResult[];
      /** Set where there is room for withdrawals only: why. */
      readonly noRoom?: string | undefined;
    }
  | {
      readonly kind: "failed";
      readonly failure: Exclude<FailureKind, "refused">;
      readonly detail: string;
    };
