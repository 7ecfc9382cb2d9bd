/**
 * Waits for a promise, or rejects with the signal's reason when that comes first. For work that cannot be
 * stopped, such as a name lookup in the operating system: it goes on, and nobody waits for it.
 */
export async function abortable<T>(
  work: Promise<T>,
  signal: AbortSignal,
): Promise<T> {
  let onAbort: (() => void) | undefined;
  const aborted = new Promise<never>((_resolve, reject) => {
    onAbort = (): void => reject(asError(signal.reason));
    if (signal.aborted) onAbort();
    else signal.addEventListener("abort", onAbort, { once: true });
  });
  try {
    return await Promise.race([work, aborted]);
  } finally {
    if (onAbort !== undefined) signal.removeEventListener("abort", onAbort);
  }
}

/** Whether a rejection is the passing of an `AbortSignal.timeout`. */
export function isTimeout(reason: unknown): boolean {
  return reason instanceof DOMException && reason.name === "TimeoutError";
}

function asError(reason: unknown): Error {
  return reason instanceof Error ? reason : new Error("aborted");
}
