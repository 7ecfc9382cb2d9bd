import type { ClientHttp2Session, ClientHttp2Stream } from "node:http2";
import { connect, constants } from "node:http2";
import type { Socket } from "node:net";
import type { GrpcTransportOptions } from "@connectrpc/connect-node";
import { Code, ConnectError } from "@connectrpc/connect";

/** What the gRPC library wants of whoever keeps its connections. */
export type SessionManager = NonNullable<
  GrpcTransportOptions["sessionManager"]
>;

/** HTTP/2 connections to one peer: one for new calls, and older ones until their last call is over. */
export interface Sessions extends SessionManager {
  /** Ends every connection at once, and refuses calls from now on. */
  close(): void;
}

interface Session {
  readonly http2: ClientHttp2Session;
  /** Resolves when the peer has shown that it speaks HTTP/2. */
  readonly ready: Promise<void>;
  streams: number;
}

/**
 * Keeps the connections to one peer.
 *
 * Our own rather than the library's, which leaves a connection without an `error` listener at times: a
 * peer that answers in something else than HTTP/2 then ends the process. Here a connection has one for
 * as long as it lives, and carries no call before the peer's SETTINGS came.
 *
 * @param authority - the origin that requests name
 * @param handshakeMs - how long a peer may take to begin HTTP/2
 */
export function keepSessions(
  authority: string,
  open: () => Socket,
  handshakeMs: number,
): Sessions {
  const all = new Set<ClientHttp2Session>();
  let newest: Session | undefined;
  let closed = false;

  const begin = (): Session => {
    const http2 = connect(authority, {
      createConnection: open,
      settings: { enablePush: false },
    });
    const ready = Promise.withResolvers<void>();
    // Whoever waits for it is told; nobody may be waiting any more.
    ready.promise.catch(() => undefined);
    const timer = setTimeout(
      () => http2.destroy(new ConnectError(SILENT, Code.DeadlineExceeded)),
      handshakeMs,
    );
    all.add(http2);
    http2.on("error", (error) => ready.reject(handshakeFailure(error)));
    http2.once("remoteSettings", () => {
      clearTimeout(timer);
      ready.resolve();
    });
    http2.once("close", () => {
      clearTimeout(timer);
      all.delete(http2);
      ready.reject(new ConnectError(HUNG_UP, Code.Unavailable));
    });
    return { http2, ready: ready.promise, streams: 0 };
  };

  return {
    authority,
    async request(method, path, headers, options) {
      for (let attempt = 1; ; attempt += 1) {
        if (closed) throw new ConnectError("closed", Code.Canceled);
        if (newest === undefined || isOver(newest)) newest = begin();
        const session = newest;
        await session.ready;
        try {
          const stream = session.http2.request(
            { ...headers, ":method": method, ":path": path },
            options,
          );
          holdProcess(session, stream);
          failUnanswered(stream);
          return stream;
        } catch (error) {
          // The peer took its leave since the last call: a new connection may do.
          if (attempt === 2 || !isOver(session)) throw error;
        }
      }
    },
    notifyResponseByteRead: () => undefined,
    close() {
      closed = true;
      for (const http2 of all) http2.destroy();
    },
  };
}

const SILENT = "the peer did not begin to speak HTTP/2 in time";
const LEFT = "the peer closed the connection before it answered";
const HUNG_UP = "the peer closed the connection before it spoke HTTP/2";

function isOver({ http2 }: Session): boolean {
  return http2.closed || http2.destroyed;
}

/** A connection keeps the process alive while calls are under way, and not when it is idle. */
function holdProcess(session: Session, stream: ClientHttp2Stream): void {
  session.streams += 1;
  session.http2.ref();
  stream.once("close", () => {
    session.streams -= 1;
    if (session.streams === 0) session.http2.unref();
  });
}

/** A peer that takes its leave in good order ends a stream without an error, and whoever waits would go on. */
function failUnanswered(stream: ClientHttp2Stream): void {
  let isAnswered = false;
  stream.once("response", () => (isAnswered = true));
  // Whoever made the call may be gone by then.
  stream.on("error", () => undefined);
  stream.once("close", () => {
    if (!isAnswered && stream.rstCode === constants.NGHTTP2_NO_ERROR)
      stream.emit("error", new ConnectError(LEFT, Code.Unavailable));
  });
}

/** The cause stays: it tells whether there was a connection at all. */
function handshakeFailure(cause: Error): ConnectError {
  if (cause instanceof ConnectError) return cause;
  const code = "code" in cause ? String(cause.code) : cause.name;
  return new ConnectError(
    `the peer does not speak HTTP/2 (${code})`,
    Code.Unavailable,
    undefined,
    undefined,
    cause,
  );
}
