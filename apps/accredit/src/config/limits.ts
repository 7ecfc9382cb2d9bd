import { section } from "./section.ts";
import { shortDuration, whole } from "./values.ts";

/** The section `limits`. */
export const limits = section({
  registrations_per_minute_per_prefix: whole(1, 1_000_000_000)
    .default(600)
    .describe(
      "New clients a minute, and so many at once, of one trust domain and the first two segments of its path (`/ns/<namespace>`), or of one issuer. Renewals do not count and are never refused. Refused requests of proven workloads have a limit of the same size.",
    ),
  failed_attempts_per_second_per_address: whole(1, 1_000_000)
    .default(10)
    .describe(
      "Requests of one address (an IPv6 /64) a second whose credential does not hold that are told why and written to the audit trail, five times as many at once; more get 429 and are only counted. A good request is never refused by its address. Past that, its requests are worked on four at a time. Behind a proxy or balancer that opens connections of its own, all who come through it are one address, unless `listen.trusted_proxies` names it.",
    ),
  max_event_loop_delay: shortDuration("50ms", "1m")
    .prefault("500ms")
    .describe(
      "How long work may wait in the process; beyond, all but public documents gets 503 until it keeps up again. From a quarter of it on, as a request waits at several places, fewer requests are worked on at once; at most 2000 ever are.",
    ),
});
