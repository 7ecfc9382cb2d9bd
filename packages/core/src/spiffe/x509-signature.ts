import { readCount, readOid, TAG, type DerValue } from "./x509-der.ts";

/** ECDSA and RSA PKCS #1 v1.5 with SHA-2, and Ed25519. Never MD5 or SHA-1. */
const STRONG: ReadonlySet<unknown> = new Set([
  "1.2.840.10045.4.3.2",
  "1.2.840.10045.4.3.3",
  "1.2.840.10045.4.3.4",
  "1.2.840.113549.1.1.11",
  "1.2.840.113549.1.1.12",
  "1.2.840.113549.1.1.13",
  "1.3.101.112",
]);
const RSASSA_PSS = "1.2.840.113549.1.1.10";
const MGF1 = "1.2.840.113549.1.1.8";
/** SHA-256, SHA-384 and SHA-512. */
const HASHES: ReadonlySet<unknown> = new Set([
  "2.16.840.1.101.3.4.2.1",
  "2.16.840.1.101.3.4.2.2",
  "2.16.840.1.101.3.4.2.3",
]);

/**
 * Whether signatures of an algorithm may stand in a path. Of RSASSA-PSS the parameters count, since absent
 * ones mean SHA-1: it has to be one SHA-2 hash for both of its uses.
 *
 * @param algorithm - an AlgorithmIdentifier
 * @see RFC 5280 section 4.1.1.2; RFC 4055 section 3.1
 */
export function isStrongSignature({ children }: DerValue): boolean {
  const [id, parameters] = children;
  const oid = readOid(id);
  if (oid !== RSASSA_PSS) return STRONG.has(oid);
  if (parameters?.tag !== TAG.sequence) return false;
  /** The value in the field of this number. */
  const field = (number: number): DerValue | undefined =>
    parameters.children.find(({ tag }) => tag === 0xa0 + number)?.children[0];
  const [hash] = field(0)?.children ?? [];
  const [mask, maskParameters] = field(1)?.children ?? [];
  const trailer = field(3);
  return (
    HASHES.has(readOid(hash)) &&
    readOid(mask) === MGF1 &&
    readOid(maskParameters?.children[0]) === readOid(hash) &&
    (trailer === undefined || readCount(trailer) === 1)
  );
}
