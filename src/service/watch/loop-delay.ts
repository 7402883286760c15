import { monitorEventLoopDelay } from "node:perf_hooks";
import type { RuntimeFigures } from "../contract/runtime-feed.ts";

/** How often the event loop is asked, in milliseconds. */
const resolutionMs = 10;

/** Measures how late the event loop of this process is, while it is enabled. */
export class LoopDelay {
  readonly #histogram = monitorEventLoopDelay({ resolution: resolutionMs });

  enable(): void {
    this.#histogram.reset();
    this.#histogram.enable();
  }

  disable(): void {
    this.#histogram.disable();
  }

  /** What was measured since the last call, or since it was enabled; undefined if nothing was. */
  take(): RuntimeFigures["loopDelay"] {
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

/** Node counts nanoseconds between two looks, the intended pause included. */
function lateMs(betweenNs: number): number {
  return Math.max(0, betweenNs / 1e6 - resolutionMs);
}
