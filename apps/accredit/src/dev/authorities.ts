import { EventEmitter, once } from "node:events";
import type { Clock } from "@accredit/core/ports";
import {
  firstState,
  MAKE_AUTHORITY,
  readState,
  type AuthorityKind,
  type AuthoritySet,
  type AuthorityState,
  type StoredAuthority,
} from "./authority-state.ts";
import { readIfThere, replaceFile } from "./private-files.ts";

/**
 * The authorities of a development trust domain: what signs its SVIDs, and what its bundle publishes.
 * Every change is on disk before it is seen.
 */
export interface DevAuthorities {
  readonly trustDomain: string;
  /** Grows with every change of what is published. */
  sequence(): number;
  /** Grows with every change at all, also of which authority signs; begins anew with the process. */
  version(): number;
  /** The one that signs. */
  active<Kind extends AuthorityKind>(kind: Kind): StoredAuthority[Kind];
  /** Every published one, oldest first. */
  published<Kind extends AuthorityKind>(
    kind: Kind,
  ): readonly StoredAuthority[Kind][];
  /** Makes and publishes an authority that signs nothing yet; gives its ID. */
  prepare(kind: AuthorityKind): Promise<string>;
  /** Signs with this published authority from now on. */
  activate(kind: AuthorityKind, id: string): Promise<void>;
  /** Takes an authority out of the bundle, which ends everything it signed. Not the active one. */
  remove(kind: AuthorityKind, id: string): Promise<void>;
  /** Settles at the next change; rejects when the signal aborts. */
  nextChange(signal: AbortSignal): Promise<void>;
}

/** Where authorities are kept and what else a change takes. */
export interface AuthoritiesOptions {
  readonly file: string;
  readonly trustDomain: string;
  readonly clock: Clock;
  /** Runs at the start and after every change; a change is over when it is. */
  readonly onPublished: (authorities: DevAuthorities) => Promise<void>;
}

type AnySet = AuthoritySet<AuthorityKind>;

/** Opens the authorities in a file, or makes the first ones where there is no file. */
export async function openDevAuthorities({
  file,
  trustDomain,
  clock,
  onPublished,
}: AuthoritiesOptions): Promise<DevAuthorities> {
  const text = await readIfThere(file);
  let state =
    text === undefined
      ? await firstState(trustDomain, clock.now())
      : await readState(text, file, trustDomain, clock.now());
  const save = (next: AuthorityState): Promise<void> =>
    replaceFile(file, JSON.stringify(next, undefined, 2));
  if (JSON.stringify(state, undefined, 2) !== text) await save(state);

  let version = 0;
  const changes = new EventEmitter();
  changes.setMaxListeners(0); // One for each open stream.
  let last: Promise<unknown> = Promise.resolve();
  const apply = async (
    kind: AuthorityKind,
    publishes: boolean,
    edit: (set: AnySet) => AnySet,
  ): Promise<void> => {
    const edited = {
      ...state,
      sequence: state.sequence + (publishes ? 1 : 0),
      sets: { ...state.sets, [kind]: edit(state.sets[kind]) },
    };
    await save(edited);
    state = edited;
    version += 1;
    changes.emit("change");
    await onPublished(authorities);
  };
  /** Makes changes one after the other, so that none starts from a state that another replaces. */
  const change: typeof apply = (kind, publishes, edit) => {
    const turn = last.then(() => apply(kind, publishes, edit));
    last = turn.catch(() => undefined);
    return turn;
  };

  const authorities: DevAuthorities = {
    trustDomain,
    sequence: () => state.sequence,
    version: () => version,
    active<Kind extends AuthorityKind>(kind: Kind) {
      const set: AuthoritySet<Kind> = state.sets[kind];
      return find(set, set.activeId);
    },
    published<Kind extends AuthorityKind>(kind: Kind) {
      const set: AuthoritySet<Kind> = state.sets[kind];
      return set.authorities;
    },
    async prepare(kind) {
      const made = await MAKE_AUTHORITY[kind](trustDomain, clock.now());
      await change(kind, true, (set) => ({
        ...set,
        authorities: [...set.authorities, made],
      }));
      return made.id;
    },
    activate: (kind, id) =>
      change(kind, false, (set) => ({ ...set, activeId: find(set, id).id })),
    remove: (kind, id) =>
      change(kind, true, (set) => {
        find(set, id);
        if (id === set.activeId) {
          throw new Error(
            `key ${id} is the active one: activate another first`,
          );
        }
        return {
          ...set,
          authorities: set.authorities.filter((one) => one.id !== id),
        };
      }),
    async nextChange(signal) {
      await once(changes, "change", { signal });
    },
  };
  await onPublished(authorities);
  return authorities;
}

function find<Kind extends AuthorityKind>(
  set: AuthoritySet<Kind>,
  id: string,
): StoredAuthority[Kind] {
  const found = set.authorities.find((one) => one.id === id);
  if (found === undefined) throw new Error(`no key ${id} in the bundle`);
  return found;
}
