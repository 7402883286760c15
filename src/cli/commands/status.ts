import {
  GetSnapshotResponseSchema,
  HostKind,
  LifecycleOwner,
  type MemoryDivision,
  type PayloadLogState,
  RuntimePhase,
  type RuntimeState,
  RuntimeWatchService,
  type Snapshot,
} from "../../../gen/modelport/v1/runtime_watch_pb.ts";
import { formatAge, formatBytes, formatMebibytes, formatMs } from "../../clients/figures.ts";
import { pollingTexts } from "../../clients/polling-text.ts";
import { stateName } from "../../clients/state-names.ts";
import type { RunCommand } from "../command.ts";
import { withServer } from "../connect/server-connection.ts";
import { exitCodes } from "../exit-code.ts";
import { printMessage } from "../show/print-message.ts";
import { count, formatRate, formatTable } from "../show/terminal-text.ts";

export const run: RunCommand = (args, terminal) =>
  withServer(args, async (server) => {
    const answer = await server.client(RuntimeWatchService).getSnapshot({});
    const { runtime } = answer.snapshot ?? {};
    if (args.text("output") === "json") {
      printMessage(terminal, GetSnapshotResponseSchema, answer);
    } else if (answer.snapshot !== undefined && runtime !== undefined) {
      const may = answer.caller?.mayChangeModels ?? false;
      terminal.stdout.write(
        formatTable([
          ["runtime", `${server.address.label}, ${describePhase(runtime)}`],
          ...describeRuntime(runtime, may),
          ["models", describeModels(answer.snapshot)],
          ...describeHosts(runtime),
        ]),
      );
    }
    return runtime?.phase === RuntimePhase.READY ? exitCodes.ok : exitCodes.notReady;
  });

function describePhase({ phase, timeMs, startedMs }: RuntimeState): string {
  const up = `up ${formatAge(Number(timeMs - startedMs))}`;
  switch (phase) {
    case RuntimePhase.READY:
      return `ready, ${up}`;
    case RuntimePhase.STARTING:
      return `starting, ${up}`;
    case RuntimePhase.SHUTTING_DOWN:
      return `shutting down, ${up}`;
    default:
      return `in an unknown phase, ${up}`;
  }
}

function describeRuntime(runtime: RuntimeState, mayChangeModels: boolean): string[][] {
  const { versions, traffic, eventLoopDelay } = runtime;
  const { capacityBytes, usedBytes, reservedBytes, freeBytes } = runtime;
  const latency =
    traffic?.p50Ms === undefined || traffic.p99Ms === undefined
      ? ""
      : `, ${formatMs(traffic.p50Ms)} median, ${formatMs(traffic.p99Ms)} at the 99th percentile`;
  return [
    ["versions", `modelport ${versions?.modelport}, node ${versions?.node}, ${versions?.engine}`],
    [
      "memory",
      `${formatBytes(capacityBytes)} for models: ${formatBytes(usedBytes)} used, ${formatBytes(reservedBytes)} reserved by loads, ${formatBytes(freeBytes)} free`,
    ],
    ...describeMemory(runtime.memory),
    [
      "loads",
      `${runtime.loadsRunning} of at most ${runtime.loadsLimit}, ${runtime.loadsWaiting} waiting`,
    ],
    ["lifecycle", describeLifecycle(runtime, mayChangeModels)],
    ...pollingTexts(runtime.repositoryPolling, runtime.timeMs).map((text, at) => [
      at === 0 ? "repository" : "",
      text,
    ]),
    [
      "inferences",
      `${formatRate(traffic?.requestsPerSecond ?? 0)}, ${formatRate(traffic?.errorsPerSecond ?? 0)} failing${latency}; ${traffic?.succeededTotal ?? 0} succeeded, ${traffic?.failedTotal ?? 0} failed`,
    ],
    ...describePayloadLog(runtime.payloadLog),
    ["connections", `${runtime.connections}, and ${count(runtime.watchers, "watcher")}`],
    [
      "server",
      `${formatBytes(runtime.serverMemoryBytes)} resident${eventLoopDelay === undefined ? "" : `, event loop ${formatMs(eventLoopDelay.p99Ms)} late at the 99th percentile`}`,
    ],
  ];
}

/** Nothing, where payloads are not logged. */
function describePayloadLog(log: PayloadLogState | undefined): string[][] {
  if (log === undefined) return [];
  const { loggedTotal, droppedTotal, queueEvents, queueBytes, failing, reason } = log;
  const counts = `${loggedTotal} events logged, ${droppedTotal} dropped, ${queueEvents} waiting (${formatBytes(queueBytes)})`;
  return [["payload log", failing ? `failing: ${reason}; ${counts}` : counts]];
}

/** How the container's memory is divided. */
function describeMemory(memory: MemoryDivision | undefined): string[][] {
  if (memory === undefined) return [];
  const { runsBytes } = memory;
  const runs = runsBytes === 0n ? "runs without a limit" : `${formatMebibytes(runsBytes)} for runs`;
  const rest = `${formatMebibytes(memory.callsBytes)} for calls, ${formatMebibytes(memory.serverBytes)} for the server, ${formatMebibytes(memory.hostsBytes)} for its hosts`;
  const models = `${formatMebibytes(memory.modelsBytes)} for models`;
  return [["", `${formatMebibytes(memory.containerBytes)}: ${models}, ${runs}, ${rest}`]];
}

/** Who owns the lifecycle, what this client may do, and which setting changes the owner. */
function describeLifecycle(
  { lifecycleOwner, hasModelRepository }: RuntimeState,
  mayChangeModels: boolean,
): string {
  const right = `you ${mayChangeModels ? "may" : "may not"} load and unload models`;
  switch (lifecycleOwner) {
    case LifecycleOwner.UNCLAIMED:
      return `no owner yet, ModelMesh once it calls (no local repository); ${right}`;
    case LifecycleOwner.REPOSITORY:
      return `the local repository, even if ModelMesh calls; ${right}`;
    case LifecycleOwner.MODELMESH: {
      if (!hasModelRepository) return `ModelMesh's; ${right}`;
      const way = mayChangeModels ? "you may load and unload only other models" : right;
      return `ModelMesh, also for models in the local repository (LIFECYCLE_OWNER=repository changes this); ${way}`;
    }
    default:
      return right;
  }
}

function describeModels({ models }: Snapshot): string {
  const counts = new Map<string, number>();
  for (const { state } of models) {
    counts.set(stateName(state), (counts.get(stateName(state)) ?? 0) + 1);
  }
  const list = [...counts].map(([name, number]) => `${number} ${name}`);
  return list.length === 0 ? "none" : list.join(", ");
}

const hostKinds: Readonly<Record<HostKind, string>> = {
  [HostKind.UNSPECIFIED]: "unknown",
  [HostKind.SHARED]: "shared",
  [HostKind.DEDICATED]: "dedicated",
  [HostKind.SPARE]: "spare",
};

function describeHosts({ hosts }: RuntimeState): string[][] {
  return hosts.map(({ pid, kind, models, memoryBytes, queueLength }, at) => {
    const memory = memoryBytes === undefined ? "" : `, ${formatBytes(memoryBytes)}`;
    const what = `process ${pid} (${hostKinds[kind] ?? hostKinds[HostKind.UNSPECIFIED]}): ${count(models, "model")}`;
    return [at === 0 ? "hosts" : "", `${what}${memory}, ${queueLength} in its queue`];
  });
}
