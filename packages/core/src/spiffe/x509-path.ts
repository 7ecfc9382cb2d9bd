import { CertificateChainValidationEngine } from "pkijs";
import { DcrError } from "../errors.ts";
import type { ParsedCertificate } from "./x509-certificate.ts";

/** Certificates of a path, leaf and trust anchor included. */
const MAX_PATH = 8;
/** Signatures that one chain may cost us, however its certificates are cross-signed. */
const MAX_SIGNATURES = 32;

/** From the leaf to the trust anchor. */
export type CertificatePath = readonly [
  ParsedCertificate,
  ...ParsedCertificate[],
];

/**
 * Finds a path from a leaf to one of the anchors, over the intermediates given, in whichever order they
 * came, that holds at `now`. Where several exist, as with cross-signed authorities, one that holds is enough.
 *
 * Names and signatures are OpenSSL's, the walk is bounded, and `checkPath` judges what was found.
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
  let signatures = 0;
  let why =
    "expected a chain to an authority of the trust domain, got one that ends elsewhere";
  const pending: CertificatePath[] = [[leaf]];
  for (let path = pending.pop(); path !== undefined; path = pending.pop()) {
    const last = path.at(-1) ?? leaf;
    for (const issuer of [...intermediates, ...anchors]) {
      if (path.includes(issuer) || !last.native.checkIssued(issuer.native))
        continue;
      if (++signatures > MAX_SIGNATURES)
        throw untrusted(`expected a simple chain, got one with too many paths`);
      if (!last.native.verify(issuer.native.publicKey)) {
        why = "expected signatures that verify along the chain, got another";
        continue;
      }
      const longer: CertificatePath = [...path, issuer];
      if (!anchors.includes(issuer)) {
        if (longer.length < MAX_PATH) pending.push(longer);
        continue;
      }
      const problem = await pathProblem(longer, now);
      if (problem === undefined) return longer;
      why = problem;
    }
  }
  throw untrusted(why);
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
    const excluded = constraintProblem(authority, path[0]);
    if (excluded !== undefined) return excluded;
  }
  return engineProblem(path, now);
}

/** RFC 5280 section 6.1.4: authorities that issue themselves, as in a key rollover, do not count. */
function authoritiesBelow(path: CertificatePath, index: number): number {
  return path
    .slice(1, index)
    .filter(({ pki }) => !pki.subject.isEqual(pki.issuer)).length;
}

/**
 * URI name constraints, of the trust anchor too, on the leaf's host: the trust domain name. A subtree that
 * begins with a dot means every name below it, any other means itself (RFC 5280 section 4.2.1.10).
 */
function constraintProblem(
  { uriConstraints }: ParsedCertificate,
  leaf: ParsedCertificate,
): string | undefined {
  if (uriConstraints === undefined) return undefined;
  const { permitted, excluded } = uriConstraints;
  const hosts = leaf.uris.map((uri) => uri.split("/")[2] ?? "");
  const within = (host: string, trees: readonly string[]): boolean =>
    trees.some((tree) => {
      const name = tree.toLowerCase();
      return name.startsWith(".") ? host.endsWith(name) : host === name;
    });
  const refused = hosts.some(
    (host) =>
      within(host, excluded) ||
      (permitted !== undefined && !within(host, permitted)),
  );
  return refused
    ? "expected a name within the name constraints of every signer, got one outside"
    : undefined;
}

/** The path mathematics of the library (policies, other name constraints) on the one path, as it is. */
async function engineProblem(
  path: CertificatePath,
  now: number,
): Promise<string | undefined> {
  const chain = path.map(({ pki }) => pki);
  const [anchor] = chain.slice(-1);
  if (anchor === undefined) return "expected a path, got none";
  const engine = new CertificateChainValidationEngine({
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
