import assert from "node:assert/strict";
import { test } from "node:test";
import type { VerifiedCredential } from "@accredit/core/credential";
import type {
  Attestation,
  attestationOf,
  ClientMetadata,
  decide,
  mergeMetadata,
  ProposedMetadata,
  Registration,
  SpiffeClient,
} from "@accredit/core/registration";

// These tests are made by the compiler: a constant of another value than its type does not compile.

type NamesOf<T, Pattern> = Extract<keyof T, Pattern>;
type Secret = `${string}secret${string}` | "registration_access_token";
/** No member of T can hold a secret. A language variant's name holds a `#` and is none. */
type HoldsNoSecret<T> = [NamesOf<T, Secret>] extends [never] ? true : false;
type CanBeGiven<T, Wanted> = T extends Wanted ? true : false;
/** Every member that has a name, and so without the brand. */
type Unbranded<T> = {
  readonly [Name in keyof T as Name extends string ? Name : never]: T[Name];
};

test("[DCR-TI-08] [DCR-12] [MGMT-08] a client and its registration have no member for a secret", () => {
  const client: HoldsNoSecret<SpiffeClient> = true;
  const metadata: HoldsNoSecret<ClientMetadata> = true;
  const registration: HoldsNoSecret<Registration> = true;
  const method: Extract<
    ClientMetadata["token_endpoint_auth_method"],
    "none" | `client_secret${string}`
  > extends never
    ? true
    : false = true;
  const control: HoldsNoSecret<{ readonly client_secret: string }> = false;
  assert.ok(client && metadata && registration && method && !control);
});

test("[DCR-TI-01] neither merging nor policy takes what did not pass the stage before", () => {
  const unverified: CanBeGiven<
    Unbranded<VerifiedCredential>,
    Parameters<typeof attestationOf>[0]
  > = false;
  const unattested: CanBeGiven<
    Unbranded<Attestation>,
    Parameters<typeof mergeMetadata>[0]
  > = false;
  const unmerged: CanBeGiven<
    Unbranded<ProposedMetadata>,
    Parameters<typeof decide>[1]
  > = false;
  const verified: CanBeGiven<
    ReturnType<typeof attestationOf>,
    Parameters<typeof mergeMetadata>[0]
  > = true;
  const merged: CanBeGiven<
    ReturnType<typeof mergeMetadata>,
    Parameters<typeof decide>[1]
  > = true;
  assert.ok(!unverified && !unattested && !unmerged && verified && merged);
});
