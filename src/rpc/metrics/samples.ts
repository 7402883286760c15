import type { Histogram } from "../../base/histogram.ts";
import type { RuntimeFigures } from "../../service/contract/runtime-feed.ts";
import type { ModelFigures, RuntimeMetrics } from "../../service/watch/runtime-metrics.ts";
import type { RefusalCount } from "../guard/access.ts";
import { type CallMetrics, type CallSeries, codeNames } from "../observe/call-metrics.ts";
import type { PayloadLogFigures } from "../payload-log/payload-log.ts";
import { dropReasons } from "../payload-log/thread-messages.ts";
import type { MetricName } from "./table.ts";

/** Samples with the same labels share one object, which is formatted once. */
export type Labels = Readonly<Record<string, string>>;

export type Sample = (
  | { readonly value: number }
  /** Its values in thousandths of the metric's unit if that is seconds. */
  | { readonly histogram: Histogram }
) & { readonly labels?: Labels };

/** All counts at the moment of one scrape. */
export interface MetricSources {
  readonly calls: CallMetrics;
  readonly runtime: RuntimeMetrics;
  readonly refusals: readonly RefusalCount[];
  readonly payloads: PayloadLogFigures;
  readonly figures: RuntimeFigures;
  readonly models: readonly ModelFigures[];
}

/** Total on purpose: a metric without samples does not compile. */
export const samplesOf: Readonly<Record<MetricName, (sources: MetricSources) => Sample[]>> = {
  modelport_rpc_requests_total: ({ calls }) =>
    [...calls.series()].flatMap(({ rpc, protocol, ended }) =>
      codeNames.flatMap((code, at) => {
        const value = ended[at] as number;
        return value === 0 ? [] : [{ value, labels: { rpc, protocol, code } }];
      }),
    ),
  modelport_rpc_duration_seconds: ({ calls }) =>
    Array.from(calls.series(), (series) => ({
      histogram: series.duration,
      labels: labelsOfCalls(series),
    })),
  modelport_rpc_in_flight: ({ calls }) =>
    Array.from(calls.series(), (series) => ({
      value: series.begun - series.duration.count,
      labels: labelsOfCalls(series),
    })),
  modelport_access_refusals_total: ({ refusals }) =>
    refusals.map(({ right, reason, count }) => ({ value: count, labels: { right, reason } })),
  modelport_connections: ({ figures }) => [{ value: figures.connections }],
  modelport_inference_phase_seconds: ({ calls, runtime }) => {
    const { queue, host, compute } = runtime.inference;
    const phases = { decode: calls.decode, queue, host, compute, encode: calls.encode };
    return Object.entries(phases).map(([phase, histogram]) => ({ histogram, labels: { phase } }));
  },
  modelport_inference_batch_size: ({ runtime }) => [{ histogram: runtime.inference.batchSize }],
  modelport_inference_waiting: ({ models }) => [
    { value: models.reduce((sum, { waitingRuns }) => sum + waitingRuns, 0) },
  ],
  modelport_model_requests_total: ({ models }) =>
    models.flatMap(({ name: model, version, series }) =>
      Object.entries(series.outcomes).map(([outcome, value]) => ({
        value,
        labels: { model, version, outcome },
      })),
    ),
  modelport_model_duration_seconds: ({ models }) =>
    models.map((model) => ({ histogram: model.series.duration, labels: labelsOf(model) })),
  modelport_model_phase_seconds_total: ({ models }) =>
    models.flatMap(({ name: model, version, series }) => {
      const { queueMs: queue, hostMs: host, computeMs: compute } = series;
      return Object.entries({ queue, host, compute }).map(([phase, ms]) => ({
        value: ms / 1_000,
        labels: { model, version, phase },
      }));
    }),
  modelport_model_runs_total: perModel(({ series }) => series.runs),
  modelport_model_join_checks_total: ({ models }) =>
    models.flatMap(({ name: model, version, series }) =>
      Object.entries(series.joinChecks).map(([outcome, value]) => ({
        value,
        labels: { model, version, outcome },
      })),
    ),
  modelport_model_in_flight: perModel(({ inFlight }) => inFlight),
  modelport_model_waiting: perModel(({ waitingRuns }) => waitingRuns),
  modelport_model_memory_bytes: perModel(({ heldBytes }) => heldBytes),
  modelport_models: ({ runtime }) => byLabel("state", runtime.modelsByState()),
  modelport_unlisted_models: ({ runtime }) => [{ value: runtime.inference.unlistedCount }],
  modelport_memory_capacity_bytes: ({ figures }) => [{ value: figures.capacityBytes }],
  modelport_memory_used_bytes: ({ figures }) => [{ value: figures.usedBytes }],
  modelport_memory_reserved_bytes: ({ figures }) => [{ value: figures.reservedBytes }],
  modelport_load_duration_seconds: ({ runtime }) =>
    Object.entries(runtime.lifecycle.loads).map(([outcome, histogram]) => ({
      histogram,
      labels: { outcome },
    })),
  modelport_load_failures_total: ({ runtime }) =>
    byLabel("reason", Object.fromEntries(runtime.lifecycle.failures)),
  modelport_model_signatures_total: ({ runtime }) =>
    byLabel("outcome", runtime.signatures ?? { verified: 0, unsigned: 0, refused: 0 }),
  modelport_loads: ({ figures }) =>
    byLabel("state", { waiting: figures.loadsWaiting, running: figures.loadsRunning }),
  modelport_unload_duration_seconds: ({ runtime }) => [{ histogram: runtime.lifecycle.unloads }],
  modelport_model_losses_total: ({ runtime }) => [{ value: runtime.lifecycle.lostCount }],
  modelport_model_recoveries_total: ({ runtime }) => [{ value: runtime.lifecycle.recoveredCount }],
  modelport_hosts: ({ figures }) => byKind(figures, () => 1),
  modelport_host_memory_bytes: ({ figures }) =>
    byKind(figures, ({ memoryBytes }) => memoryBytes ?? 0),
  modelport_host_start_seconds: ({ runtime }) => [{ histogram: runtime.hostCounts.starts }],
  modelport_host_ends_total: ({ runtime }) => byLabel("reason", runtime.hostCounts.ends),
  modelport_run_memory_budget_bytes: ({ runtime }) => [
    { value: runtime.runMemory?.totalBytes ?? 0 },
  ],
  modelport_run_memory_admitted_bytes: ({ runtime }) => [
    { value: runtime.runMemory?.admittedBytes ?? 0 },
  ],
  modelport_run_memory_waiting: ({ runtime }) => [{ value: runtime.runMemory?.waitingCount ?? 0 }],
  modelport_run_memory_refusals_total: ({ runtime }) => [
    { value: runtime.runMemory?.refusedCount ?? 0 },
  ],
  modelport_embedding_cache_lookups_total: ({ runtime }) => {
    const { hits: hit, misses: miss } = runtime.embeddings?.counts ?? { hits: 0, misses: 0 };
    return byLabel("outcome", { hit, miss });
  },
  modelport_embedding_cache_entries: ({ runtime }) => [{ value: runtime.embeddings?.entries ?? 0 }],
  modelport_embedding_cache_bytes: ({ runtime }) => [{ value: runtime.embeddings?.sizeBytes ?? 0 }],
  modelport_repository_polls_total: ({ figures: { polling } }) =>
    byLabel("outcome", { success: polling.polls, failure: polling.failedPolls }),
  modelport_repository_changes_total: ({ figures: { polling } }) =>
    byLabel("outcome", { success: polling.changes, failure: polling.failedChanges }),
  modelport_repository_last_poll_timestamp_seconds: ({ figures }) => [
    { value: figures.polling.lastPollMs / 1_000 },
  ],
  modelport_repository_poll_seconds: ({ figures }) => [{ value: figures.polling.tookMs / 1_000 }],
  modelport_repository_models: ({ figures: { polling } }) =>
    byLabel("state", { settling: polling.settlingCount, failing: polling.failingCount }),
  modelport_payload_log_events_total: ({ payloads }) => byLabel("type", payloads.logged),
  modelport_payload_log_dropped_total: ({ payloads }) =>
    dropReasons.map((reason) => ({
      value: payloads.dropped.get(reason) ?? 0,
      labels: { reason },
    })),
  modelport_payload_log_queue_bytes: ({ payloads }) => [{ value: payloads.queueBytes }],
  modelport_payload_log_queue_events: ({ payloads }) => [{ value: payloads.queueEvents }],
  modelport_payload_log_failing: ({ payloads }) => [{ value: Number(payloads.isFailing) }],
  modelport_ready: ({ figures }) => [{ value: figures.phase === "ready" ? 1 : 0 }],
  modelport_build_info: ({ figures }) => {
    const { modelport: version, node, engine } = figures.versions;
    return [{ value: 1, labels: { version, node, engine } }];
  },
};

function labelsOfCalls({ rpc, protocol }: CallSeries): Labels {
  return { rpc, protocol };
}

function labelsOf({ name: model, version }: ModelFigures): Labels {
  return { model, version };
}

function perModel(read: (model: ModelFigures) => number): (sources: MetricSources) => Sample[] {
  return ({ models }) => models.map((model) => ({ value: read(model), labels: labelsOf(model) }));
}

function byLabel(label: string, values: Readonly<Record<string, number>>): Sample[] {
  return Object.entries(values).map(([each, value]) => ({ value, labels: { [label]: each } }));
}

type Host = RuntimeFigures["hosts"][number];

function byKind({ hosts }: RuntimeFigures, read: (host: Host) => number): Sample[] {
  const sums: Record<Host["kind"], number> = { shared: 0, dedicated: 0, spare: 0 };
  for (const host of hosts) sums[host.kind] += read(host);
  return byLabel("kind", sums);
}
