import { PollingState, type RepositoryPolling } from "../../gen/modelport/v1/runtime_watch_pb.ts";
import { formatAge, formatMs } from "./figures.ts";

const maxShown = 5;

/** How the repository is polled, one line for each thing worth knowing. Empty if polling was not asked for.
 *  `nowMs`: by the runtime's clock. */
export function pollingTexts(polling: RepositoryPolling | undefined, nowMs: bigint): string[] {
  if (polling === undefined || polling.state === PollingState.UNSPECIFIED) return [];
  const { state, reason } = polling;
  if (state === PollingState.OFF) return reason === "" ? [] : [`not polled: ${reason}`];
  const every = `polled every ${formatMs(Number(polling.intervalMs))}`;
  const last =
    polling.lastPollMs === 0n
      ? "not yet read"
      : `read ${formatAge(Number(nowMs - polling.lastPollMs))} ago in ${formatMs(polling.tookMs)}`;
  const changes = `${polling.changes} changes taken, ${polling.failedChanges} failed`;
  return [
    `${every}, ${last}; ${changes}`,
    ...(reason === "" ? [] : [`the latest poll failed: ${reason}`]),
    ...(polling.settlingCount === 0 ? [] : [`waiting to settle: ${settlingText(polling, nowMs)}`]),
    ...polling.failing
      .slice(0, maxShown)
      .map((each) => `change of ${each.id} not taken: ${each.reason}`),
    ...(polling.failingCount > maxShown
      ? [`${polling.failingCount - maxShown} more changes not taken`]
      : []),
  ];
}

function settlingText({ settling, settlingCount }: RepositoryPolling, nowMs: bigint): string {
  const shown = settling
    .slice(0, maxShown)
    .map(({ id, sinceMs }) => `${id} (for ${formatAge(Number(nowMs - sinceMs))})`);
  const more = settlingCount > shown.length ? `, and ${settlingCount - shown.length} more` : "";
  return `${shown.join(", ")}${more}`;
}
