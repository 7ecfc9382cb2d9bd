import { AUTHORITY_KINDS, type AuthorityKind } from "./authority-state.ts";
import type { DevAuthorities } from "./authorities.ts";

/** The steps of a rotation, in the order they are taken. */
export const ROTATION_STEPS = ["prepare", "activate", "retire"] as const;
export type RotationStep = (typeof ROTATION_STEPS)[number];

/** What to rotate, and how far. */
export interface Rotation {
  /** Every kind by default. */
  readonly kinds?: readonly AuthorityKind[] | undefined;
  /** `prepare` and `activate` by default: the old authority stays published. */
  readonly steps?: readonly RotationStep[] | undefined;
}

/** An authority and where it is in its life, as SPIRE calls it. */
export interface AuthorityStatus {
  readonly id: string;
  readonly state: "prepared" | "active" | "old";
}

/** Every published authority of a kind, oldest first; the ones after the active one are yet to sign. */
export function authorityStatus(
  authorities: DevAuthorities,
  kind: AuthorityKind,
): readonly AuthorityStatus[] {
  const activeId = authorities.active(kind).id;
  const ids = authorities.published(kind).map(({ id }) => id);
  const at = ids.indexOf(activeId);
  return ids.map((id, index) => ({
    id,
    state: index < at ? "old" : index === at ? "active" : "prepared",
  }));
}

/**
 * Rotates authorities. `prepare` publishes a new one, `activate` signs with the newest prepared one, and
 * `retire` removes the old ones, which ends whatever they signed.
 *
 * @throws {Error} `activate` where nothing is prepared, of the kinds that were named or of any
 */
export async function rotate(
  authorities: DevAuthorities,
  rotation: Rotation = {},
): Promise<void> {
  const { kinds = AUTHORITY_KINDS, steps = ["prepare", "activate"] } = rotation;
  const of = (
    kind: AuthorityKind,
    state: AuthorityStatus["state"],
  ): readonly string[] =>
    authorityStatus(authorities, kind)
      .filter((one) => one.state === state)
      .map(({ id }) => id);

  const needed = steps.includes("activate") && !steps.includes("prepare");
  const unprepared = needed
    ? kinds.filter((kind) => of(kind, "prepared").length === 0)
    : [];
  // Whoever names no kind means those that are prepared.
  if (
    unprepared.length > (rotation.kinds === undefined ? kinds.length - 1 : 0)
  ) {
    throw new Error(
      `no ${unprepared.join(", ")} authority is prepared: prepare one first`,
    );
  }
  for (const kind of kinds) {
    if (steps.includes("prepare")) await authorities.prepare(kind);
    const newest = of(kind, "prepared").at(-1);
    if (steps.includes("activate") && newest !== undefined)
      await authorities.activate(kind, newest);
    if (steps.includes("retire"))
      for (const id of of(kind, "old")) await authorities.remove(kind, id);
  }
}
