import type { Certificate } from "pkijs";
import { DcrError } from "../errors.ts";
import type { ParsedCertificate } from "./x509-certificate.ts";
import { namesAreWithin } from "./x509-name-constraints.ts";

/** Certificates of a path, leaf and trust anchor included. */
const MAX_PATH = 8;
/** Signatures that one chain may cost us, however its certificates are cross-signed. */
const MAX_SIGNATURES = 32;

/** X509-08: a SPIFFE ID with a path, however it is spelt; a closing slash is none. */
const WORKLOAD_ID = /^spiffe:\/\/[^/]*\/./i;

/** From the leaf to the trust anchor. */
export type CertificatePath = readonly [
  ParsedCertificate,
  ...ParsedCertificate[],
];

/**
 * Finds a path from a leaf to one of the anchors, over the intermediates given, in whichever order they
 * came, that holds at `now`. Where several exist, as with cross-signed authorities, one that holds is enough.
 *
 * Names and signatures are OpenSSL's, the walk is bounded, and `pathProblem` judges what was found. It goes from the
 * anchors down, so that only keys that lead to one are ever computed with: whoever makes up authorities of
 * his own, with costly keys, costs nothing.
 *
 * @throws {DcrError} `certificate_not_trusted`, saying what was wrong with the best path found
 * @see RFC 5280 section 6
 */
export async function findCertificatePath(
  leaf: ParsedCertificate,
  intermediates: readonly ParsedCertificate[],
  anchors: readonly ParsedCertificate[],
  now: number,
): Promise<CertificatePath> {
  let why: string | undefined;
  const isSigned = signatureChecker();
  const known = new Set(anchors.map(({ fingerprint }) => fingerprint));
  const issued = [leaf, ...intermediates].filter(({ fingerprint }) => {
    const isNew = !known.has(fingerprint);
    known.add(fingerprint);
    return isNew;
  });
  // Of each, the first is the youngest found and the last the anchor.
  const pending: CertificatePath[] = anchors
    .toReversed()
    .map((anchor) => [anchor]);
  for (let path = pending.pop(); path !== undefined; path = pending.pop()) {
    const [issuer] = path;
    for (const child of issued) {
      if (path.includes(child) || !child.native.checkIssued(issuer.native))
        continue;
      if (!isSigned(child, issuer)) {
        // An anchor of that name with another key may be the one before the one that is meant.
        if (path.length > 1)
          why = "expected signatures that verify along the chain, got another";
        continue;
      }
      if (child !== leaf) {
        // With the leaf there is one more.
        if (path.length + 2 <= MAX_PATH) pending.push([child, ...path]);
        continue;
      }
      const whole: CertificatePath = [leaf, ...path];
      const problem = await pathProblem(whole, now);
      if (problem === undefined) return whole;
      why = problem;
    }
  }
  if (why !== undefined) throw untrusted(why);
  throw new DcrError(
    "certificate_not_trusted",
    "expected a chain to an authority of the trust domain, got one that ends elsewhere",
    { data: { authority: "unknown" } },
  );
}

/**
 * Whether one certificate is signed by another, computed once for each pair.
 *
 * @throws {DcrError} `certificate_not_trusted` from the first signature too many
 */
function signatureChecker(): (
  child: ParsedCertificate,
  issuer: ParsedCertificate,
) => boolean {
  const verdicts = new Map<string, boolean>();
  return (child, issuer) => {
    const pair = `${child.fingerprint} ${issuer.fingerprint}`;
    const known = verdicts.get(pair);
    if (known !== undefined) return known;
    if (verdicts.size >= MAX_SIGNATURES)
      throw untrusted("expected a simple chain, got one with too many paths");
    const verdict = child.native.verify(issuer.native.publicKey);
    verdicts.set(pair, verdict);
    return verdict;
  };
}

/** Whether an error of {@link findCertificatePath} says that no anchor issued anything of the chain. */
export function isUnknownAuthority(error: unknown): boolean {
  return error instanceof DcrError && error.data["authority"] === "unknown";
}

/** Whether every certificate of a path that was found before still is within its validity. */
export function pathHoldsAt(path: CertificatePath, now: number): boolean {
  return path.every(
    ({ notBefore, notAfter }) => notBefore <= now && now <= notAfter,
  );
}

/** What is wrong with a path whose names and signatures fit; undefined where nothing is. */
async function pathProblem(
  path: CertificatePath,
  now: number,
): Promise<string | undefined> {
  for (const [index, { notBefore, notAfter }] of path.entries()) {
    // The leaf's own validity has its own error, told apart before.
    if (index > 0 && (now < notBefore || now > notAfter))
      return "expected authorities within their validity, got one outside it";
  }
  for (const [index, authority] of path.entries()) {
    if (index === 0) continue;
    if (!authority.isAuthority)
      return "expected basicConstraints cA on every signer, got one without";
    if (authority.keyUsage?.keyCertSign === false)
      return "expected keyUsage keyCertSign on every signer, got one without";
    if (authority.keyUsage === undefined)
      return "expected keyUsage on every signer, got one without";
    if ((authority.pathLength ?? MAX_PATH) < authoritiesBelow(path, index))
      return "expected no more authorities than a path length allows, got more";
    if (authority.uris.some((uri) => WORKLOAD_ID.test(uri)))
      return "expected no SPIFFE ID of a workload on a signer, got one";
    const { nameConstraints } = authority;
    if (
      nameConstraints !== undefined &&
      !namesAreWithin(path[0], nameConstraints)
    )
      return "expected a name within the name constraints of every signer, got one outside";
  }
  return engineProblem(path, now);
}

/** RFC 5280 section 6.1.4: authorities that issue themselves, as in a key rollover, do not count. */
function authoritiesBelow(path: CertificatePath, index: number): number {
  return path.slice(1, index).filter(({ isSelfIssued }) => !isSelfIssued)
    .length;
}

/** The path mathematics of the library (policies, other name constraints) on the one path, as it is. */
async function engineProblem(
  path: CertificatePath,
  now: number,
): Promise<string | undefined> {
  // Not before a path is there to be judged: loading it is a good part of a server's start.
  const pkijs = await import("pkijs");
  let chain: Certificate[];
  try {
    chain = path.map(({ der }) => pkijs.Certificate.fromBER(der));
  } catch {
    return "expected certificates that all libraries can read, got another";
  }
  const [anchor] = chain.slice(-1);
  if (anchor === undefined) return "expected a path, got none";
  const engine = new pkijs.CertificateChainValidationEngine({
    trustedCerts: [anchor],
    // The leaf goes last: the library takes the last one for it.
    certs: chain.slice(0, -1).toReversed(),
    // The leaf may be a little ahead of our clock; its validity was judged before.
    checkDate: new Date(Math.max(now, path[0].notBefore) * 1000),
    // The issuer is the next one of the path and nothing else is looked for.
    findIssuer: async (certificate) => {
      const next = chain[chain.indexOf(certificate) + 1];
      return next === undefined ? [] : [next];
    },
  });
  const { result, resultMessage } = await engine.verify();
  return result
    ? undefined
    : `expected a path that holds by RFC 5280, got one that does not: ${resultMessage.slice(0, 120)}`;
}

function untrusted(message: string): DcrError {
  return new DcrError("certificate_not_trusted", message);
}
