import type { JSX } from "preact";
import { formatMs, formatRate } from "../page-figures.ts";
import { usePage } from "../state/page-state.ts";
import type { TrafficSeries } from "../state/traffic-history.ts";
import { LineChart } from "./line-chart.tsx";

/** Throughput and latency over the last minutes: of one generation, or of all models together. */
export function TrafficCharts(props: { title: string; generation?: bigint }): JSX.Element {
  const { history } = usePage().store;
  // Read, so that each sample triggers a render.
  history.revision.value;
  const series = history.series(props.generation);
  return (
    <section class="card" aria-labelledby="traffic-title">
      <h2 id="traffic-title">{props.title}</h2>
      <div class="charts">
        <LineChart
          title="Throughput"
          unit="requests a second"
          times={series.times}
          format={formatRate}
          lines={[
            { name: "requests", color: "--line-1", values: series.requestsPerSecond },
            { name: "errors", color: "--line-bad", values: series.errorsPerSecond },
          ]}
        />
        <LineChart
          title="Latency"
          unit="milliseconds"
          times={series.times}
          format={formatMs}
          lines={latencyLines(series)}
        />
      </div>
    </section>
  );
}

function latencyLines({ p50, p95, p99 }: TrafficSeries) {
  return [
    { name: "p50", color: "--line-1", values: p50 },
    { name: "p95", color: "--line-2", values: p95 },
    { name: "p99", color: "--line-3", values: p99 },
  ];
}
