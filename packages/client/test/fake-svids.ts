import type { X509Svid } from "@accredit/workload-api";
import type { JwtSvidSource, X509SvidSource } from "@accredit/client";

export const WORKLOAD = "spiffe://example.org/ns/prod/agent/alice";
export const OTHER = "spiffe://example.org/ns/prod/agent/bob";

/** A Workload API without a socket: unsigned JWT-SVIDs, each another, and whatever X.509-SVIDs a test puts there. */
export class FakeSvids implements JwtSvidSource, X509SvidSource {
  spiffeId = WORKLOAD;
  x509: readonly X509Svid[] = [];
  /** What fetching fails with. */
  failure: Error | undefined;
  /** Each JWT-SVID handed out. */
  readonly issued: string[] = [];

  async fetchJwtSvid({
    audience,
    spiffeId = this.spiffeId,
  }: Parameters<JwtSvidSource["fetchJwtSvid"]>[0]) {
    if (this.failure !== undefined) throw this.failure;
    const svid = unsignedJwt({
      sub: spiffeId,
      aud: audience.length === 1 ? audience[0] : audience,
      jti: this.issued.length,
    });
    this.issued.push(svid);
    return [{ spiffeId, svid, hint: "" }];
  }

  async fetchX509Svid() {
    if (this.failure !== undefined) throw this.failure;
    return { svids: this.x509, crl: [], federatedBundles: new Map() };
  }
}

/** A JWT with a signature that is none. */
export function unsignedJwt(claims: Readonly<Record<string, unknown>>): string {
  const part = (value: unknown): string =>
    Buffer.from(JSON.stringify(value)).toString("base64url");
  const signature = Buffer.from("not a signature, but as long as one").toString(
    "base64url",
  );
  return `${part({ alg: "ES256", typ: "JWT" })}.${part(claims)}.${signature}`;
}

/** What a JWT claims, unverified. */
export function claimsOf(jwt: string): Record<string, unknown> {
  const payload = Buffer.from(jwt.split(".")[1] ?? "", "base64url");
  return JSON.parse(payload.toString("utf8")) as Record<string, unknown>;
}
