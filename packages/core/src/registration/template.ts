import { DcrError } from "../errors.ts";
import type { JsonValue } from "../json/index.ts";
import type { SpiffeId } from "../spiffe/id.ts";

/** What stands in braces in a template's text. */
const PLACEHOLDER = /\{([^{}]*)\}/g;
const PATH_SEGMENT = /^path\[(0|[1-9][0-9]?)\]$/;

/**
 * Fills a template value in: `{trust_domain}`, `{spiffe_id}`, `{path}` and `{path[N]}`, the Nth path
 * segment counted from 0, in every string of it. What comes out is checked like any other metadata, so a
 * path segment cannot smuggle anything in.
 *
 * @throws {DcrError} `metadata_invalid` where the SPIFFE ID has no such segment
 */
export function fillTemplate(value: JsonValue, subject: SpiffeId): JsonValue {
  if (typeof value === "string") {
    return value.replaceAll(PLACEHOLDER, (_whole, name: string) =>
      resolve(name, subject),
    );
  }
  if (Array.isArray(value)) {
    return (value as readonly JsonValue[]).map((item) =>
      fillTemplate(item, subject),
    );
  }
  return value;
}

/** The placeholders in a template value that mean nothing; for the configuration's check. */
export function unknownPlaceholders(value: JsonValue): readonly string[] {
  const texts =
    typeof value === "string"
      ? [value]
      : Array.isArray(value)
        ? (value as readonly JsonValue[])
        : [];
  return texts
    .flatMap((text) =>
      typeof text === "string" ? [...text.matchAll(PLACEHOLDER)] : [],
    )
    .map(([whole, name]) => ({ whole, name: name ?? "" }))
    .filter(
      ({ name }) =>
        !["trust_domain", "spiffe_id", "path"].includes(name) &&
        !PATH_SEGMENT.test(name),
    )
    .map(({ whole }) => whole);
}

/** Whether a template value says the same for every SPIFFE ID. */
export function isLiteral(value: JsonValue): boolean {
  return !JSON.stringify(value).includes("{");
}

function resolve(name: string, subject: SpiffeId): string {
  if (name === "trust_domain") return subject.trustDomain;
  if (name === "spiffe_id") return subject.uri;
  if (name === "path") return subject.path;
  const index = PATH_SEGMENT.exec(name)?.[1];
  const segment =
    index === undefined
      ? undefined
      : subject.path.slice(1).split("/")[Number(index)];
  if (segment === undefined) {
    throw new DcrError(
      "metadata_invalid",
      `the policy's template wants {${name}}, which this SPIFFE ID does not have`,
    );
  }
  return segment;
}
