import { DcrError } from "../errors.ts";
import type { JsonObject, JsonValue } from "../json/index.ts";
import { readWebUrl } from "../registration/web-url.ts";
import {
  parseCertificate,
  type ParsedCertificate,
} from "../spiffe/x509-certificate.ts";
import { findCertificatePath } from "../spiffe/x509-path.ts";
import {
  judgeIssuerKey,
  type IssuerKey,
  type IssuerKeys,
} from "./issuer-key.ts";

const MAX_CERTIFICATES = 8;
/** A certificate of 16 KiB, the most we read, in base64. */
const MAX_LENGTH = 22_000;
const BASE64 =
  /^(?:[A-Za-z0-9+/]{4})+(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

/**
 * The key of the first certificate of an `x5c` header, whose chain has to lead to a root configured for the
 * issuer and whose names have to be the issuer's (KEYR-02): the issuer as URI name, or its host as DNS name.
 *
 * @param now - epoch seconds; an expired certificate has no leeway
 * @throws {DcrError} `header_invalid`, `certificate_malformed`, `certificate_invalid`,
 * `certificate_not_trusted`
 * @see RFC 7515 section 4.1.6; SD-JWT VC section 3.5
 */
export async function keyOfCertificates(
  x5c: JsonValue,
  { issuer, roots }: Pick<IssuerKeys, "issuer" | "roots">,
  now: number,
): Promise<IssuerKey> {
  const [leaf, ...intermediates] = readChain(x5c);
  if (leaf === undefined) throw headerInvalid("none");
  checkLeaf(leaf, issuer, now);
  await findCertificatePath(
    leaf,
    intermediates,
    roots.map(({ parsed }) => parsed),
    now,
  );
  const jwk = leaf.native.publicKey.export({ format: "jwk" });
  const key = judgeIssuerKey(leaf.fingerprint, jwk as JsonObject);
  if (typeof key !== "string") return key;
  throw invalid("a key that may verify", key);
}

function readChain(x5c: JsonValue): readonly ParsedCertificate[] {
  if (!Array.isArray(x5c) || x5c.length > MAX_CERTIFICATES)
    throw headerInvalid("another value");
  return (x5c as readonly JsonValue[]).map((text) => {
    if (
      typeof text !== "string" ||
      text.length > MAX_LENGTH ||
      !BASE64.test(text)
    )
      throw headerInvalid("something else");
    return parseCertificate(Buffer.from(text, "base64"));
  });
}

function checkLeaf(leaf: ParsedCertificate, issuer: string, now: number): void {
  if (now < leaf.notBefore || now > leaf.notAfter)
    throw invalid("to be within its validity", "one outside it");
  if (leaf.isAuthority || leaf.keyUsage?.keyCertSign === true)
    throw invalid("no authority", "one");
  if (leaf.keyUsage !== undefined && !leaf.keyUsage.digitalSignature)
    throw invalid("digitalSignature where there is key usage", "others");
  if (leaf.uris.includes(issuer)) return;
  const url = readWebUrl(issuer);
  // No wildcards: the name of an issuer is one name.
  const isItsHost =
    url?.scheme === "https" &&
    leaf.native.checkHost(url.host.toLowerCase(), {
      subject: "never",
      wildcards: false,
    }) !== undefined;
  if (!isItsHost) throw invalid("the issuer as URI or DNS name", "others");
}

function headerInvalid(came: string): DcrError {
  return new DcrError(
    "header_invalid",
    `expected x5c to be 1 to ${MAX_CERTIFICATES} certificates in base64, got ${came}`,
  );
}

function invalid(expected: string, came: string): DcrError {
  return new DcrError(
    "certificate_invalid",
    `expected ${expected} in the issuer's certificate, got ${came}`,
  );
}
