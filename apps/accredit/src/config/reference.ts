import { z } from "zod";
import { configSchema } from "./schema.ts";

/** One key of the configuration file, for people. */
export interface ConfigKey {
  /** Like `trust[].bundle.file`; `<name>` stands for any name. */
  readonly key: string;
  readonly type: string;
  /** As JSON; undefined where the key has none. */
  readonly default: string | undefined;
  readonly required: boolean;
  readonly description: string;
}

interface Schema {
  readonly type?: string;
  readonly enum?: readonly string[];
  readonly anyOf?: readonly Schema[];
  readonly oneOf?: readonly Schema[];
  readonly const?: string | boolean;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: Schema | false;
  readonly items?: Schema;
  readonly default?: unknown;
  readonly description?: string;
}

/** The JSON Schema (2020-12) of the configuration file. */
export function configJsonSchema(): Record<string, unknown> {
  return {
    ...z.toJSONSchema(configSchema, { io: "input" }),
    title: "Accredit configuration",
  };
}

/** Every key of the configuration file in the order of the schema, sections before what is in them. */
export function configReference(): readonly ConfigKey[] {
  return [...keysOf(configJsonSchema(), "")];
}

function* keysOf(schema: Schema, prefix: string): Iterable<ConfigKey> {
  // Entries of several kinds: the keys of each, one kind after the other.
  for (const option of schema.oneOf ?? []) yield* keysOf(option, prefix);
  for (const [name, member] of Object.entries(schema.properties ?? {})) {
    const key = `${prefix}${name}`;
    yield {
      key,
      type: typeName(member),
      default:
        isSection(member) || member.default === undefined
          ? undefined
          : JSON.stringify(member.default),
      required: schema.required?.includes(name) ?? false,
      description: member.description ?? "",
    };
    yield* keysOf(member, `${key}.`);
    if (member.items !== undefined) yield* keysOf(member.items, `${key}[].`);
  }
}

function isSection(schema: Schema): boolean {
  return schema.properties !== undefined;
}

function typeName(schema: Schema): string {
  if (schema.const !== undefined) return String(schema.const);
  if (schema.oneOf !== undefined) return "mapping";
  if (schema.enum !== undefined) return schema.enum.join(" | ");
  if (schema.anyOf !== undefined) return schema.anyOf.map(typeName).join(" | ");
  if (schema.items !== undefined) return `list of ${typeName(schema.items)}`;
  if (isSection(schema)) return "mapping";
  const { additionalProperties: values } = schema;
  if (values) return `mapping of <name> to ${typeName(values)}`;
  return schema.type ?? "any";
}
