/** What a command prints to and reads from; the process in production, buffers in tests. */
export interface Io {
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Aborted on Ctrl-C or SIGTERM. */
  readonly signal: AbortSignal;
}

/** A failure whose message is all the user needs; becomes exit code 1, or 2 for a usage problem. */
export class CommandError extends Error {
  override readonly name = "CommandError";
  readonly exitCode: 1 | 2;

  constructor(message: string, exitCode: 1 | 2 = 1, options?: ErrorOptions) {
    super(message, options);
    this.exitCode = exitCode;
  }
}

/** Prints a result: JSON for machines, else the lines for people. */
export function print(
  io: Io,
  json: boolean,
  value: unknown,
  lines: readonly string[],
): void {
  io.out(
    json
      ? `${JSON.stringify(value, null, 2)}\n`
      : lines.map((line) => `${line}\n`).join(""),
  );
}
