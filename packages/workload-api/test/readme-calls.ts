import { createWorkloadApiClient } from "@accredit/workload-api";

const address = "unix:///run/spire/agent.sock";
const client = createWorkloadApiClient({ address });

const [svid] = await client.fetchJwtSvid({ audience: ["https://as.example"] });
console.log(svid?.spiffeId);
for await (const bundles of client.watchJwtBundles()) {
  console.log([...bundles.keys()]); // trust domain ID -> JWK Set, the whole state each time
  break;
}
client.close();
