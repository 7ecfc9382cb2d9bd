import { DcrError } from "../errors.ts";
import type { JsonValue } from "../json/index.ts";
import type { SpiffeIdPattern } from "../spiffe/pattern.ts";
import type { Attestation } from "./attestation.ts";
import type { CredentialSubject } from "./policy.ts";

/** What stands in braces in a template's text. */
const PLACEHOLDER = /\{([^{}]*)\}/g;
const PATH_SEGMENT = /^path\[(0|[1-9][0-9]?)\]$/;
const OF_SPIFFE: ReadonlySet<string> = new Set([
  "trust_domain",
  "spiffe_id",
  "path",
]);
const OF_CREDENTIAL: ReadonlySet<string> = new Set(["issuer", "subject"]);

/** What the placeholders stand for. */
export type TemplateSource = Pick<
  Attestation,
  "trust" | "subject" | "spiffeId"
>;

/**
 * Fills a template value in: `{trust_domain}`, `{spiffe_id}`, `{path}` and `{path[N]}`, the Nth path
 * segment counted from 0 (of `spiffe://example.org/ns/prod`, `{path[1]}` is `prod`), and for a Verifiable
 * Credential `{issuer}` and `{subject}`, in every string of it.
 * What comes out is checked like any other metadata, so a path segment cannot smuggle anything in (P10).
 *
 * @throws {DcrError} `metadata_invalid` where a placeholder means nothing for this subject
 */
export function fillTemplate(
  value: JsonValue,
  attestation: TemplateSource,
): JsonValue {
  if (typeof value === "string") {
    return value.replaceAll(PLACEHOLDER, (_whole, name: string) =>
      resolve(name, attestation),
    );
  }
  if (Array.isArray(value)) {
    return (value as readonly JsonValue[]).map((item) =>
      fillTemplate(item, attestation),
    );
  }
  return value;
}

/**
 * What of a template value can never be filled in for the subjects of a pattern, as written: unknown
 * placeholders, stray braces, and path segments that no such subject has. For the configuration's check.
 */
export function impossiblePlaceholders(
  value: JsonValue,
  subjects: SpiffeIdPattern | CredentialSubject | undefined,
): readonly string[] {
  const texts: readonly JsonValue[] = Array.isArray(value) ? value : [value];
  return texts
    .filter((text) => typeof text === "string")
    .flatMap((text) => [
      ...[...text.matchAll(PLACEHOLDER)]
        .filter(([, name = ""]) => !canMean(name, subjects))
        .map(([whole]) => whole),
      ...(text.replaceAll(PLACEHOLDER, "").match(/[{}]/) ?? []),
    ]);
}

/** Whether a template value says the same for every SPIFFE ID. */
export function isLiteral(value: JsonValue | undefined): boolean {
  const texts: readonly (JsonValue | undefined)[] = Array.isArray(value)
    ? value
    : [value];
  return !texts.some((text) => typeof text === "string" && text.includes("{"));
}

function canMean(
  name: string,
  subjects: SpiffeIdPattern | CredentialSubject | undefined,
): boolean {
  if (subjects !== undefined && !("segments" in subjects))
    return OF_CREDENTIAL.has(name);
  if (OF_SPIFFE.has(name)) return true;
  const index = PATH_SEGMENT.exec(name)?.[1];
  if (index === undefined) return false;
  // Subjects of an open pattern, or of none known, may have any number of segments.
  return (
    subjects === undefined ||
    subjects.segments.at(-1) === "**" ||
    Number(index) < subjects.segments.length
  );
}

function resolve(
  name: string,
  { trust, subject, spiffeId }: TemplateSource,
): string {
  const values: Readonly<Record<string, string | undefined>> =
    spiffeId === undefined
      ? { issuer: trust, subject }
      : { trust_domain: trust, spiffe_id: subject, path: spiffeId.path };
  const index = PATH_SEGMENT.exec(name)?.[1];
  const value =
    index === undefined
      ? values[name]
      : spiffeId?.path.slice(1).split("/")[Number(index)];
  if (value === undefined) {
    throw new DcrError(
      "metadata_invalid",
      `the policy's template wants {${name}}, which this subject does not have`,
    );
  }
  return value;
}
