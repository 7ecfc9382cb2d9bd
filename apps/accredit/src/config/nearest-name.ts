/** The known name that a mistyped one most likely means; undefined where none is close. */
export function nearestName(
  name: string,
  known: readonly string[],
): string | undefined {
  // Longer names are no slips of the finger, and comparing them takes time.
  if (name.length > 64) return undefined;
  const wanted = normal(name);
  const ranked = known
    .map((candidate) => ({
      candidate,
      distance: distance(wanted, normal(candidate)),
    }))
    .sort((a, b) => a.distance - b.distance);
  const [best] = ranked;
  return best !== undefined &&
    best.distance <= Math.max(1, Math.floor(wanted.length / 3))
    ? best.candidate
    : undefined;
}

/** `maxStale`, `max-stale` and `MAX_STALE` are one name to a person. */
function normal(name: string): string {
  return name.toLowerCase().replace(/[_-]/g, "");
}

/** How many letters must be put in, taken out or replaced (Levenshtein distance). */
function distance(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (let i = 1; i <= from.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= to.length; j += 1) {
      const replaced = (row[j - 1] ?? 0) + (from[i - 1] === to[j - 1] ? 0 : 1);
      next.push(Math.min(replaced, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[to.length] ?? 0;
}
