import type { PollingFigures } from "../contract/polling-figures.ts";

/** The figures of a repository that is not polled. `reason`: one line. */
export function noPolling(reason: string): PollingFigures {
  return {
    state: "off",
    reason,
    intervalMs: 0,
    lastPollMs: 0,
    tookMs: 0,
    readingSinceMs: 0,
    polls: 0,
    failedPolls: 0,
    changes: 0,
    failedChanges: 0,
    settling: [],
    settlingCount: 0,
    failing: [],
    failingCount: 0,
  };
}
