import { GRPCInferenceService } from "../../../gen/inference/inference_pb.ts";
import { ModelState, type ModelStatus } from "../../../gen/modelport/v1/runtime_watch_pb.ts";
import { printable } from "../../base/errors.ts";
import { formatBytes, formatMs } from "../../clients/figures.ts";
import { joiningText, signatureText, stateName } from "../../clients/state-names.ts";
import type { ServerConnection } from "../connect/server-connection.ts";
import { showSpec } from "../inputs/tensor-value.ts";
import { modelLabel } from "./model-label.ts";
import type { ModelList } from "./model-list.ts";
import { count, formatRate, formatTable, formatTime } from "./terminal-text.ts";

/** Everything that is known about one model, for people. */
export async function describeModel(server: ServerConnection, list: ModelList): Promise<string> {
  const blocks = await Promise.all(list.loaded.map((model) => describeLoaded(server, model)));
  for (const { name, version, reason } of list.unloaded) {
    const rows = [["state", "not loaded, in the repository"]];
    if (reason !== "") rows.push(["reason", reason]);
    blocks.push(block(modelLabel({ id: name, version }), rows));
  }
  return blocks.join("\n");
}

async function describeLoaded(server: ServerConnection, model: ModelStatus): Promise<string> {
  const joining = joiningText(model);
  const signature = signatureText(model);
  const rows = [
    ["state", `${stateName(model.state)} since ${formatTime(model.stateSinceMs)}`],
    ...(model.reason === "" ? [] : [["reason", model.reason]]),
    ["history", describeHistory(model)],
    ["path", model.path],
    ...(model.versionAliases.length === 0 ? [] : [["aliases", model.versionAliases.join(", ")]]),
    ...(model.versionPolicy === "" ? [] : [["versions served", model.versionPolicy]]),
    ...(model.type === "" ? [] : [["type", model.type]]),
    ["loaded by", model.pinned ? "the local repository" : "loadModel"],
    ["memory", describeMemory(model)],
    ...(model.hostPid === 0 ? [] : [["host", `process ${model.hostPid}`]]),
    ...(model.loadMs === 0 ? [] : [["loaded in", formatMs(model.loadMs)]]),
    ...(joining === undefined ? [] : [["joining", joining]]),
    ...(signature === undefined ? [] : [["signature", signature]]),
    ["loads", `${model.loads}, and ${model.loadFailures} failed`],
    ...describeTraffic(model),
    ...(model.state === ModelState.READY ? await describeTensors(server, model) : []),
  ];
  return block(modelLabel(model), rows);
}

function describeHistory({ history }: ModelStatus): string {
  return history.map(({ state, timeMs }) => `${stateName(state)} ${formatTime(timeMs)}`).join(", ");
}

function describeMemory({ predictedBytes, reportedBytes, heldBytes }: ModelStatus): string {
  const parts = [
    ...(reportedBytes === 0n ? [] : [`${formatBytes(reportedBytes)} reported`]),
    ...(predictedBytes === 0n ? [] : [`${formatBytes(predictedBytes)} predicted`]),
    `${formatBytes(heldBytes)} held now`,
  ];
  return parts.join(", ");
}

function describeTraffic({ traffic, leases, queueLength }: ModelStatus): string[][] {
  if (traffic === undefined) return [];
  const { requestsPerSecond, errorsPerSecond, p50Ms, p99Ms, succeededTotal, failedTotal } = traffic;
  const latency =
    p50Ms === undefined || p99Ms === undefined
      ? []
      : [["latency", `${formatMs(p50Ms)} median, ${formatMs(p99Ms)} at the 99th percentile`]];
  return [
    ["inferences", `${succeededTotal} succeeded, ${failedTotal} failed`],
    ["now", `${formatRate(requestsPerSecond)}, ${formatRate(errorsPerSecond)} failing`],
    ...latency,
    ["in flight", `${leases}, of which ${count(queueLength, "inference")} in the queue`],
  ];
}

async function describeTensors(
  server: ServerConnection,
  { id, version }: ModelStatus,
): Promise<string[][]> {
  const client = server.client(GRPCInferenceService);
  const { inputs, outputs } = await client.modelMetadata({ name: id, version });
  return [
    ...inputs.map((tensor, at) => [at === 0 ? "inputs" : "", showSpec(tensor)]),
    ...outputs.map((tensor, at) => [at === 0 ? "outputs" : "", showSpec(tensor)]),
  ];
}

function block(title: string, rows: readonly (readonly string[])[]): string {
  return `${printable(title)}\n${formatTable(rows.map((row) => [" ", ...row]))}`;
}
