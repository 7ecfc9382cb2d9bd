import { randomFillSync } from "node:crypto";
import { v7 } from "uuid";

const BYTES_PER_ID = 16;
const POOL_BYTES = 256 * BYTES_PER_ID;

/**
 * Makes the ids of requests and audit rows: UUID version 7, so that they sort by time (RFC 9562 section
 * 5.7). Random bytes are drawn by the page, since asking for sixteen costs as much as for thousands.
 */
export function requestIds(): () => string {
  const pool = new Uint8Array(POOL_BYTES);
  let used = POOL_BYTES;
  return () => {
    if (used === POOL_BYTES) {
      randomFillSync(pool);
      used = 0;
    }
    const random = pool.subarray(used, (used += BYTES_PER_ID));
    return v7({ random });
  };
}
