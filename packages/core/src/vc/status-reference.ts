/**
 * Where a credential's revocation would show: one entry of its `credentialStatus` or `status`.
 *
 * @see Bitstring Status List section 2.1; StatusList2021; Token Status List section 6
 */
export type StatusReference =
  | {
      readonly kind: "bitstring" | "status_list_2021";
      readonly listUrl: string;
      readonly index: number;
      readonly purpose: string;
      /** Bits of one entry. */
      readonly size: number;
    }
  | {
      readonly kind: "token_status_list";
      readonly listUrl: string;
      readonly index: number;
    }
  /** A mechanism that the server does not know: it cannot say that the credential is good. */
  | { readonly kind: "unknown"; readonly type: string };
