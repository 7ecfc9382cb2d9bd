import { createHash } from "node:crypto";
import type { CheckListener } from "../credential/checks.ts";
import type { JsonObject } from "../json/index.ts";
import { parseCompactJws, verifySignature } from "../lib/compact-jws.ts";
import { quote } from "../lib/quote.ts";
import { refuse } from "../lib/refuse.ts";
import type { TrustSource } from "../trust/index.ts";
import { makeStepper } from "../vc/steps.ts";
import type { JwtAuthority } from "./bundle.ts";
import type { SpiffeId } from "./id.ts";
import { checkSubject } from "./jwt-svid-claims.ts";
import { checkAlgorithm, type JwtSvidAlgorithm } from "./jwt-svid-header.ts";
import { findTrust } from "./jwt-svid-keys.ts";
import {
  checkWitTimes,
  readConfirmation,
  refuseAudience,
  type Confirmation,
} from "./wit-svid-claims.ts";
import { checkWitHeader, checkWitKind } from "./wit-svid-header.ts";

/** The named checks and their requirements, in the order they run; `explain` lists them. */
export const WIT_SVID_CHECKS = {
  form: "WIT-01",
  kind: "WIT-01",
  header: "WIT-01",
  algorithm: "WIT-01",
  subject: "WIT-02",
  key: "WIT-08",
  signature: "CAUTH-05",
  time: "WIT-04",
  audience: "WIT-03",
  confirmation: "WIT-02",
} as const;

/** What the token endpoint wants of a WIT-SVID. Times in seconds. */
export interface WitSvidRequirements {
  /** Epoch seconds. */
  readonly now: number;
  readonly clockToleranceSeconds: number;
  readonly onCheck?: CheckListener | undefined;
}

declare const verified: unique symbol;

/**
 * A WIT-SVID whose every check passed; only {@link verifyWitSvid} makes one. It shows nothing about who sent
 * it before `verifyWitProof` has verified that the sender holds its key (WIT-06). Times in epoch seconds.
 */
export interface VerifiedWitSvid extends Confirmation {
  readonly [verified]: true;
  readonly kind: "wit-svid";
  readonly subject: SpiffeId;
  /** All claims of the payload, parsed once by the strict parser. */
  readonly claims: JsonObject;
  readonly algorithm: JwtSvidAlgorithm;
  /** The `kid` of the key that verified it. */
  readonly keyId: string;
  /** For logs: it never leads to keys (WIT-05). */
  readonly issuer: string | undefined;
  readonly audience: undefined;
  readonly issuedAt: number | undefined;
  readonly expiresAt: number;
  /** For logs: instances may share it, so it is no help against replay (WIT-07). */
  readonly tokenId: string | undefined;
  /** base64url SHA-256 of `header.payload`: names the token in logs and audit without being it. */
  readonly fingerprint: string;
}

/**
 * Verifies a WIT-SVID with the `wit-svid` keys of the trust domain in its `sub` and no others.
 *
 * The order is a security property: form before content, the key's origin before the signature, the
 * signature before any verdict on what the token says of itself.
 *
 * @throws {DcrError} one code for each check that fails; `source_unavailable` when no bundle is held
 * @see WIT-SVID sections 2 to 6
 */
export async function verifyWitSvid(
  token: string,
  trust: TrustSource,
  requirements: WitSvidRequirements,
): Promise<VerifiedWitSvid> {
  const { now, clockToleranceSeconds } = requirements;
  const step = makeStepper(WIT_SVID_CHECKS, requirements.onCheck);

  // 1. What it is, before anything in it is believed.
  const jws = step("form", "strict compact JWS", () => parseCompactJws(token));
  const { header, payload } = jws;
  step("kind", "a WIT-SVID by its own account", () => checkWitKind(header));
  const keyId = step("header", "header members as the profile allows", () =>
    checkWitHeader(header),
  );
  const algorithm = step("algorithm", "allowed algorithm", () =>
    checkAlgorithm(header["alg"]),
  );

  // 2. Whose keys decide: the trust domain in sub, and that alone.
  const subject = step("subject", "SPIFFE ID of a workload", () =>
    checkSubject(payload["sub"]),
  );
  const authority = await step("key", "key of that trust domain fits", () =>
    findKey(keyId, algorithm, subject, trust),
  );

  // 3. The signature.
  await step("signature", "signature verifies", async () => {
    if (await verifySignature(token, authority.jwk, algorithm)) return;
    refuse(
      "signature_invalid",
      `a signature by a key of trust domain ${subject.trustDomain}`,
      "one that does not verify",
    );
  });

  // 4. What the token says of itself, now that it is known who says it.
  const times = step("time", "inside its validity", () =>
    checkWitTimes(payload, now, clockToleranceSeconds),
  );
  step("audience", "no audience", () => refuseAudience(payload["aud"]));
  const confirmation = step("confirmation", "bound to a public key", () =>
    readConfirmation(payload["cnf"]),
  );
  const { iss, jti } = payload;

  return {
    kind: "wit-svid",
    subject,
    claims: payload,
    algorithm,
    keyId,
    issuer: typeof iss === "string" ? iss : undefined,
    audience: undefined,
    ...times,
    tokenId: typeof jti === "string" ? jti : undefined,
    ...confirmation,
    fingerprint: createHash("sha256")
      .update(jws.signingInput)
      .digest("base64url"),
  } as Omit<VerifiedWitSvid, typeof verified> as VerifiedWitSvid;
}

/**
 * The key that `kid` names. Where the bundle lacks it, the source is asked once to read it again, as often as
 * the source bears: a key may be younger than the last poll.
 */
async function findKey(
  keyId: string,
  algorithm: JwtSvidAlgorithm,
  subject: SpiffeId,
  trust: TrustSource,
): Promise<JwtAuthority> {
  let { source, bundle } = findTrust(subject, trust);
  if (!bundle.witAuthorities.has(keyId)) {
    await source.refreshUnknownKey?.();
    ({ source, bundle } = findTrust(subject, trust));
  }
  const authority = bundle.witAuthorities.get(keyId);
  if (authority?.algorithms.includes(algorithm) === true) return authority;
  // The key may be published and only unknown to us: that is our outage, not the caller's mistake (Q10).
  return refuse(
    source.refreshFails === true ? "source_unavailable" : "key_not_found",
    `WIT key ${quote(keyId)} for ${algorithm} in the bundle of ${subject.trustDomain}`,
    "no such key",
  );
}
