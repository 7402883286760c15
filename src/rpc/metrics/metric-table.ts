/** A metric as its name, type and labels promise it. The one source of what `/metrics` says and of
 *  docs/metrics.md. */
export interface MetricRow {
  readonly type: "counter" | "gauge" | "histogram";
  readonly labels: readonly string[];
  readonly help: string;
}

/** Base units (seconds, bytes), as Prometheus has it. Those with the label "model" come and go with it. */
export const metricTable = {
  modelport_rpc_requests_total: {
    type: "counter",
    labels: ["rpc", "protocol", "code"],
    help: "Calls that have ended, refused ones included, by gRPC's code",
  },
  modelport_rpc_duration_seconds: {
    type: "histogram",
    labels: ["rpc", "protocol"],
    help: "From the headers of a call until its answer was handed to the system",
  },
  modelport_rpc_in_flight: {
    type: "gauge",
    labels: ["rpc", "protocol"],
    help: "Calls that have begun and not ended",
  },
  modelport_access_refusals_total: {
    type: "counter",
    labels: ["right", "reason"],
    help: "Callers that were refused, by the right that they lacked and why",
  },
  modelport_connections: {
    type: "gauge",
    labels: [],
    help: "Open connections of clients, of every protocol",
  },
  modelport_inference_phase_seconds: {
    type: "histogram",
    labels: ["phase"],
    help: "Parts of an inference: decode, queue (waiting here), host (to the engine host and back, waiting there included), compute (the engine), encode",
  },
  modelport_inference_batch_size: {
    type: "histogram",
    labels: [],
    help: "Requests that one run of the engine has answered",
  },
  modelport_inference_waiting: {
    type: "gauge",
    labels: [],
    help: "Inferences that no engine host has got yet",
  },
  modelport_model_requests_total: {
    type: "counter",
    labels: ["model", "version", "outcome"],
    help: "Inferences that have reached the model and ended: success, failure, rejected (too many waited), cancelled (by the caller, or out of time)",
  },
  modelport_model_duration_seconds: {
    type: "histogram",
    labels: ["model", "version"],
    help: "Inferences that succeeded, without what reading and writing took",
  },
  modelport_model_phase_seconds_total: {
    type: "counter",
    labels: ["model", "version", "phase"],
    help: "Time of all inferences that were answered: queue, host, compute",
  },
  modelport_model_runs_total: {
    type: "counter",
    labels: ["model", "version"],
    help: "Runs of the engine; requests by runs is the mean batch",
  },
  modelport_model_join_checks_total: {
    type: "counter",
    labels: ["model", "version", "outcome"],
    help: "Runs of joined requests that were compared with single runs of the same: same (but for rounding), different (then the model's requests are joined no more)",
  },
  modelport_model_in_flight: {
    type: "gauge",
    labels: ["model", "version"],
    help: "Inferences that the model has and has not answered",
  },
  modelport_model_waiting: {
    type: "gauge",
    labels: ["model", "version"],
    help: "Of those, the ones that no engine host has got yet",
  },
  modelport_model_memory_bytes: {
    type: "gauge",
    labels: ["model", "version"],
    help: "What the model takes of the capacity, or has reserved while it loads",
  },
  modelport_models: {
    type: "gauge",
    labels: ["state"],
    help: "Models, by the state of each of their generations",
  },
  modelport_unlisted_models: {
    type: "gauge",
    labels: [],
    help: "Models that have no series of their own because METRICS_MAX_MODELS have them; counted under model _other",
  },
  modelport_memory_capacity_bytes: {
    type: "gauge",
    labels: [],
    help: "Memory for models",
  },
  modelport_memory_used_bytes: {
    type: "gauge",
    labels: [],
    help: "Taken by models that are loaded or on their way out",
  },
  modelport_memory_reserved_bytes: {
    type: "gauge",
    labels: [],
    help: "Reserved by loads that are under way",
  },
  modelport_load_duration_seconds: {
    type: "histogram",
    labels: ["outcome"],
    help: "Loads that have ended, from the call on: success, failure, cancelled",
  },
  modelport_load_failures_total: {
    type: "counter",
    labels: ["reason"],
    help: "Loads that failed, and models that were given up because their hosts died",
  },
  modelport_loads: {
    type: "gauge",
    labels: ["state"],
    help: "Loads that wait for their turn, and those that run",
  },
  modelport_unload_duration_seconds: {
    type: "histogram",
    labels: [],
    help: "From the end of service until the memory was free",
  },
  modelport_model_losses_total: {
    type: "counter",
    labels: [],
    help: "Models whose engine host died while they served",
  },
  modelport_model_recoveries_total: {
    type: "counter",
    labels: [],
    help: "Of those, the ones that were loaded again",
  },
  modelport_hosts: {
    type: "gauge",
    labels: ["kind"],
    help: "Engine hosts: shared, dedicated to one model, spare",
  },
  modelport_host_memory_bytes: {
    type: "gauge",
    labels: ["kind"],
    help: "Measured memory of engine hosts that no other process shares",
  },
  modelport_host_start_seconds: {
    type: "histogram",
    labels: [],
    help: "How long engine hosts took to start",
  },
  modelport_host_ends_total: {
    type: "counter",
    labels: ["reason"],
    help: "Engine hosts that have ended: crashed, killed (they did not answer), unloaded (with their model), recycled, cancelled (with a load), not-started",
  },
  modelport_run_memory_budget_bytes: {
    type: "gauge",
    labels: [],
    help: "What runs of all hosts may take at once beside the models (RUN_MEMORY_BYTES); 0: they have no limit",
  },
  modelport_run_memory_admitted_bytes: {
    type: "gauge",
    labels: [],
    help: "Of that, what runs that are under way were let take",
  },
  modelport_run_memory_waiting: {
    type: "gauge",
    labels: [],
    help: "Models whose next run waits until there is memory for it",
  },
  modelport_run_memory_refusals_total: {
    type: "counter",
    labels: [],
    help: "Inferences that were refused because a run of their shapes needs more than all runs may take",
  },
  modelport_ready: {
    type: "gauge",
    labels: [],
    help: "1 while models can be loaded and run",
  },
  modelport_build_info: {
    type: "gauge",
    labels: ["version", "node", "engine"],
    help: "1; the labels say what runs here",
  },
} as const satisfies Record<string, MetricRow>;

export type MetricName = keyof typeof metricTable;
