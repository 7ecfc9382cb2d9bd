import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { FakeBundleEndpoint } from "@accredit/testkit";
import { startLoad, unexpected } from "./load.ts";
import { makePlace, mint, type Place } from "./place.ts";
import type { Scenario } from "./scenario.ts";
import { startAccredit } from "./server-process.ts";
import { QUICK, SLOW } from "./troubles.ts";
import { verifyDatabase } from "./verify.ts";

const PATIENCE_MS = 60_000;
/** How long the load goes on with nobody at the endpoint: some attempts to read it. */
const GONE_MS = 3000;

/** The bundle endpoint is cut, garbled, slow and gone; who was trusted goes on, and new keys come after (Q11). */
export const bundleEndpoint: Scenario = async ({ directory, short }) => {
  const home = join(directory, "bundle-endpoint");
  const endpoint = await FakeBundleEndpoint.start();
  mkdirSync(home, { recursive: true });
  writeFileSync(join(home, "ca.pem"), endpoint.caPem);
  const bundle = {
    url: endpoint.url,
    profile: "https_web",
    ca_file: "./ca.pem",
    allow_private_addresses: true,
    refresh_floor: "1s",
    refresh_ceiling: "1s",
  };
  const place = await makePlace(home, { bundle });
  endpoint.serve(place.authority.bundleDocument());
  const server = await startAccredit(home, place.issuer);
  const problems: string[] = [];
  const troubles = short ? QUICK : [...QUICK, ...SLOW];

  await until(async () => (await registerOnce(place)) === 201);
  const load = startLoad(place);
  for (const [, answer] of troubles) {
    endpoint.serve(answer);
    const { requests } = endpoint;
    // Two, so that the first one has been dealt with.
    await until(async () => endpoint.requests >= requests + 2);
  }
  await load.stop();

  await place.authority.addKey();
  endpoint.serve(place.authority.bundleDocument());
  // Signed with the new key: it is refused until the endpoint was read again.
  await until(async () => (await registerOnce(place)) === 201);
  const again = startLoad(place);
  await endpoint.close();
  await sleep(GONE_MS);
  await again.stop();
  for (const each of [load, again])
    problems.push(...unexpected(each, [201]), ...each.cuts);
  const acknowledged = [...load.acknowledged, ...again.acknowledged];
  if (load.acknowledged.length === 0 || again.acknowledged.length === 0)
    problems.push("nothing was acknowledged");
  await server.end("SIGTERM");

  const found = await verifyDatabase(place.databaseFile, acknowledged);
  return {
    name: "broken bundle endpoint under load",
    faults: `${troubles.length + 1} kinds`,
    acknowledged: acknowledged.length,
    lost: found.lost,
    problems: [...problems, ...found.problems],
  };
};

async function registerOnce(place: Place): Promise<number> {
  const audience = `${place.issuer}/register`;
  const subject = "spiffe://example.org/probe";
  const response = await fetch(audience, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({
      software_statement: await mint(place, subject, audience),
    }),
  });
  await response.text();
  return response.status;
}

async function until(holds: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + PATIENCE_MS;
  while (!(await holds())) {
    if (performance.now() > deadline)
      throw new Error("the server did not come to what was expected of it");
    await sleep(50);
  }
}
