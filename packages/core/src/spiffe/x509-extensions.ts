import {
  readBoolean,
  readCount,
  readDer,
  readOid,
  TAG,
  type DerValue,
} from "./x509-der.ts";
import {
  readHostConstraints,
  type HostConstraints,
} from "./x509-name-constraints.ts";
import { readNames, type SubjectNames } from "./x509-names.ts";

/** What key usage allows; the bits that matter to SPIFFE. */
export interface KeyUsage {
  readonly critical: boolean;
  readonly digitalSignature: boolean;
  readonly keyCertSign: boolean;
  readonly cRLSign: boolean;
}

/** What the extensions of a certificate say, those that we act on. */
export interface Extensions extends SubjectNames {
  readonly isAuthority: boolean;
  /** How many authorities may stand between it and the leaf; undefined for any number. */
  readonly pathLength: number | undefined;
  readonly keyUsage: KeyUsage | undefined;
  /** Object identifiers; undefined where the extension is absent. */
  readonly extendedKeyUsage: readonly string[] | undefined;
  readonly alternativeNamesCritical: boolean;
  /** What URIs and DNS names it permits below it. */
  readonly nameConstraints: HostConstraints | undefined;
}

interface Extension {
  readonly critical: boolean;
  readonly value: DerValue;
}

const OID = {
  keyUsage: "2.5.29.15",
  subjectAltName: "2.5.29.17",
  basicConstraints: "2.5.29.19",
  nameConstraints: "2.5.29.30",
  certificatePolicies: "2.5.29.32",
  policyMappings: "2.5.29.33",
  policyConstraints: "2.5.29.36",
  extendedKeyUsage: "2.5.29.37",
  inhibitAnyPolicy: "2.5.29.54",
} as const;
/** Extensions that the path rules act on; any other critical one is refused. */
const UNDERSTOOD: ReadonlySet<string> = new Set(Object.values(OID));

/**
 * Reads a certificate's extensions: each once, none critical that we do not act on, and every one that we act
 * on well-formed, since what cannot be read might forbid something. Or says what is wrong.
 *
 * @param list - the SEQUENCE of them
 * @see RFC 5280 section 4.2
 */
export function readExtensions(list: DerValue): Extensions | string {
  const found = new Map<string, Extension>();
  for (const { children } of list.children) {
    const id = readOid(children[0]);
    const flag = children.length === 3 ? readBoolean(children[1]) : false;
    const octets = children.at(-1);
    if (
      id === undefined ||
      flag === undefined ||
      children.length > 3 ||
      octets?.tag !== TAG.octetString
    )
      return "an extension that cannot be read";
    if (found.has(id)) return `extension ${id} twice`;
    if (!UNDERSTOOD.has(id)) {
      if (flag) return `a critical extension ${id} that is not known`;
      found.set(id, { critical: false, value: octets });
      continue;
    }
    const value = readDer(octets.content);
    if (typeof value === "string") return `in extension ${id}: ${value}`;
    found.set(id, { critical: flag, value });
  }
  return readKnown(found);
}

function readKnown(found: ReadonlyMap<string, Extension>): Extensions | string {
  const basic = readBasicConstraints(found.get(OID.basicConstraints));
  const keyUsage = readKeyUsage(found.get(OID.keyUsage));
  const purposes = readPurposes(found.get(OID.extendedKeyUsage));
  const alternative = found.get(OID.subjectAltName);
  const names = readNames(alternative?.value);
  const constraints = found.get(OID.nameConstraints);
  const nameConstraints =
    constraints === undefined ? null : readHostConstraints(constraints.value);
  if (
    basic === undefined ||
    keyUsage === undefined ||
    purposes === undefined ||
    names === undefined ||
    nameConstraints === undefined
  )
    return "an extension with another content than it has to have";
  return {
    ...basic,
    ...names,
    keyUsage: keyUsage ?? undefined,
    extendedKeyUsage: purposes ?? undefined,
    alternativeNamesCritical: alternative?.critical === true,
    nameConstraints: nameConstraints ?? undefined,
  };
}

function readBasicConstraints(
  extension: Extension | undefined,
): Pick<Extensions, "isAuthority" | "pathLength"> | undefined {
  if (extension === undefined)
    return { isAuthority: false, pathLength: undefined };
  const { tag, children } = extension.value;
  const [first] = children;
  const flag = first?.tag === TAG.boolean ? readBoolean(first) : false;
  const rest = first?.tag === TAG.boolean ? children.slice(1) : children;
  const length = rest.length === 0 ? Infinity : readCount(rest[0]);
  if (
    tag !== TAG.sequence ||
    flag === undefined ||
    length === undefined ||
    rest.length > 1
  )
    return undefined;
  return {
    isAuthority: flag,
    pathLength: length === Infinity ? undefined : length,
  };
}

/** Null where there is none, undefined where it cannot be read. */
function readKeyUsage(
  extension: Extension | undefined,
): KeyUsage | null | undefined {
  if (extension === undefined) return null;
  const { tag, content } = extension.value;
  const [unused = 8, bits] = content;
  if (tag !== TAG.bitString || unused > 7 || bits === undefined)
    return undefined;
  return {
    critical: extension.critical,
    digitalSignature: (bits & 0x80) !== 0,
    keyCertSign: (bits & 0x04) !== 0,
    cRLSign: (bits & 0x02) !== 0,
  };
}

/** Null where there is none, undefined where it cannot be read. */
function readPurposes(
  extension: Extension | undefined,
): readonly string[] | null | undefined {
  if (extension === undefined) return null;
  if (extension.value.tag !== TAG.sequence) return undefined;
  const purposes = extension.value.children.map(readOid);
  return purposes.every((purpose) => purpose !== undefined)
    ? purposes
    : undefined;
}
