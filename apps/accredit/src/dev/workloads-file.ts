import { readFile } from "node:fs/promises";
import { parse } from "yaml";
import { z } from "zod";
import type { DevWorkload } from "./workloads.ts";

const WORKLOADS = z.array(
  z.strictObject({
    spiffe_id: z.string(),
    claims: z.record(z.string(), z.unknown()).optional(),
  }),
);

/**
 * Reads the workloads of a development trust domain: a YAML or JSON list of
 * `{ spiffe_id, claims? }`, the first one the default identity.
 *
 * @throws {Error} saying what in the file is not as expected
 */
export async function readWorkloadsFile(
  file: string,
): Promise<readonly DevWorkload[]> {
  const parsed = WORKLOADS.safeParse(parse(await readFile(file, "utf8")));
  if (!parsed.success)
    throw new Error(`${file}: ${z.prettifyError(parsed.error)}`);
  return parsed.data.map(({ spiffe_id: spiffeId, claims }) => ({
    spiffeId,
    ...(claims === undefined ? {} : { claims }),
  }));
}
