import { X509Certificate } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  FakeAuthority,
  FakeCertificateAuthority,
  FakeX509Authority,
  freePort,
} from "@accredit/testkit";
import { startChild } from "../children.ts";
import { subjectOf, TRUST_DOMAIN } from "../load/requests.ts";
import { measureAll, type Measurement } from "../measure.ts";
import { startAccredit, type ServerUnderTest } from "../servers.ts";
import { spreadOf } from "../statistics.ts";
import { startGenerator, type BenchRow } from "./row.ts";

const PEER = new URL("../peers/oidc-provider-mtls.ts", import.meta.url);

/** Tokens by X.509-SVID over `tls_client_auth` of oidc-provider alone, on the same certificates: on kept connections and on new ones. */
export const x509Tokens: BenchRow = {
  name: "x509-svid tokens",
  async run(context) {
    const { directory, keys, options, progress, owns } = context;
    const subject = subjectOf(1);
    const root = await FakeX509Authority.create({ trustDomain: TRUST_DOMAIN });
    const svid = await root.svid({ uris: [subject] });
    const authority = await FakeAuthority.create({ trustDomain: TRUST_DOMAIN });
    authority.otherKeys.push(root.bundleKey());
    const web = await FakeCertificateAuthority.create();
    const { key, cert } = await web.issue();
    const home = join(directory, "home");
    mkdirSync(home);
    for (const [name, text] of Object.entries({
      "tls.pem": cert,
      "tls.key": key,
      "svids.json": authority.bundleDocument(),
      "peer.json": JSON.stringify({
        key,
        cert,
        clientAuthority: pemOf(root.certificate),
        subject,
      }),
    }))
      writeFileSync(join(home, name), text, { mode: 0o600 });

    const port = await freePort();
    const accredit = await startAccredit(home, keys, [], {
      mutual_tls: {
        host: "localhost",
        port,
        tls: { cert_file: "./tls.pem", key_file: "./tls.key" },
        base_url: `https://localhost:${port}`,
      },
      trust: [
        {
          kind: "spiffe",
          trust_domain: TRUST_DOMAIN,
          bundle: { file: "./svids.json" },
        },
      ],
      policy: [
        {
          name: "agents",
          match: {
            trust: TRUST_DOMAIN,
            subject: `spiffe://${TRUST_DOMAIN}/**`,
          },
          allow: {
            grant_types: ["client_credentials"],
            scopes: ["read", "write"],
            resources: ["https://api.bench.example"],
            token_endpoint_auth_methods: ["spiffe_x509"],
          },
          template: { scope: "read write" },
        },
      ],
    });
    owns(accredit.child);
    await registerForCertificates(accredit, authority, subject);

    const peer = startChild(PEER, { args: [join(home, "peer.json")] });
    owns(peer);
    const listening = await peer.next<{ port: number }>("listening");
    const issuer = `https://localhost:${listening.port}`;
    const generator = startGenerator(context);
    const tls = { ca: web.pem, cert: svid.certPem, key: svid.keyPem };
    const oidc = { child: peer, issuer, registration: "", token: "" };
    const workloads = (fresh: boolean) =>
      [
        {
          name: "Accredit, spiffe_x509",
          server: accredit,
          url: `https://localhost:${port}/token`,
        },
        {
          name: "oidc-provider, tls_client_auth",
          server: oidc,
          url: `${issuer}/token`,
        },
      ].map(({ name, server, url }) => ({
        name: `${name}, ${fresh ? "new" : "kept"} connections`,
        server,
        job: () => ({
          kind: "certificate-token" as const,
          url,
          tls,
          fresh,
          clientId: subject,
        }),
      }));
    const measured = await measureAll(
      [...workloads(false), ...workloads(true)],
      generator,
      options,
      progress,
    );
    return {
      title: "tokens by the certificate of the connection",
      head: ["server", "per second", "p50 ms", "p99 ms", "server CPU us"],
      rows: [
        ...measured.map((one) => [
          one.name,
          one.perSecond.median.toFixed(0),
          one.latencyMs.p50.toFixed(1),
          one.latencyMs.p99.toFixed(1),
          one.serverCpuMicroseconds.toFixed(0),
        ]),
        ratioRow("kept", measured.slice(0, 2)),
        ratioRow("new", measured.slice(2)),
      ],
    };
  },
};

/** Ours over the peer's, each round over the same round. */
function ratioRow(
  connections: string,
  [ours, theirs]: readonly Measurement[],
): readonly string[] {
  const ratio = spreadOf(
    (ours?.rounds ?? []).map(
      (rate, n) => rate / (theirs?.rounds[n] ?? Number.NaN),
    ),
  );
  return [
    `ratio, ${connections} connections`,
    ratio.median.toFixed(2),
    `from ${ratio.min.toFixed(2)}`,
    `to ${ratio.max.toFixed(2)}`,
    "",
  ];
}

async function registerForCertificates(
  { registration }: ServerUnderTest,
  authority: FakeAuthority,
  sub: string,
): Promise<void> {
  const iat = Math.floor(Date.now() / 1000);
  const response = await fetch(registration, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({
      software_statement: await authority.jwtSvid({
        sub,
        aud: registration,
        iss: `spiffe://${TRUST_DOMAIN}`,
        iat,
        exp: iat + 300,
      }),
      token_endpoint_auth_method: "spiffe_x509",
    }),
  });
  if (response.status !== 201)
    throw new Error(`registering: ${await response.text()}`);
}

function pemOf(certificate: Uint8Array): string {
  return new X509Certificate(certificate).toString();
}
