import type { ModelFailures, ModelRow, RuntimeFeed } from "../../service/contract/runtime-feed.ts";

// What /debug shows about models and hosts: the watchers' data, arranged differently.

/** The processes that hold models, and their models. */
export function hostsView(feed: RuntimeFeed): object {
  const { rows, runtime } = lookAt(feed);
  return {
    hosts: runtime.hosts.map((host) => ({
      ...host,
      models: rows
        .filter(({ hostPid }) => hostPid === host.pid)
        .map((row) => ({
          ...nameOf(row),
          heldBytes: row.heldBytes,
          inFlight: row.leases,
          waiting: row.waitingRuns,
        })),
    })),
  };
}

/** The queues: loads that wait for their turn, inferences that wait for their hosts. Models without inferences
 *  in flight are left out. */
export function queuesView(feed: RuntimeFeed): object {
  const { rows, runtime } = lookAt(feed);
  const { loadsWaiting, loadsRunning, loadsLimit, capacityBytes, usedBytes, reservedBytes } =
    runtime;
  return {
    loads: {
      waiting: loadsWaiting,
      running: loadsRunning,
      limit: loadsLimit,
      underWay: rows.filter(isComing).map((row) => ({
        ...nameOf(row),
        state: stateOf(row),
        sinceMs: row.history[0]?.timeMs,
        predictedBytes: row.predictedBytes,
      })),
    },
    memory: { capacityBytes, usedBytes, reservedBytes },
    inferences: rows
      .filter(({ leases, waitingRuns }) => leases > 0 || waitingRuns > 0)
      .map((row) => ({
        ...nameOf(row),
        inFlight: row.leases,
        waiting: row.waitingRuns,
        hostPid: row.hostPid,
      })),
  };
}

/** Recent problems: state changes of models that have a reason, and failed inferences. Oldest first. */
export function errorsView(feed: RuntimeFeed): object {
  const failures = new Map(feed.failures().map((each) => [each.model.generation, each]));
  const { rows, events } = lookAt(feed);
  const models = rows.flatMap((row) => {
    const steps = row.history.filter(({ reason }) => reason !== "");
    const { failures: inferences = [] }: Partial<ModelFailures> =
      failures.get(row.generation) ?? {};
    if (steps.length === 0 && inferences.length === 0) return [];
    return [{ ...nameOf(row), state: stateOf(row), steps, inferences }];
  });
  return { models, events: events.filter(({ reason }) => reason !== "") };
}

function lookAt(feed: RuntimeFeed) {
  const { rows, events, runtime } = feed.snapshot();
  if (runtime === undefined) throw new Error("a snapshot has the figures of the runtime");
  return { rows, events, runtime };
}

function isComing(row: ModelRow): boolean {
  return ["queued", "loading", "reloading"].includes(stateOf(row));
}

function stateOf({ history }: ModelRow): string {
  return history.at(-1)?.state ?? "queued";
}

function nameOf({ name, version, generation }: ModelRow) {
  return { name, version, generation };
}
