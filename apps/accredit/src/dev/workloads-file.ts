import { readFile } from "node:fs/promises";
import { parse } from "yaml";
import { z } from "zod";
import type { DevWorkload } from "./workloads.ts";

const WORKLOADS = z.array(
  z
    .strictObject({
      spiffe_id: z.string(),
      claims: z.record(z.string(), z.unknown()).optional(),
      x509: z.boolean().optional(),
      hint: z.string().optional(),
      ttl: z.number().optional(),
    })
    .transform(
      ({ spiffe_id: spiffeId, claims, x509, hint, ttl }): DevWorkload => ({
        spiffeId,
        ...(claims === undefined ? {} : { claims }),
        ...(x509 === undefined ? {} : { x509 }),
        ...(hint === undefined ? {} : { hint }),
        ...(ttl === undefined ? {} : { ttlSeconds: ttl }),
      }),
    ),
);

/**
 * Reads the workloads of a development trust domain: a YAML or JSON list of
 * `{ spiffe_id, claims?, x509?, hint?, ttl? }` (ttl in seconds), the first one the default identity.
 *
 * @throws {Error} saying what in the file is not as expected
 */
export async function readWorkloadsFile(
  file: string,
): Promise<readonly DevWorkload[]> {
  const text = await readFile(file, "utf8");
  let value: unknown;
  try {
    value = parse(text);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : "unknown";
    throw new Error(`${file}: expected YAML or JSON: ${why}`, { cause });
  }
  const parsed = WORKLOADS.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new Error(`${file}: ${z.prettifyError(parsed.error)}`);
}
