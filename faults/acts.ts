import { randomUUID } from "node:crypto";
import { mint, type Place } from "./place.ts";

/** Where an administrator acts; absent where nobody does. */
export interface Administration {
  readonly url: string;
  readonly token: string;
}

/** What clients and an administrator did, as far as it was acknowledged. */
export interface Acts {
  /** By client: the update that was acknowledged last, and the one that was sent last. */
  readonly updates: ReadonlyMap<
    string,
    { readonly acknowledged: number; readonly sent: number }
  >;
  /** Subjects whose client was deleted and never came again. */
  readonly deleted: readonly string[];
  /** Subjects that were suspended. */
  readonly suspended: readonly string[];
  /** Answers that were not expected, one sentence each. */
  readonly problems: readonly string[];
  readonly count: () => number;
  /** Resolves with the next act that is acknowledged, or when nobody acts any more. */
  progress(): Promise<void>;
  /** Resolves when everybody was told to stop, or cut off. */
  readonly done: Promise<void>;
}

const OF_EACH_KIND = 6;

interface Answer {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
}

/** Starts clients that update and delete their registration, and an administrator who suspends, until they are cut off. */
export function startActs(place: Place, admin?: Administration): Acts {
  const updates = new Map<string, { acknowledged: number; sent: number }>();
  const deleted: string[] = [];
  const suspended: string[] = [];
  const problems: string[] = [];
  let count = 0;
  let waiting: (() => void)[] = [];
  const tell = (): void => {
    for (const resolve of waiting) resolve();
    waiting = [];
  };
  const acknowledge = (): void => {
    count++;
    tell();
  };

  /** The answer with this status; undefined where the caller was cut off. */
  const ask = async (
    url: string,
    expected: number,
    method: string,
    token: string | undefined,
    body?: Readonly<Record<string, unknown>>,
  ): Promise<Answer["body"] | undefined> => {
    try {
      const response = await fetch(url, {
        method,
        headers: {
          ...(token !== undefined && { Authorization: `Bearer ${token}` }),
          ...(body && { "Content-Type": "application/json" }),
        },
        ...(body && { body: JSON.stringify(body) }),
      });
      const text = await response.text();
      if (response.status === expected)
        return (text === "" ? {} : JSON.parse(text)) as Answer["body"];
      problems.push(`${method} was answered ${response.status}: ${text}`);
    } catch {
      // Cut off: whether it was done is not known.
    }
    return undefined;
  };

  /** A new client; what it manages itself with. */
  const register = async (kind: string) => {
    const subject = `spiffe://example.org/${kind}/${randomUUID()}`;
    const url = `${place.issuer}/register`;
    const software_statement = await mint(place, subject, url);
    const client = await ask(url, 201, "POST", undefined, {
      software_statement,
    });
    if (client === undefined) return undefined;
    const uri = String(client["registration_client_uri"]);
    return {
      subject,
      clientId: String(client["client_id"]),
      uri,
      token: await mint(place, subject, uri),
    };
  };

  const update = async (): Promise<void> => {
    const client = await register("updates");
    if (client === undefined) return;
    const { clientId, uri, token } = client;
    const state = { acknowledged: 0, sent: 0 };
    updates.set(clientId, state);
    for (;;) {
      state.sent++;
      const body = { client_id: clientId, client_name: String(state.sent) };
      if ((await ask(uri, 200, "PUT", token, body)) === undefined) return;
      state.acknowledged = state.sent;
      acknowledge();
    }
  };

  const remove = async (): Promise<void> => {
    for (;;) {
      const client = await register("deletes");
      if (client === undefined) return;
      const { uri, token, subject } = client;
      if ((await ask(uri, 204, "DELETE", token)) === undefined) return;
      deleted.push(subject);
      acknowledge();
    }
  };

  const suspend = async ({ url, token }: Administration): Promise<void> => {
    for (;;) {
      const subject = `spiffe://example.org/suspends/${randomUUID()}`;
      const path = `/api/v1/suspensions/subject/${encodeURIComponent(subject)}`;
      if ((await ask(url + path, 200, "PUT", token)) === undefined) return;
      suspended.push(subject);
      acknowledge();
    }
  };

  const actors = [update, remove, ...(admin ? [() => suspend(admin)] : [])];
  const done = Promise.all(
    actors.flatMap((act) => Array.from({ length: OF_EACH_KIND }, act)),
  ).then(tell);
  return {
    updates,
    deleted,
    suspended,
    problems,
    count: () => count,
    progress: () =>
      Promise.race([
        new Promise<void>((resolve) => void waiting.push(resolve)),
        done,
      ]),
    done,
  };
}
