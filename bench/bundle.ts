import type { BenchKeys } from "./load/requests.ts";

/** The SPIFFE bundle document of the benchmark's trust domain. */
export function bundleDocument({ authority }: BenchKeys): string {
  const key = {
    ...authority.publicJwk,
    kid: authority.kid,
    use: "jwt-svid",
  };
  return JSON.stringify({ keys: [key], spiffe_sequence: 1 });
}
