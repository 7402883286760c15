import { Histogram } from "../../base/histogram.ts";

/** Why a host ended. "crashed": by itself, or because somebody else killed it; "killed": by us, because it
 *  did not do what it had to; "unloaded": with the model that it was for; "recycled": a fresh one has
 *  taken its place; "cancelled": with the load that was given up; "not-started": before it was ready. */
export type HostEnd = "crashed" | "killed" | "unloaded" | "recycled" | "cancelled" | "not-started";

const startBoundsMs = [50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 30_000];

/** What has become of engine hosts since the start. Those that end with the server do not count. */
export class HostCounts {
  /** How long they took to start, in milliseconds, of each that did. */
  readonly starts = new Histogram(startBoundsMs);
  readonly ends: Record<HostEnd, number> = {
    crashed: 0,
    killed: 0,
    unloaded: 0,
    recycled: 0,
    cancelled: 0,
    "not-started": 0,
  };
}
