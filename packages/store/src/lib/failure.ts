/** What a failed call of a database means for the store. */
export type FailureKind =
  /** No room: nothing was written, later writes may work again. */
  | "disk_full"
  /** Another process held what the write needs for longer than it may take. */
  | "busy"
  /** The database does not answer: whether the write was made is not known, later ones may work again. */
  | "unreachable"
  /** What is on disk is in doubt, so no more writes. */
  | "broken"
  /** The statement itself was refused (constraint, trigger, bug): only its own write fails. */
  | "refused";
