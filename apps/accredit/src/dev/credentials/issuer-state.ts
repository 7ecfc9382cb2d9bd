import { z } from "zod";
import { readIfThere, replaceFile } from "../private-files.ts";
import { makeSigningKey, type StoredSigningKey } from "../signing-key.ts";

/** The formats of a credential, as configurations name them. */
export const CREDENTIAL_FORMATS = ["jwt_vc", "vc+jwt", "dc+sd-jwt"] as const;
export type CredentialFormat = (typeof CREDENTIAL_FORMATS)[number];

/** What the status lists say of a credential. */
export const CREDENTIAL_STATES = ["valid", "revoked", "suspended"] as const;
export type CredentialState = (typeof CREDENTIAL_STATES)[number];

const ISSUED = z.strictObject({
  /** Its place in every status list; the first is 0. */
  index: z.int().min(0),
  format: z.enum(CREDENTIAL_FORMATS),
  subject: z.string(),
  /** Epoch seconds. */
  expires_at: z.int(),
  state: z.enum(CREDENTIAL_STATES),
});

/** One credential that was issued: what is known of it, and never the credential itself. */
export type IssuedCredential = z.output<typeof ISSUED>;

const STATE = z.strictObject({
  key: z.strictObject({
    id: z.string(),
    jwk: z.looseObject({ kty: z.string() }),
  }),
  issued: z.array(ISSUED),
});

/** The key of a development issuer and the credentials it issued. Every change is on disk before it is seen. */
export interface IssuerState {
  readonly key: StoredSigningKey;
  /** Oldest first; `index` is the position. */
  issued(): readonly IssuedCredential[];
  /** Takes the next index. */
  add(credential: Omit<IssuedCredential, "index">): Promise<IssuedCredential>;
  /**
   * Says what becomes of a credential, the newest one where there is no index.
   *
   * @throws {Error} there is none, or it was revoked, which is for ever
   */
  setState(
    index: number | undefined,
    state: CredentialState,
  ): Promise<IssuedCredential>;
}

/** What a change makes of the credentials, and which one it is about. */
type Edit = (issued: readonly IssuedCredential[]) => {
  readonly issued: IssuedCredential[];
  readonly changed: IssuedCredential;
};

/**
 * Opens the issuer in a file, or makes a new one where there is no file.
 *
 * @throws {Error} the file is none of an issuer
 */
export async function openIssuerState(file: string): Promise<IssuerState> {
  const text = await readIfThere(file);
  let state =
    text === undefined
      ? { key: await makeSigningKey(), issued: [] as IssuedCredential[] }
      : parse(text, file);
  const key = state.key;
  const save = (next: typeof state): Promise<void> =>
    replaceFile(file, JSON.stringify(next, undefined, 2));
  if (text === undefined) await save(state);

  let last: Promise<unknown> = Promise.resolve();
  const apply = async (edit: Edit): Promise<IssuedCredential> => {
    const { issued, changed } = edit(state.issued);
    const next = { ...state, issued };
    await save(next);
    state = next;
    return changed;
  };
  /** One change after the other, so that none starts from a state that another replaces. */
  const change = (edit: Edit): Promise<IssuedCredential> => {
    const turn = last.then(() => apply(edit));
    last = turn.catch(() => undefined);
    return turn;
  };

  return {
    key,
    issued: () => state.issued,
    add: (credential) =>
      change((issued) => {
        const changed = { index: issued.length, ...credential };
        return { issued: [...issued, changed], changed };
      }),
    setState: (asked, next) =>
      change((issued) => {
        const index = asked ?? issued.length - 1;
        const found = issued[index];
        if (found === undefined) {
          throw new Error(
            `expected the index of an issued credential (there are ${issued.length}), got ${asked ?? "none"}`,
          );
        }
        if (found.state === "revoked" && next !== "revoked")
          throw new Error(`credential ${index} is revoked, which is for ever`);
        const changed = { ...found, state: next };
        return { issued: issued.with(index, changed), changed };
      }),
  };
}

function parse(text: string, file: string): z.output<typeof STATE> {
  try {
    return STATE.parse(JSON.parse(text));
  } catch (cause) {
    throw new Error(
      `${file}: expected the state of a development credential issuer; remove the file to begin anew`,
      { cause },
    );
  }
}
