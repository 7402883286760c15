import { setTimeout as sleep } from "node:timers/promises";

/** The time by which ModelMesh waits of its own accord: polls, pauses before unloads, retries, expiries.
 *  What it grants the runtime (deadlines, load timeouts) is real time, since the runtime is real. */
export interface MeshClock {
  /** Times faster than the clock on the wall. */
  readonly scale: number;
  nowMs(): number;
  /** Rejects with an AbortError when `signal` aborts. */
  delay(ms: number, signal?: AbortSignal): Promise<void>;
}

export function scaledClock(scale: number): MeshClock {
  const startedMs = performance.now();
  return {
    scale,
    nowMs: () => (performance.now() - startedMs) * scale,
    delay: (ms, signal) => sleep(ms / scale, undefined, signal === undefined ? {} : { signal }),
  };
}
