import { once } from "node:events";
import type { ServerHttp2Session } from "node:http2";
import type { TestContext } from "node:test";
import type { SpiffeWorkloadAPI } from "@accredit/workload-api";
import { ConnectError } from "@connectrpc/connect";
import type { Code, HandlerContext, ServiceImpl } from "@connectrpc/connect";
import { startEndpoint } from "./endpoint.ts";

type Service = ServiceImpl<typeof SpiffeWorkloadAPI>;
/** The calls that stream. */
export type StreamName = {
  [Name in keyof Service]: ReturnType<
    Service[Name]
  > extends AsyncIterable<unknown>
    ? Name
    : never;
}[keyof Service];
/** What a call streams. */
export type StreamMessage<Name extends StreamName> =
  ReturnType<Service[Name]> extends AsyncIterable<infer Message>
    ? Message
    : never;

/** A stream that a client has opened; what comes on it is the test's choice. */
export class FakeStream<Message> {
  /** Resolves when the client has left it, or it is over. */
  readonly left: Promise<void>;
  #steps: (() => IteratorResult<Message, void>)[] = [];
  #more = Promise.withResolvers<void>();

  constructor(context: HandlerContext) {
    this.left = once(context.signal, "abort").then(() => this.end());
  }

  send(message: Message): void {
    this.#then(() => ({ done: false, value: message }));
  }

  /** Ends the stream without an error. */
  end(): void {
    this.#then(() => ({ done: true, value: undefined }));
  }

  fail(status: Code): void {
    this.#then(() => {
      throw new ConnectError("as the test wants it", status);
    });
  }

  async *messages(): AsyncGenerator<Message, void, void> {
    for (;;) {
      const step = this.#steps.shift();
      if (step === undefined) {
        await this.#more.promise;
        this.#more = Promise.withResolvers();
      } else {
        const { done, value } = step();
        if (done === true) return;
        yield value;
      }
    }
  }

  #then(step: () => IteratorResult<Message, void>): void {
    this.#steps.push(step);
    this.#more.resolve();
  }
}

/** An endpoint of which one call streams what a test says, call by call. */
export class FakeWorkloadApi<Name extends StreamName> {
  /** How many calls came so far. */
  calls = 0;
  readonly #opened: FakeStream<StreamMessage<Name>>[] = [];
  #arrived = Promise.withResolvers<void>();
  #endpoint = { address: "", sessions: new Set<ServerHttp2Session>() };

  static async start<Name extends StreamName>(
    t: TestContext,
    name: Name,
    listen?: "unix" | "tcp",
  ): Promise<FakeWorkloadApi<Name>> {
    const api = new FakeWorkloadApi<Name>();
    const serve = (_request: unknown, context: HandlerContext) =>
      api.#serve(context);
    api.#endpoint = await startEndpoint(t, { [name]: serve }, listen);
    return api;
  }

  get address(): string {
    return this.#endpoint.address;
  }

  /** The connections open at present. */
  get sessions(): ReadonlySet<ServerHttp2Session> {
    return this.#endpoint.sessions;
  }

  /** The next stream that a client opens, or has opened already. */
  async opened(): Promise<FakeStream<StreamMessage<Name>>> {
    for (;;) {
      const stream = this.#opened.shift();
      if (stream !== undefined) return stream;
      await this.#arrived.promise;
      this.#arrived = Promise.withResolvers();
    }
  }

  #serve(context: HandlerContext): AsyncIterable<StreamMessage<Name>> {
    const stream = new FakeStream<StreamMessage<Name>>(context);
    this.calls += 1;
    this.#opened.push(stream);
    this.#arrived.resolve();
    return stream.messages();
  }
}
