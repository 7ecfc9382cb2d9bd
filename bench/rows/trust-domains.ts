import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { FakeAuthority, FakeBundleEndpoint } from "@accredit/testkit";
import { bundleDocument } from "../bundle.ts";
import { TRUST_DOMAIN } from "../load/requests.ts";
import { measureAll, type Workload } from "../measure.ts";
import { startAccredit } from "../servers.ts";
import { residentMiB } from "./growth.ts";
import { startGenerator, type BenchRow } from "./row.ts";

const COUNTS = [10, 100, 1000];
/** Far more often than anybody polls: the cost of one fetch is what is asked. */
const REFRESH_SECONDS = 10;
/** What the configuration has as its ceiling where it says nothing. */
const USUAL_SECONDS = 300;
const WATCHED_MS = 30_000;
const QUICK_WATCHED_MS = 5000;

/** Many trust domains held at once, their bundles polled over https. */
export const trustDomains: BenchRow = {
  name: "trust domains",
  async run(context) {
    const { directory, keys, options, progress, owns } = context;
    const endpoint = await FakeBundleEndpoint.start();
    try {
      const authority = await FakeAuthority.create();
      endpoint.serve(authority.bundleDocument());
      const generator = startGenerator(context);
      const workloads: Workload[] = [];
      const held: string[][] = [];
      let used = 0;
      for (const count of COUNTS) {
        const home = join(directory, String(count));
        mkdirSync(home);
        writeFileSync(join(home, "bundle.json"), bundleDocument(keys));
        writeFileSync(join(home, "ca.pem"), endpoint.caPem);
        const others = Array.from({ length: count - 1 }, (_, n) => ({
          kind: "spiffe",
          trust_domain: `td-${n}.example`,
          bundle: {
            url: endpoint.url,
            profile: "https_web",
            ca_file: "./ca.pem",
            allow_private_addresses: true,
            refresh_floor: `${REFRESH_SECONDS}s`,
            refresh_ceiling: `${REFRESH_SECONDS}s`,
          },
        }));
        const server = await startAccredit(home, keys, [], {
          trust: [
            {
              kind: "spiffe",
              trust_domain: TRUST_DOMAIN,
              bundle: { file: "./bundle.json" },
            },
            ...others,
          ],
        });
        owns(server.child);
        // Once all are loaded, what polling them costs.
        await delay(REFRESH_SECONDS * 1000);
        const [requests, cpu] = [endpoint.requests, await server.child.cpu()];
        const watched = options.quick ? QUICK_WATCHED_MS : WATCHED_MS;
        await delay(watched);
        const fetches = endpoint.requests - requests;
        const microseconds = (await server.child.cpu()) - cpu;
        held.push([
          (fetches / (watched / 1000)).toFixed(1),
          (microseconds / Math.max(1, fetches)).toFixed(0),
          residentMiB(server.child.process.pid).toFixed(0),
        ]);
        progress(`${count} trust domains are held`);
        await server.child.stop();
        const again = await startAccredit(home, keys, [], {
          trust: [
            {
              kind: "spiffe",
              trust_domain: TRUST_DOMAIN,
              bundle: { file: "./bundle.json" },
            },
            ...others.map(({ bundle, ...entry }) => ({
              ...entry,
              // No more polls while the registrations are measured.
              bundle: {
                ...bundle,
                refresh_floor: `${USUAL_SECONDS}s`,
                refresh_ceiling: `${USUAL_SECONDS}s`,
              },
            })),
          ],
        });
        owns(again.child);
        workloads.push({
          name: `${count} trust domains`,
          server: again,
          job: (asked) => ({
            kind: "svid-registration",
            url: again.registration,
            audience: again.registration,
            first: (used += asked) - asked,
          }),
        });
      }
      const measured = await measureAll(
        workloads,
        generator,
        options,
        progress,
      );
      const usual = workloads.map(({ server }) =>
        residentMiB(server.child.process.pid).toFixed(0),
      );
      return {
        title: `trust domains held, their bundles fetched every ${REFRESH_SECONDS} s; and every ${USUAL_SECONDS} s while clients register`,
        head: [
          "held",
          "fetches per second",
          "CPU us per fetch",
          "MiB",
          "MiB, usual refresh, under load",
          "new clients per second",
          "p99 ms",
        ],
        rows: measured.map(({ name, perSecond, latencyMs }, index) => [
          name,
          ...(held[index] ?? []),
          usual[index] ?? "",
          perSecond.median.toFixed(0),
          latencyMs.p99.toFixed(1),
        ]),
      };
    } finally {
      await endpoint.close();
    }
  },
};
