declare const trustDomainName: unique symbol;

/** A trust domain name that passed the grammar of SPIFFE-ID section 2.1. Compare byte for byte. */
export type TrustDomainName = string & { readonly [trustDomainName]: true };

/** A SPIFFE ID that passed the full grammar. `uri` is the text exactly as it came. */
export interface SpiffeId {
  /** `spiffe://<trustDomain><path>` */
  readonly uri: string;
  readonly trustDomain: TrustDomainName;
  /** Empty (the ID names the trust domain itself) or `/a/b`. */
  readonly path: string;
}

export function parseTrustDomainName(_text: string): TrustDomainName {
  throw new Error("not yet");
}
export function parseSpiffeId(_text: string): SpiffeId {
  throw new Error("not yet");
}
