/** A metric's name, type and labels. The only source of both `/metrics` and docs/metrics.md. */
export interface MetricRow {
  readonly type: "counter" | "gauge" | "histogram";
  readonly labels: readonly string[];
  readonly help: string;
}

/** Base units (seconds, bytes), as Prometheus recommends. Metrics with the label "model" come and go with it. */
export const metricTable = {
  modelport_rpc_requests_total: {
    type: "counter",
    labels: ["rpc", "protocol", "code"],
    help: "Completed calls, including refused ones, by gRPC code",
  },
  modelport_rpc_duration_seconds: {
    type: "histogram",
    labels: ["rpc", "protocol"],
    help: "Time from a call's headers until its response was handed to the system",
  },
  modelport_rpc_in_flight: {
    type: "gauge",
    labels: ["rpc", "protocol"],
    help: "Calls in progress",
  },
  modelport_access_refusals_total: {
    type: "counter",
    labels: ["right", "reason"],
    help: "Refused clients, by the right that they lacked and the reason",
  },
  modelport_connections: {
    type: "gauge",
    labels: [],
    help: "Open client connections, all protocols",
  },
  modelport_inference_phase_seconds: {
    type: "histogram",
    labels: ["phase"],
    help: "Time of the parts of an inference: decode, queue (waiting here), host (to the engine host and back, including waiting there), compute (the engine), encode",
  },
  modelport_inference_batch_size: {
    type: "histogram",
    labels: [],
    help: "Requests that one engine run has served",
  },
  modelport_inference_waiting: {
    type: "gauge",
    labels: [],
    help: "Inferences that are not yet sent to an engine host",
  },
  modelport_model_requests_total: {
    type: "counter",
    labels: ["model", "version", "outcome"],
    help: "Completed inferences that reached the model: success, failure, rejected (queue full), cancelled (by the client, or timed out)",
  },
  modelport_model_duration_seconds: {
    type: "histogram",
    labels: ["model", "version"],
    help: "Duration of successful inferences, without reading and writing",
  },
  modelport_model_phase_seconds_total: {
    type: "counter",
    labels: ["model", "version", "phase"],
    help: "Total time of all served inferences: queue, host, compute",
  },
  modelport_model_runs_total: {
    type: "counter",
    labels: ["model", "version"],
    help: "Engine runs; requests divided by runs is the mean batch size",
  },
  modelport_model_join_checks_total: {
    type: "counter",
    labels: ["model", "version", "outcome"],
    help: "Batched runs that were compared with single runs of the same requests: same (except for rounding), different (the model's requests are no longer batched)",
  },
  modelport_model_in_flight: {
    type: "gauge",
    labels: ["model", "version"],
    help: "Inferences in flight",
  },
  modelport_model_waiting: {
    type: "gauge",
    labels: ["model", "version"],
    help: "Of those, inferences that are not yet sent to an engine host",
  },
  modelport_model_memory_bytes: {
    type: "gauge",
    labels: ["model", "version"],
    help: "Capacity that the model takes, or has reserved while it loads",
  },
  modelport_models: {
    type: "gauge",
    labels: ["state"],
    help: "Models, by the state of each of their generations",
  },
  modelport_unlisted_models: {
    type: "gauge",
    labels: [],
    help: "Models without series of their own, because METRICS_MAX_MODELS is reached; counted as model _other",
  },
  modelport_memory_capacity_bytes: {
    type: "gauge",
    labels: [],
    help: "Memory for models",
  },
  modelport_memory_used_bytes: {
    type: "gauge",
    labels: [],
    help: "Memory of models that are loaded or being unloaded",
  },
  modelport_memory_reserved_bytes: {
    type: "gauge",
    labels: [],
    help: "Memory reserved by loads in progress",
  },
  modelport_load_duration_seconds: {
    type: "histogram",
    labels: ["outcome"],
    help: "Duration of completed loads, from the call: success, failure, cancelled",
  },
  modelport_load_failures_total: {
    type: "counter",
    labels: ["reason"],
    help: "Failed loads, and models that were given up because their hosts died",
  },
  modelport_model_signatures_total: {
    type: "counter",
    labels: ["outcome"],
    help: "Loads whose signature was checked (MODEL_SIGNING): verified, unsigned, refused",
  },
  modelport_loads: {
    type: "gauge",
    labels: ["state"],
    help: "Loads that are waiting, and loads that are running",
  },
  modelport_unload_duration_seconds: {
    type: "histogram",
    labels: [],
    help: "Time from the end of service until the memory was free",
  },
  modelport_model_losses_total: {
    type: "counter",
    labels: [],
    help: "Models whose engine host died while they served",
  },
  modelport_model_recoveries_total: {
    type: "counter",
    labels: [],
    help: "Of those, models that were loaded again",
  },
  modelport_hosts: {
    type: "gauge",
    labels: ["kind"],
    help: "Engine hosts: shared, dedicated to one model, spare",
  },
  modelport_host_memory_bytes: {
    type: "gauge",
    labels: ["kind"],
    help: "Measured private memory of engine hosts",
  },
  modelport_host_start_seconds: {
    type: "histogram",
    labels: [],
    help: "Start time of engine hosts",
  },
  modelport_host_ends_total: {
    type: "counter",
    labels: ["reason"],
    help: "Engine hosts that have ended: crashed, killed (they did not respond), unloaded (with their model), recycled, cancelled (with a load), not-started",
  },
  modelport_run_memory_budget_bytes: {
    type: "gauge",
    labels: [],
    help: "Memory that the runs of all hosts may take together, in addition to the models (RUN_MEMORY_BYTES); 0: no limit",
  },
  modelport_run_memory_admitted_bytes: {
    type: "gauge",
    labels: [],
    help: "Of that, memory granted to current runs",
  },
  modelport_run_memory_waiting: {
    type: "gauge",
    labels: [],
    help: "Models whose next run waits for memory",
  },
  modelport_run_memory_refusals_total: {
    type: "counter",
    labels: [],
    help: "Inferences refused because a run of their shapes needs more memory than all runs may take",
  },
  modelport_embedding_cache_lookups_total: {
    type: "counter",
    labels: ["outcome"],
    help: "Texts that were looked up in the cache of embeddings: hit, miss",
  },
  modelport_embedding_cache_entries: {
    type: "gauge",
    labels: [],
    help: "Texts in the cache of embeddings",
  },
  modelport_embedding_cache_bytes: {
    type: "gauge",
    labels: [],
    help: "Memory of the cache of embeddings (EMBEDDING_CACHE_BYTES)",
  },
  modelport_repository_polls_total: {
    type: "counter",
    labels: ["outcome"],
    help: "Polls of the local repository (REPOSITORY_POLL_SECONDS): success, failure (it could not be read)",
  },
  modelport_repository_changes_total: {
    type: "counter",
    labels: ["outcome"],
    help: "Changes of models that polls have found and that were loaded or unloaded: success, failure (what served before serves on)",
  },
  modelport_repository_last_poll_timestamp_seconds: {
    type: "gauge",
    labels: [],
    help: "End of the latest poll that succeeded, in seconds since 1970; 0: there was none",
  },
  modelport_repository_poll_seconds: {
    type: "gauge",
    labels: [],
    help: "Duration of that poll",
  },
  modelport_repository_models: {
    type: "gauge",
    labels: ["state"],
    help: "Models of the repository that differ from what is loaded: settling (their files were just changed), failing (their latest change did not load)",
  },
  modelport_payload_log_events_total: {
    type: "counter",
    labels: ["type"],
    help: "Events of the payload log that its sink has taken: request, response",
  },
  modelport_payload_log_dropped_total: {
    type: "counter",
    labels: ["reason"],
    help: "Events of the payload log that were dropped: queue_full, sink_failed (all tries), sink_refused, disk_full, thread_failed, shutdown, unreadable",
  },
  modelport_payload_log_queue_bytes: {
    type: "gauge",
    labels: [],
    help: "Payloads that wait to be sent, of PAYLOAD_LOG_QUEUE_BYTES",
  },
  modelport_payload_log_queue_events: {
    type: "gauge",
    labels: [],
    help: "Events that wait to be sent, of PAYLOAD_LOG_QUEUE_EVENTS",
  },
  modelport_payload_log_failing: {
    type: "gauge",
    labels: [],
    help: "1 while the sink of the payload log cannot be reached, or refuses events",
  },
  modelport_ready: {
    type: "gauge",
    labels: [],
    help: "1 while models can be loaded and run",
  },
  modelport_build_info: {
    type: "gauge",
    labels: ["version", "node", "engine"],
    help: "1; the labels name the running versions",
  },
} as const satisfies Record<string, MetricRow>;

export type MetricName = keyof typeof metricTable;
