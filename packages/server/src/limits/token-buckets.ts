/** How fast buckets fill, how much they hold and how many there may be. */
export interface TokenBucketOptions {
  /** Tokens that come back every second. */
  readonly perSecond: number;
  /** Tokens that a bucket holds at most, and at first. */
  readonly burst: number;
  /** Buckets kept; beyond, the one that was longest not asked for is forgotten, and is full when it returns. */
  readonly maxBuckets: number;
  /** Seconds that never go back. */
  readonly now: () => number;
}

/** Token buckets by key, in bounded memory. */
export interface TokenBuckets {
  /** Takes a token. 0 if there was one, else the seconds until there is one. */
  take(key: string): number;
  /** Whether there is no token; asking changes nothing. */
  isEmpty(key: string): boolean;
  /** Puts back a token that turned out not to be needed. */
  giveBack(key: string): void;
  /** Buckets in memory. */
  size(): number;
}

/** Makes buckets that are all full. */
export function createTokenBuckets({
  perSecond,
  burst,
  maxBuckets,
  now,
}: TokenBucketOptions): TokenBuckets {
  // In the order in which they were last asked for: the oldest comes first.
  const buckets = new Map<string, { tokens: number; at: number }>();

  const tokensOf = (key: string, at: number): number => {
    const known = buckets.get(key);
    return known === undefined
      ? burst
      : Math.min(burst, known.tokens + (at - known.at) * perSecond);
  };

  const bucketOf = (key: string) => {
    const at = now();
    const bucket = { tokens: tokensOf(key, at), at };
    buckets.delete(key);
    buckets.set(key, bucket);
    if (buckets.size > maxBuckets) {
      const [oldest] = buckets.keys();
      if (oldest !== undefined) buckets.delete(oldest);
    }
    return bucket;
  };

  return {
    take: (key) => {
      const bucket = bucketOf(key);
      if (bucket.tokens < 1) return (1 - bucket.tokens) / perSecond;
      bucket.tokens -= 1;
      return 0;
    },
    isEmpty: (key) => tokensOf(key, now()) < 1,
    giveBack: (key) => {
      const bucket = bucketOf(key);
      bucket.tokens = Math.min(burst, bucket.tokens + 1);
    },
    size: () => buckets.size,
  };
}
