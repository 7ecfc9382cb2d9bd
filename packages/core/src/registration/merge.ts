import type { ClientMetadata, Provenance } from "./client.ts";

/** Merged metadata with the origin of every member, before policy. */
export interface ProposedMetadata {
  readonly metadata: ClientMetadata;
  readonly provenance: Readonly<Record<string, Provenance>>;
}
export function mergeMetadata(): ProposedMetadata {
  throw new Error("not yet");
}
