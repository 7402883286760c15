import type { EngineLog } from "../contract/engine-log.ts";
import type { EngineHost } from "./engine-host.ts";
import type { RecyclablePool } from "./recycler.ts";

/** What became of a host's models: they moved, or they stay because nothing could take them at the moment, or
 *  ever. */
export type Vacated = "moved" | "not-now" | "stayed";

/** How a host takes over the models of another. */
export interface Adoption {
  /** The former host gives nothing back for now, and no one waits for that. */
  readonly isBusy: boolean;
  /** This model stays where it is. */
  readonly stuck?: object | undefined;
}

export interface VacateOptions {
  /** The most memory that models may take twice while they are moved; 0: unlimited. */
  readonly mostBytes: number;
  /** Between two checks of a host that is not empty yet. */
  readonly intervalMs: number;
  readonly log: EngineLog;
}

/** Moves the models of `host`, which is busy with something that does not end, to a fresh one, so that the
 *  host can be killed without a loss. `stuck`: the model whose own run that is; it stays. A host that turns
 *  out to go on is retired when it is empty. */
export async function vacate(
  pool: RecyclablePool,
  host: EngineHost,
  stuck: object | undefined,
  { mostBytes, intervalMs, log }: VacateOptions,
): Promise<Vacated> {
  const { residentBytes, modelCount: models } = host;
  // The host is busy and gives nothing back: all are in memory twice until it ends.
  if (mostBytes > 0 && residentBytes > mostBytes) return "stayed";
  const successor = pool.replace(host);
  if (successor === undefined) return "not-now";
  const facts = { hostPid: host.process.pid, successorPid: successor.process.pid, models };
  const startMs = performance.now();
  try {
    await successor.adoptFrom(host, { isBusy: true, stuck });
  } catch {
    // The successor was lost, or a model cannot be loaded again: models that have not moved stay.
    pool.finish(host, false);
    return "stayed";
  }
  const tookMs = Math.round(performance.now() - startMs);
  log.warn({ ...facts, tookMs }, "models moved from a busy engine host");
  void followLater(pool, host, successor, intervalMs);
  return "moved";
}

/** The caller kills the host now, unless its work has ended: then the remaining models follow. */
async function followLater(
  pool: RecyclablePool,
  host: EngineHost,
  successor: EngineHost,
  intervalMs: number,
): Promise<void> {
  let isEmpty = false;
  try {
    while (host.process.isAlive && host.committedBytes > 0) {
      await pause(intervalMs);
      if (host.process.isAlive) await successor.adoptFrom(host, { isBusy: false });
    }
    isEmpty = true;
  } catch {
    // The remaining models stay, and the host takes models again.
  } finally {
    pool.finish(host, isEmpty);
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms).unref());
}
