import {
  createX509Source,
  workloadApiAddressFromEnvironment,
} from "@accredit/workload-api";

const address = workloadApiAddressFromEnvironment(process.env); // SPIFFE_ENDPOINT_SOCKET
const source = createX509Source({ address, onError: console.error });

const { svids } = await source.ready(); // the first one is the default identity
console.log(svids[0]?.spiffeId);
source.onChange((context) => {
  console.log(context?.svids[0]?.spiffeId ?? "no identity any more");
});

process.once("SIGTERM", () => source.close()); // nothing else keeps the process
