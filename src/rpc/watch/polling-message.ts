import type { MessageInitShape } from "@bufbuild/protobuf";
import {
  PollingState,
  type RepositoryPollingSchema,
} from "../../../gen/modelport/v1/runtime_watch_pb.ts";
import type { PollingFigures } from "../../service/contract/polling-figures.ts";

const states: Readonly<Record<PollingFigures["state"], PollingState>> = {
  off: PollingState.OFF,
  waiting: PollingState.WAITING,
  reading: PollingState.READING,
};

export function toRepositoryPolling(
  figures: PollingFigures,
): MessageInitShape<typeof RepositoryPollingSchema> {
  return {
    state: states[figures.state],
    reason: figures.reason,
    intervalMs: BigInt(figures.intervalMs),
    lastPollMs: BigInt(figures.lastPollMs),
    tookMs: figures.tookMs,
    readingSinceMs: BigInt(figures.readingSinceMs),
    polls: BigInt(figures.polls),
    failedPolls: BigInt(figures.failedPolls),
    changes: BigInt(figures.changes),
    failedChanges: BigInt(figures.failedChanges),
    settling: figures.settling.map(({ name, sinceMs }) => ({ id: name, sinceMs: BigInt(sinceMs) })),
    settlingCount: figures.settlingCount,
    failing: figures.failing.map(({ name, reason }) => ({ id: name, reason })),
    failingCount: figures.failingCount,
  };
}
