/**
 * A process that uses a source, a client and a stream of the Workload API and closes them. It ends when
 * nothing is left that keeps it alive; `leaks.test.ts` waits for that.
 */
import {
  createJwtSource,
  createWorkloadApiClient,
  workloadApiAddressFromEnvironment,
} from "@accredit/workload-api";

const address = workloadApiAddressFromEnvironment(process.env);
const [, , how] = process.argv;
if (how === "idle") {
  // Not closed: an idle connection does not keep a process alive either.
  const client = createWorkloadApiClient({ address });
  await client.fetchJwtSvid({ audience: ["a"] });
} else {
  const source = createJwtSource({ address });
  const client = createWorkloadApiClient({ address });
  await source.ready();
  for await (const _state of client.watchJwtBundles()) break;
  client.close();
  source.close();
}
console.log("done");
