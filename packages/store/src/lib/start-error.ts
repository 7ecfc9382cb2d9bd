/** Why a database could not be opened. Crosses from the writer thread as `check` and `message`. */
export class StartError extends Error {
  override readonly name = "StartError";
  /** The check that failed, e.g. `quick_check`. */
  readonly check: string;

  constructor(check: string, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.check = check;
  }
}
