import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import type { ServerHttp2Session } from "node:http2";
import { createServer } from "node:http2";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { SpiffeWorkloadAPI } from "@accredit/workload-api";
import type { ServiceImpl } from "@connectrpc/connect";
import { connectNodeAdapter } from "@connectrpc/connect-node";

/** A directory that is gone after the test; short enough for socket paths. */
export async function temporaryDirectory(t: TestContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "wapi-"));
  t.after(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

/** A real gRPC endpoint whose answers the test chooses, listening on a socket or on loopback. */
export async function startEndpoint(
  t: TestContext,
  service: Partial<ServiceImpl<typeof SpiffeWorkloadAPI>>,
  listen: "unix" | "tcp" = "unix",
): Promise<{ address: string; sessions: Set<ServerHttp2Session> }> {
  const server = createServer(
    connectNodeAdapter({
      routes: (router) => router.service(SpiffeWorkloadAPI, service),
    }),
  );
  const sessions = new Set<ServerHttp2Session>();
  server.on("session", (session) => {
    sessions.add(session);
    session.on("close", () => sessions.delete(session));
  });
  t.after(async () => {
    const closed = once(server, "close");
    server.close();
    for (const session of sessions) session.destroy();
    await closed;
  });
  if (listen === "unix") {
    const path = join(await temporaryDirectory(t), "agent.sock");
    server.listen(path);
    await once(server, "listening");
    return { address: `unix://${path}`, sessions };
  }
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return { address: `tcp://127.0.0.1:${port}`, sessions };
}
