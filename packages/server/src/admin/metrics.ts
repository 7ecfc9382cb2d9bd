import {
  Counter,
  Gauge,
  Histogram,
  Registry,
  collectDefaultMetrics,
} from "prom-client";
import type { DcrErrorCode } from "@accredit/core/errors";

/** One trust source as health and metrics show it. Times in epoch seconds. */
export interface TrustSourceHealth {
  readonly trustDomain: string;
  readonly required: boolean;
  readonly ready: boolean;
  /** Usable JWT authorities. */
  readonly keys: number;
  /** Usable X.509 authorities; none where left out. */
  readonly x509Authorities?: number;
  readonly lastSuccess: number | null;
  readonly lastError: string | null;
}

/** The server's counters; every label has a closed set of values. */
export interface Metrics {
  observeRequest(route: string, status: number, seconds: number): void;
  countRegistration(outcome: "ok" | "server_error" | DcrErrorCode): void;
  /** Counts what a limit refused; such refusals leave no audit row. */
  countLimited(
    limit: "registrations" | "failed_attempts" | "refusals" | "load",
  ): void;
  /** Prometheus text exposition format. */
  render(): Promise<{ readonly contentType: string; readonly text: string }>;
}

/** Makes the metrics of one server, in a registry of their own. */
export function createMetrics(
  trust: () => readonly TrustSourceHealth[],
): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const requests = new Histogram({
    name: "accredit_http_request_duration_seconds",
    help: "Duration of requests on the public listener.",
    labelNames: ["route", "status"],
    buckets: [
      0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5,
    ],
    registers: [registry],
  });
  const registrations = new Counter({
    name: "accredit_registrations_total",
    help: "Registration requests by outcome: ok, or the reason code of the refusal.",
    labelNames: ["outcome"],
    registers: [registry],
  });
  const limited = new Counter({
    name: "accredit_rate_limited_total",
    help: "Requests refused by a limit (429), or sent away because the server had too much to do (503).",
    labelNames: ["limit"],
    registers: [registry],
  });
  trustGauge(
    registry,
    "accredit_trust_source_ready",
    "1 while the trust source has usable keys.",
    trust,
    (source) => (source.ready ? 1 : 0),
  );
  trustGauge(
    registry,
    "accredit_trust_source_keys",
    "Usable JWT authorities held.",
    trust,
    (source) => source.keys,
  );
  trustGauge(
    registry,
    "accredit_trust_source_x509_authorities",
    "Usable X.509 authorities held.",
    trust,
    (source) => source.x509Authorities ?? 0,
  );
  trustGauge(
    registry,
    "accredit_trust_source_last_success_timestamp_seconds",
    "When the bundle was last read with success; 0 if never.",
    trust,
    (source) => source.lastSuccess ?? 0,
  );

  return {
    observeRequest: (route, status, seconds) =>
      requests.observe(
        { route, status: `${Math.floor(status / 100)}xx` },
        seconds,
      ),
    countRegistration: (outcome) => registrations.inc({ outcome }),
    countLimited: (limit) => limited.inc({ limit }),
    render: async () => ({
      contentType: registry.contentType,
      text: await registry.metrics(),
    }),
  };
}

function trustGauge(
  registry: Registry,
  name: string,
  help: string,
  trust: () => readonly TrustSourceHealth[],
  value: (source: TrustSourceHealth) => number,
): void {
  registry.registerMetric(
    new Gauge({
      name,
      help,
      labelNames: ["trust_domain"],
      registers: [],
      collect() {
        this.reset();
        for (const source of trust())
          this.set({ trust_domain: source.trustDomain }, value(source));
      },
    }),
  );
}
