import type { AccreditClientErrorCode } from "@accredit/client";
import { answering, type Misbehaviour } from "./fake-authorization-server.ts";

/** What any endpoint may get back from a server that is broken or hostile, and what comes of it. */
export const HOSTILE_ANSWERS: readonly {
  readonly name: string;
  readonly misbehave: Misbehaviour;
  readonly code: AccreditClientErrorCode;
  readonly message: RegExp;
  /** Short where the answer never comes; else there is time enough for a busy machine. */
  readonly settings?: { readonly timeoutMs: number };
}[] = [
  {
    name: "HTML",
    misbehave: (response) => {
      response.writeHead(200, { "Content-Type": "text/html" });
      response.end("<h1>Sign in</h1>");
    },
    code: "response_invalid",
    message: /text\/html/,
  },
  {
    name: "JSON without a content type",
    misbehave: (response) => void response.end("{}"),
    code: "response_invalid",
    message: /no content type/,
  },
  {
    name: "JSON that is no object",
    misbehave: answering(200, ["issuer"]),
    code: "response_invalid",
    message: /no JSON object/,
  },
  {
    name: "half a JSON object",
    misbehave: (response) => {
      response.writeHead(200, { "Content-Type": "application/json" });
      response.end('{"access_token":"eyJhbGciOiJub25lIn0');
    },
    code: "response_invalid",
    message: /no JSON object/,
  },
  {
    name: "bytes that are no UTF-8",
    misbehave: (response) => {
      response.writeHead(200, { "Content-Type": "application/json" });
      response.end(Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]));
    },
    code: "response_invalid",
    message: /no JSON object/,
  },
  {
    name: "a body without end",
    misbehave: (response) => {
      response.writeHead(200, { "Content-Type": "application/json" });
      const chunk = Buffer.alloc(64 * 1024, " ");
      const more = (): void => {
        while (!response.destroyed && response.write(chunk));
        if (!response.destroyed) response.once("drain", more);
      };
      more();
    },
    code: "response_invalid",
    message: /more than 262144 bytes/,
  },
  {
    name: "a redirect",
    misbehave: (response) => {
      response.writeHead(307, { Location: "https://elsewhere.example/" });
      response.end();
    },
    code: "response_invalid",
    message: /redirect/,
  },
  {
    name: "a closed connection",
    misbehave: (response) => void response.destroy(),
    code: "server_unreachable",
    message: /no answer from http:\/\/127/,
  },
  {
    name: "nothing",
    misbehave: () => undefined,
    code: "server_unreachable",
    message: /within 250 ms/,
    settings: { timeoutMs: 250 },
  },
  {
    name: "a body that never ends its first byte",
    misbehave: (response) => {
      response.writeHead(200, { "Content-Type": "application/json" });
      response.write("{");
    },
    code: "server_unreachable",
    message: /within 250 ms/,
    settings: { timeoutMs: 250 },
  },
  {
    name: "an overload, without a body",
    misbehave: (response) => void response.writeHead(502).end(),
    code: "temporarily_unavailable",
    message: /HTTP 502/,
  },
  {
    name: "a client error that says nothing",
    misbehave: (response) => void response.writeHead(404).end("no"),
    code: "response_invalid",
    message: /HTTP 404/,
  },
];
