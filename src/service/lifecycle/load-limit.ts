import { RuntimeError } from "../../base/errors.ts";
import type { ModelRecord } from "./model-record.ts";

/** Why a load ends that was not finished within `limitMs`: names the step that it had reached. */
export function lateLoad(record: ModelRecord, limitMs: number): RuntimeError {
  return new RuntimeError(
    "deadline-exceeded",
    `model '${record.label}' was not loaded within ${limitMs} ms (${describeProgress(record)})`,
  );
}

function describeProgress({ pull, source, state, times }: ModelRecord): string {
  if (state.tag !== "queued") return `still ${state.tag}`;
  if (pull !== undefined && times.durationMs("pull") === undefined) {
    const { receivedBytes, totalBytes = "an unknown number of" } = pull.progress;
    return `still being pulled, ${receivedBytes} of ${totalBytes} bytes`;
  }
  return source === undefined ? "its files were still being inspected" : "still queued";
}
