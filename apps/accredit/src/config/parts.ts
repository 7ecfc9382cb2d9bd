import type { z } from "zod";
import { configSchema, policyEntry, type ConfigFile } from "./schema.ts";
import { trustEntry } from "./trust-schema.ts";

/**
 * The parts of a file that are sound by themselves, the others undefined. The rules between parts run on
 * these, so that one mistake hides no other.
 */
export interface Parts {
  readonly issuer: string | undefined;
  readonly listen: ConfigFile["listen"] | undefined;
  readonly mutualTls: ConfigFile["mutual_tls"] | undefined;
  readonly admin: ConfigFile["admin"] | undefined;
  readonly store: ConfigFile["store"] | undefined;
  readonly registration: ConfigFile["registration"] | undefined;
  /** In the order of the file; undefined entries are not sound. */
  readonly trust: readonly (z.output<typeof trustEntry> | undefined)[];
  readonly policy: readonly (z.output<typeof policyEntry> | undefined)[];
}

/** Reads every part of a file on its own. */
export function readParts(file: unknown): Parts {
  const source: Record<string, unknown> =
    file !== null && typeof file === "object" && !Array.isArray(file)
      ? { ...file }
      : {};
  const { shape } = configSchema;
  return {
    issuer: read(shape.issuer, source["issuer"]),
    listen: read(shape.listen, source["listen"]),
    mutualTls: read(shape.mutual_tls, source["mutual_tls"]),
    admin: read(shape.admin, source["admin"]),
    store: read(shape.store, source["store"]),
    registration: read(shape.registration, source["registration"]),
    trust: items(source["trust"]).map((item) => read(trustEntry, item)),
    policy: items(source["policy"]).map((item) => read(policyEntry, item)),
  };
}

function read<T extends z.ZodType>(
  schema: T,
  value: unknown,
): z.output<T> | undefined {
  return schema.safeParse(value).data;
}

function items(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
