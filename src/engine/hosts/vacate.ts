import type { EngineLog } from "../contract/engine-log.ts";
import type { EngineHost } from "./engine-host.ts";
import type { RecyclablePool } from "./host-recycler.ts";

/** What became of the models of a host: they are elsewhere, or they stay because nothing could take them at
 *  the moment, or at all. */
export type Vacated = "moved" | "not-now" | "stayed";

/** How a host takes over the models of another. */
export interface Adoption {
  /** The former host gives nothing back for now: nobody waits for that. */
  readonly isBusy: boolean;
  /** Stays where it is. */
  readonly stuck?: object | undefined;
}

export interface VacateOptions {
  /** What the models may take twice while they are moved; 0: any amount. */
  readonly mostBytes: number;
  /** Between two looks at a host that is not empty yet. */
  readonly intervalMs: number;
  readonly log: EngineLog;
}

/** Has the models of `host`, which is at something that does not end, move to a fresh one, so that the host can be
 *  ended without a loss. `stuck`: the model whose own run that is, which stays. A host that goes on after all is
 *  given up when it is empty. */
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
    // The successor was lost, or a model cannot be loaded again: who has not moved stays.
    pool.finish(host, false);
    return "stayed";
  }
  const tookMs = Math.round(performance.now() - startMs);
  log.warn({ ...facts, tookMs }, "models moved from a busy engine host");
  void followLater(pool, host, successor, intervalMs);
  return "moved";
}

/** Whoever asked for the move ends the host now, unless what it was at has ended: then the rest follows. */
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
    // What is left stays, and the host takes models again.
  } finally {
    pool.finish(host, isEmpty);
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms).unref());
}
