/** Numbers that are the same in every run with the same seed. */
export interface SeededRandom {
  /** From 0 up to the bound and below it. */
  below(bound: number): number;
  pick<T>(choices: readonly T[]): T;
}

/** Mulberry32: small, and good enough to choose test cases with. */
export function seededRandom(seed: number): SeededRandom {
  let state = seed >>> 0;
  const below = (bound: number): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * bound);
  };
  return {
    below,
    pick<T>(choices: readonly T[]): T {
      if (choices.length === 0) throw new TypeError("nothing to pick from");
      return choices[below(choices.length)] as T;
    },
  };
}
