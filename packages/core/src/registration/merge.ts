import { DcrError } from "../errors.ts";
import type { JsonObject, JsonValue } from "../json/index.ts";
import type { Attestation } from "./attestation.ts";
import type { Provenance } from "./client.ts";
import { crossFieldProblems } from "./cross-field.ts";
import { defaultsFor } from "./defaults.ts";
import {
  baseName,
  fieldKey,
  fieldProblem,
  isMetadataField,
  pickMetadata,
} from "./fields.ts";
import type { PolicyRule, ServerCapabilities } from "./policy.ts";
import { quoted, reason, type Reason } from "./reason.ts";
import { fillTemplate } from "./template.ts";

/** Only this file can make the brand, so only merging makes a proposal. */
const proposed: unique symbol = Symbol("proposed");

/** Merged metadata with the origin of every member and what is wrong with it, before policy. */
export interface ProposedMetadata {
  readonly [proposed]: true;
  /** As it came: a member named in `problems` may have any type. */
  readonly metadata: Readonly<Record<string, JsonValue>>;
  readonly provenance: Readonly<Record<string, Provenance>>;
  readonly problems: readonly Reason[];
  /** The members whose value cannot be judged any further. */
  readonly illFormed: ReadonlySet<string>;
}

interface Entry {
  readonly name: string;
  readonly value: JsonValue;
  readonly origin: Provenance;
}
/** By {@link fieldKey}. */
type Entries = Map<string, Entry>;

/** Language variants that one source may give, of all fields together. */
const MAX_VARIANTS = 32;
/** A field that another one replaces or derives from: where a source gives the other, a lower one is not heard on it. */
const DECIDED_BY: ReadonlyMap<string, string> = new Map([
  ["jwks", "jwks_uri"],
  ["jwks_uri", "jwks"],
  ["response_types", "grant_types"],
]);

/**
 * Merges what the credential attests, what the body requests, what the rule's template gives and our
 * defaults, in that order, whole value by whole value: arrays are never united (DCR-03).
 *
 * Takes an attestation, which only a verified credential makes.
 *
 * @see RFC 7591 sections 2.3 and 3.1.1
 */
export function mergeMetadata(
  attestation: Attestation,
  body: JsonObject,
  rule: PolicyRule,
  server: ServerCapabilities,
): ProposedMetadata {
  const problems: Reason[] = [];
  const attested = readSource(attestation.metadata, "attested", problems);
  const requested = readSource(body, "requested", problems);
  problems.push(
    ...secretProblems([attested, requested], attestation),
    ...identityProblems([attested, requested], attestation, rule),
  );

  const merged: Entries = new Map(attested);
  const attestedOnly = new Set(rule.attestedOnly.map(fieldKey));
  if (rule.registerAs !== undefined) {
    // What is attested of one instance is not attested of the others, and all of them get it.
    for (const [key, { name }] of attested)
      if (hears(attestedOnly, name)) merged.delete(key);
  }
  for (const [key, entry] of requested)
    if (!hears(attestedOnly, entry.name) && !hears(attested, entry.name))
      merged.set(key, entry);
  addTemplate(merged, rule, attestation, problems);
  const given = (name: string): JsonValue | undefined =>
    merged.get(name)?.value;
  for (const [name, value] of defaultsFor(
    given,
    attestation.kind,
    rule,
    server,
  ))
    merged.set(name, { name, value, origin: "default" });
  if (attestation.kind === "spiffe") {
    merged.set("spiffe_id", {
      name: "spiffe_id",
      value: rule.registerAs?.uri ?? attestation.subject,
      origin: rule.registerAs === undefined ? "attested" : "template",
    });
  }

  const entries = [...merged.values()];
  for (const { name, value } of entries) {
    const problem = fieldProblem(name, value);
    if (problem === undefined) continue;
    const { code, expected, got } = problem;
    problems.push(reason(code, name, `expected ${expected}, got ${got}`));
  }
  const metadata = Object.fromEntries(
    entries.map(({ name, value }) => [name, value]),
  );
  const illFormed = new Set(problems.map(({ field }) => field));
  problems.push(...crossFieldProblems(metadata, server, illFormed));
  return {
    [proposed]: true,
    metadata,
    provenance: Object.fromEntries(
      entries.map(({ name, origin }) => [name, origin]),
    ),
    problems,
    illFormed,
  };
}

/** The fields of one source. A language given twice, in two spellings, is one too many. */
function readSource(
  source: JsonObject,
  origin: Provenance,
  problems: Reason[],
): Entries {
  const entries: Entries = new Map();
  let variants = 0;
  for (const [name, value] of pickMetadata(source)) {
    const key = fieldKey(name);
    if (name.includes("#") && ++variants > MAX_VARIANTS) {
      if (variants === MAX_VARIANTS + 1) {
        problems.push(
          reason(
            "metadata_invalid",
            baseName(name) ?? name,
            `expected at most ${MAX_VARIANTS} language variants in all, got more`,
          ),
        );
      }
      continue;
    }
    if (entries.has(key)) {
      problems.push(
        reason(
          "metadata_invalid",
          name,
          "expected each language once, got two",
        ),
      );
    }
    entries.set(key, { name, value, origin });
  }
  return entries;
}

/**
 * Whether a source that gives some fields is the one to be heard on this name, so that no lower one is: it
 * gives the field, or the one the name varies, or the one that decides it (DCR-04).
 */
function hears(source: Pick<Set<string>, "has">, name: string): boolean {
  return (
    source.has(fieldKey(name)) ||
    source.has(baseName(name) ?? name) ||
    source.has(DECIDED_BY.get(name) ?? name)
  );
}

/** No client gets a secret, and none is public, so it may not even ask (DCR-TI-08, DCR-TI-13). */
function* secretProblems(
  sources: readonly Entries[],
  { kind }: Attestation,
): Iterable<Reason> {
  const field = "token_endpoint_auth_method";
  const asked = sources
    .map((source) => source.get(field)?.value)
    .filter((value) => typeof value === "string")
    .filter((value) => value === "none" || value.startsWith("client_secret"));
  if (asked.length > 0) {
    yield reason(
      "metadata_invalid",
      field,
      kind === "spiffe"
        ? `expected a spiffe_* method, since a SPIFFE client has no secret, got ${quoted(asked)}`
        : `expected private_key_jwt, since no client gets a secret here, got ${quoted(asked)}`,
    );
  }
}

/** `spiffe_id` is the attested one; who sends another is mistaken about who they are (META-11). */
function* identityProblems(
  sources: readonly Entries[],
  { kind, subject }: Attestation,
  { registerAs }: PolicyRule,
): Iterable<Reason> {
  const field = "spiffe_id";
  // Of a client that it shares, an instance may send back what it read (RFC 7592 section 2.2).
  const own = kind === "spiffe" ? [subject, registerAs?.uri] : [];
  if (
    sources.some((source) => {
      const given = source.get(field);
      return given !== undefined && !own.some((each) => each === given.value);
    })
  ) {
    yield reason(
      "metadata_invalid",
      field,
      "expected the SPIFFE ID of the credential, got another value",
    );
  }
}

function addTemplate(
  merged: Entries,
  rule: PolicyRule,
  attestation: Attestation,
  problems: Reason[],
): void {
  const higher = new Set(merged.keys());
  for (const [name, text] of Object.entries(rule.template)) {
    if (hears(higher, name)) continue;
    try {
      if (!isMetadataField(name)) {
        throw new DcrError(
          "metadata_invalid",
          "the policy's template gives it, and there is no such metadata",
        );
      }
      const value = fillTemplate(text, attestation);
      merged.set(fieldKey(name), { name, value, origin: "template" });
    } catch (error) {
      if (!(error instanceof DcrError)) throw error;
      problems.push(reason(error.code, name, error.message));
    }
  }
}
