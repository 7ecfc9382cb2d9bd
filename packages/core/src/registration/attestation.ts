import type { JWK } from "jose";
import type { VerifiedCredential } from "../credential/verify.ts";
import type { JsonObject } from "../json/index.ts";
import { parseSpiffeId, type SpiffeId } from "../spiffe/id.ts";
import type { RegisteredClient } from "./client.ts";

declare const attested: unique symbol;

/**
 * What somebody trusted says of a client: who it is and which metadata it has. Made of a verified
 * credential, or of what one attested before; metadata that nobody verified cannot get here.
 */
export interface Attestation {
  readonly [attested]: true;
  readonly kind: "spiffe" | "vc";
  /** The trust domain name or the issuer, as the server's configuration knows it. */
  readonly trust: string;
  /** The SPIFFE ID, or the subject of the Verifiable Credential. */
  readonly subject: string;
  /** Parsed; undefined for a subject that is not the SPIFFE ID of a SPIFFE credential. */
  readonly spiffeId: SpiffeId | undefined;
  /** The types of a Verifiable Credential; empty for an SVID. */
  readonly types: readonly string[];
  /** Holds the attested metadata among other members. */
  readonly metadata: JsonObject;
}

/** What a credential attests. */
export function attestationOf(credential: VerifiedCredential): Attestation {
  if (credential.kind === "vc") {
    const { issuer, subject, types, claims, confirmationJwk } = credential;
    return make({
      kind: "vc",
      trust: issuer,
      subject,
      spiffeId: undefined,
      types,
      metadata:
        confirmationJwk === undefined
          ? claims
          : withKey(claims, confirmationJwk),
    });
  }
  return make({
    kind: "spiffe",
    trust: credential.subject.trustDomain,
    subject: credential.subject.uri,
    spiffeId: credential.subject,
    types: [],
    metadata: credential.claims,
  });
}

/**
 * What a client's last credential attested: of its metadata, the members that the record says are attested.
 * `subject` is the SPIFFE ID that is proven now, where the client stands for many.
 */
export function earlierAttestation(
  client: RegisteredClient,
  subject: string = client.subject,
): Attestation {
  const metadata = Object.fromEntries(
    Object.entries(client.metadata).filter(
      ([name]) =>
        client.provenance[name] === "attested" && name !== "spiffe_id",
    ),
  );
  const isSpiffe = client.kind === "spiffe";
  return make({
    kind: client.kind,
    trust: client.trust,
    subject,
    spiffeId: isSpiffe ? parseSpiffeId(subject) : undefined,
    types: client.kind === "vc" ? client.credential.types : [],
    metadata,
  });
}

/** The key that a credential names is the client's only one, whatever else is said of keys (VC-14). */
function withKey(
  { jwks_uri: _jwksUri, ...claims }: JsonObject,
  key: Readonly<JWK>,
): JsonObject {
  return { ...claims, jwks: { keys: [key] } };
}

function make(members: Omit<Attestation, typeof attested>): Attestation {
  return members as Attestation;
}
