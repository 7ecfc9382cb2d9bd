import { DcrError } from "../errors.ts";
import type { VerifiedCredential } from "../credential/verify.ts";
import type { JsonObject, JsonValue } from "../json/index.ts";
import { quote } from "../lib/quote.ts";
import type { Provenance } from "./client.ts";
import { baseName, fieldKey, fieldProblem, pickMetadata } from "./fields.ts";
import type { PolicyRule, Reason, ServerCapabilities } from "./policy.ts";
import { crossFieldProblems } from "./cross-field.ts";
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
}

interface Entry {
  readonly name: string;
  readonly value: JsonValue;
  readonly origin: Provenance;
}
type Entries = Map<string, Entry>;

/**
 * Merges what the credential attests, what the body requests, what the rule's template gives and our
 * defaults, in that order, whole value by whole value: arrays are never united (DCR-03).
 *
 * Takes a verified credential: metadata of an unverified one cannot get here.
 */
export function mergeMetadata(
  credential: VerifiedCredential,
  body: JsonObject,
  rule: PolicyRule,
  server: ServerCapabilities,
): ProposedMetadata {
  const problems: Reason[] = [];
  const attested = readSource(credential.claims, "attested");
  const requested = readSource(body, "requested");
  refuseSecrets([attested, requested], problems);
  refuseOtherIdentity([attested, requested], credential.subject.uri, problems);

  // What only the credential or the template may give is not heard from the body.
  for (const name of rule.attestedOnly) requested.delete(fieldKey(name));
  dropShadowed(attested, requested);

  const merged: Entries = new Map([...requested, ...attested]);
  addTemplate(merged, rule, credential, problems);
  addDefaults(merged, attested, rule, server);
  merged.set("spiffe_id", {
    name: "spiffe_id",
    value: credential.subject.uri,
    origin: "attested",
  });

  for (const { name, value } of merged.values()) {
    const problem = fieldProblem(name, value);
    if (problem !== undefined) {
      problems.push({
        code: problem.code,
        field: name,
        message: `${name}: expected ${problem.expected}`,
      });
    }
  }
  const metadata = Object.fromEntries(
    [...merged.values()].map(({ name, value }) => [name, value]),
  );
  // Rules between fields mean nothing while a field is ill-formed.
  if (problems.length === 0) problems.push(...crossFieldProblems(metadata));
  return {
    [proposed]: true,
    metadata,
    provenance: Object.fromEntries(
      [...merged.values()].map(({ name, origin }) => [name, origin]),
    ),
    problems,
  };
}

function readSource(source: JsonObject, origin: Provenance): Entries {
  return new Map(
    [...pickMetadata(source)].map(([name, value]) => [
      fieldKey(name),
      { name, value, origin },
    ]),
  );
}

/** A SPIFFE client never gets a secret, so it may not even ask (DCR-TI-08). */
function refuseSecrets(sources: readonly Entries[], problems: Reason[]): void {
  const field = "token_endpoint_auth_method";
  for (const source of sources) {
    const value = source.get(field)?.value;
    if (
      typeof value === "string" &&
      (value === "none" || value.startsWith("client_secret"))
    ) {
      problems.push({
        code: "metadata_invalid",
        field,
        message: `${field}: expected a spiffe_* method, got ${quote(value)}; a SPIFFE client never has a secret`,
      });
      return;
    }
  }
}

/** `spiffe_id` is the attested one; who sends another is mistaken about who they are (META-11). */
function refuseOtherIdentity(
  sources: readonly Entries[],
  subject: string,
  problems: Reason[],
): void {
  if (
    sources.some(
      (source) =>
        source.has("spiffe_id") && source.get("spiffe_id")?.value !== subject,
    )
  ) {
    problems.push({
      code: "metadata_invalid",
      field: "spiffe_id",
      message:
        "spiffe_id: expected the SPIFFE ID of the credential, got another",
    });
  }
}

/** DCR-04: what the body may no longer say once the credential said the like. */
function dropShadowed(attested: Entries, requested: Entries): void {
  for (const [key, { name }] of requested) {
    const base = baseName(name);
    if (name.includes("#") && base !== undefined && attested.has(base))
      requested.delete(key);
  }
  if (attested.has("jwks")) requested.delete("jwks_uri");
  if (attested.has("jwks_uri")) requested.delete("jwks");
  if (attested.has("grant_types")) requested.delete("response_types");
}

function addTemplate(
  merged: Entries,
  rule: PolicyRule,
  credential: VerifiedCredential,
  problems: Reason[],
): void {
  for (const [name, text] of Object.entries(rule.template)) {
    const key = fieldKey(name);
    if (merged.has(key)) continue;
    try {
      merged.set(key, {
        name,
        value: fillTemplate(text, credential.subject),
        origin: "template",
      });
    } catch (error) {
      if (!(error instanceof DcrError)) throw error;
      problems.push({
        code: error.code,
        field: name,
        message: `${name}: ${error.message}`,
      });
    }
  }
}

/**
 * RFC 7591's own defaults (`client_secret_basic`, `authorization_code`) would be a secret and a flow this
 * server may not have: ours are the first that server and rule both allow (META-02, META-03). Scope has no
 * default, or a client that named none would get them all (M08).
 */
function addDefaults(
  merged: Entries,
  attested: Entries,
  rule: PolicyRule,
  server: ServerCapabilities,
): void {
  const addDefault = (name: string, value: JsonValue): void => {
    if (!merged.has(name)) merged.set(name, { name, value, origin: "default" });
  };
  const method = server.supportedAuthMethods.find((one) =>
    rule.allow.tokenEndpointAuthMethods.includes(one),
  );
  addDefault(
    "token_endpoint_auth_method",
    method ?? server.supportedAuthMethods[0] ?? "spiffe_jwt",
  );
  const grantType = server.supportedGrantTypes.find((one) =>
    rule.allow.grantTypes.includes(one),
  );
  addDefault("grant_types", [
    grantType ?? server.supportedGrantTypes[0] ?? "client_credentials",
  ]);

  const grantTypes = merged.get("grant_types")?.value;
  const usesCode =
    Array.isArray(grantTypes) && grantTypes.includes("authorization_code");
  if (attested.has("grant_types") && !attested.has("response_types"))
    merged.delete("response_types");
  addDefault("response_types", usesCode ? ["code"] : []);
}
