import { monitorEventLoopDelay } from "node:perf_hooks";

/** How often the event loop is sampled, in milliseconds. */
const resolutionMs = 10;

/** How late the event loop was. */
export interface LoopDelayFigures {
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

/** Measures how late this process's event loop is, while enabled. */
export class LoopDelay {
  readonly #histogram = monitorEventLoopDelay({ resolution: resolutionMs });

  enable(): void {
    this.#histogram.reset();
    this.#histogram.enable();
  }

  disable(): void {
    this.#histogram.disable();
  }

  /** The measurement since the last call, or since it was enabled; undefined if there is none. */
  take(): LoopDelayFigures | undefined {
    const histogram = this.#histogram;
    if (histogram.count === 0) return undefined;
    const taken = {
      p50Ms: lateMs(histogram.percentile(50)),
      p99Ms: lateMs(histogram.percentile(99)),
      maxMs: lateMs(histogram.max),
    };
    histogram.reset();
    return taken;
  }
}

/** Node counts nanoseconds between two samples, including the intended pause. */
function lateMs(betweenNs: number): number {
  return Math.max(0, betweenNs / 1e6 - resolutionMs);
}
