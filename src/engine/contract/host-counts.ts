import { Histogram } from "../../base/histogram.ts";

/** Why a host ended. "crashed": by itself, or another process killed it; "killed": by us, because it did not
 *  do its work; "unloaded": with the model that it was for; "recycled": replaced by a fresh one; "cancelled":
 *  with a load that was given up; "not-started": before it was ready. */
export type HostEnd = "crashed" | "killed" | "unloaded" | "recycled" | "cancelled" | "not-started";

const startBoundsMs = [50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 30_000];

/** How engine hosts have fared since the start. Hosts that end with the server do not count. */
export class HostCounts {
  /** Start times in milliseconds, of each host that started. */
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
