import { once } from "node:events";
import type { RequestListener } from "node:http";
import { createServer } from "node:https";
import type { AddressInfo, Socket } from "node:net";
import type { TestContext } from "node:test";
import { FakeCertificateAuthority, FakeX509Authority } from "@accredit/testkit";
import type { X509Svid } from "@accredit/workload-api";
import { WORKLOAD } from "./fake-svids.ts";

/** A TLS listener that asks for client certificates, and who issues them. */
export interface FakeTlsEndpoint {
  readonly origin: string;
  /** The authority of the server's own certificate, PEM. */
  readonly ca: string;
  /** Connections that are open now. */
  readonly sockets: ReadonlySet<Socket>;
  /** How many connections there were. */
  readonly accepted: () => number;
  /** Mints an X.509-SVID, each with a key of its own. */
  readonly svid: (spiffeId?: string) => Promise<X509Svid>;
}

/** Starts a TLS listener for one test. */
export async function startTlsEndpoint(
  t: TestContext,
  listener: RequestListener,
): Promise<FakeTlsEndpoint> {
  const servers = await FakeCertificateAuthority.create();
  const root = await FakeX509Authority.create();
  const issuer = await root.intermediate();
  const server = createServer(
    {
      ...(await servers.issue()),
      requestCert: true,
      rejectUnauthorized: false,
      ca: toPem(root.certificate),
    },
    listener,
  );
  const sockets = new Set<Socket>();
  let accepted = 0;
  server.on("secureConnection", (socket) => {
    accepted += 1;
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  const { port } = server.address() as AddressInfo;
  return {
    origin: `https://127.0.0.1:${port}`,
    ca: servers.pem,
    sockets,
    accepted: () => accepted,
    svid: async (spiffeId = WORKLOAD) => {
      const { chain, privateKey } = await issuer.svid({ uris: [spiffeId] });
      return {
        spiffeId,
        certificates: chain,
        privateKey,
        bundle: [root.certificate],
        hint: "",
      };
    },
  };
}

function toPem(der: Uint8Array): string {
  return `-----BEGIN CERTIFICATE-----\n${Buffer.from(der).toString("base64")}\n-----END CERTIFICATE-----\n`;
}
