import { TAG, type DerValue } from "./x509-der.ts";
import {
  DNS_NAME,
  isGeneralName,
  nameOf,
  URI_NAME,
  type SubjectNames,
} from "./x509-names.ts";

/** Names that a certificate permits or excludes below it; undefined permits all. */
export interface NameTrees {
  readonly permitted: readonly string[] | undefined;
  readonly excluded: readonly string[];
}

/** The constraints on the kinds of names that we identify anybody by. */
export interface HostConstraints {
  readonly uri: NameTrees;
  readonly dns: NameTrees;
}

const PERMITTED = 0xa0;
const EXCLUDED = 0xa1;
const HOST = /^\.?[A-Za-z0-9._-]*$/;

/**
 * Reads the constraints on URIs and DNS names; undefined where they cannot be read or one of them is no host
 * name. Ignoring such a one could permit what its signer excluded.
 *
 * @see RFC 5280 section 4.2.1.10
 */
export function readHostConstraints({
  tag,
  children,
}: DerValue): HostConstraints | undefined {
  const [first, second, ...more] = children.map((each) => each.tag);
  const isOrdered =
    (first === PERMITTED || first === EXCLUDED) &&
    (second === undefined || (first === PERMITTED && second === EXCLUDED));
  if (tag !== TAG.sequence || !isOrdered || more.length > 0) return undefined;
  const treesOf = (list: number): readonly DerValue[] =>
    children.find((each) => each.tag === list)?.children ?? [];
  const all = [...treesOf(PERMITTED), ...treesOf(EXCLUDED)];
  // Minimum and maximum distances are never used (RFC 5280): a tree is its name alone.
  const areTrees = all.every(
    ({ tag: kind, children: [base, ...distances] }) =>
      kind === TAG.sequence &&
      base !== undefined &&
      isGeneralName(base) &&
      distances.length === 0,
  );
  if (!areTrees || !all.every(isHostTree)) return undefined;
  const namesOf = (list: number, kind: number): readonly string[] =>
    treesOf(list)
      .map(({ children: [base] }) => base && nameOf(base, kind))
      .filter((name) => name !== undefined);
  const trees = (kind: number): NameTrees => {
    const permitted = namesOf(PERMITTED, kind);
    return {
      permitted: permitted.length === 0 ? undefined : permitted,
      excluded: namesOf(EXCLUDED, kind),
    };
  };
  return { uri: trees(URI_NAME), dns: trees(DNS_NAME) };
}

/** Trees of other kinds of names are no concern of ours. */
function isHostTree({ children: [base] }: DerValue): boolean {
  const name = base && (nameOf(base, URI_NAME) ?? nameOf(base, DNS_NAME));
  return name === undefined || HOST.test(name);
}

/**
 * Whether every URI and DNS name is within the constraints. Each signer's are judged alone, so that one below
 * cannot widen what one above narrowed.
 */
export function namesAreWithin(
  { uris, dnsNames }: SubjectNames,
  { uri, dns }: HostConstraints,
): boolean {
  return (
    uris.every((name) => isWithin(hostOf(name), uri, isUriTree)) &&
    dnsNames.every((name) => isWithin(name.toLowerCase(), dns, isDnsTree))
  );
}

function isWithin(
  host: string,
  { permitted, excluded }: NameTrees,
  matches: (host: string, tree: string) => boolean,
): boolean {
  const some = (trees: readonly string[]): boolean =>
    trees.some((tree) => tree === "" || matches(host, tree.toLowerCase()));
  return !some(excluded) && (permitted === undefined || some(permitted));
}

/** With a dot before it a tree means every name below it, without one it means itself. */
function isUriTree(host: string, tree: string): boolean {
  return tree.startsWith(".") ? host.endsWith(tree) : host === tree;
}

/** A tree is itself and every name below it. */
function isDnsTree(host: string, tree: string): boolean {
  const below = tree.startsWith(".") ? tree : `.${tree}`;
  return host === tree || host.endsWith(below);
}

/** The host of a URI, of a SPIFFE ID the trust domain's name. */
function hostOf(uri: string): string {
  const authority = uri.split("/")[2] ?? "";
  const host = authority.slice(authority.lastIndexOf("@") + 1);
  return host.replace(/:\d*$/, "").toLowerCase();
}
