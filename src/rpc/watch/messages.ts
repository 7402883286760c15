import { create, type MessageInitShape } from "@bufbuild/protobuf";
import {
  type Delta,
  DeltaSchema,
  type Event,
  EventKind,
  EventSchema,
  HostKind,
  type HostStatus,
  HostStatusSchema,
  JoiningState,
  LifecycleOwner,
  type MemoryDivisionSchema,
  ModelState,
  type ModelStatus,
  ModelStatusSchema,
  type PayloadLogStateSchema,
  RuntimePhase,
  type RuntimeState,
  RuntimeStateSchema,
  SignatureState,
  type Snapshot,
  SnapshotSchema,
  type TrafficFigures,
  TrafficFiguresSchema,
} from "../../../gen/modelport/v1/runtime_watch_pb.ts";
import type { MemoryDivision } from "../../base/memory-parts.ts";
import type {
  FeedUpdate,
  ModelRow,
  PayloadLogState,
  RuntimeEvent,
  RuntimeEventKind,
  RuntimeFigures,
} from "../../service/contract/runtime-feed.ts";
import { toRepositoryPolling } from "./polling-message.ts";

type StateTag = ModelRow["history"][number]["state"];
type HostInfo = RuntimeFigures["hosts"][number];

// Total on purpose: a new value in the service layer without a name on the wire does not compile.
const states: Record<StateTag, ModelState> = {
  queued: ModelState.QUEUED,
  loading: ModelState.LOADING,
  ready: ModelState.READY,
  reloading: ModelState.RELOADING,
  draining: ModelState.DRAINING,
  unloading: ModelState.UNLOADING,
  failed: ModelState.FAILED,
};

const joiningStates: Record<NonNullable<ModelRow["joining"]>["state"], JoiningState> = {
  proven: JoiningState.PROVEN,
  promised: JoiningState.PROMISED,
  off: JoiningState.OFF,
};

const signatureStates: Record<NonNullable<ModelRow["signature"]>["state"], SignatureState> = {
  verified: SignatureState.VERIFIED,
  unsigned: SignatureState.UNSIGNED,
  refused: SignatureState.REFUSED,
};

const phases: Record<RuntimeFigures["phase"], RuntimePhase> = {
  starting: RuntimePhase.STARTING,
  ready: RuntimePhase.READY,
  closed: RuntimePhase.SHUTTING_DOWN,
};

const owners: Record<RuntimeFigures["lifecycleOwner"], LifecycleOwner> = {
  unclaimed: LifecycleOwner.UNCLAIMED,
  repository: LifecycleOwner.REPOSITORY,
  modelmesh: LifecycleOwner.MODELMESH,
};

const hostKinds: Record<HostInfo["kind"], HostKind> = {
  shared: HostKind.SHARED,
  dedicated: HostKind.DEDICATED,
  spare: HostKind.SPARE,
};

const eventKinds: Record<RuntimeEventKind, EventKind> = {
  "runtime-ready": EventKind.RUNTIME_READY,
  "shutdown-started": EventKind.SHUTDOWN_STARTED,
  "modelmesh-took-over": EventKind.MODELMESH_TOOK_OVER,
  "model-loaded": EventKind.MODEL_LOADED,
  "load-refused": EventKind.LOAD_REFUSED,
  "load-failed": EventKind.LOAD_FAILED,
  "load-cancelled": EventKind.LOAD_CANCELLED,
  "model-unloaded": EventKind.MODEL_UNLOADED,
  "host-lost": EventKind.HOST_LOST,
  "model-recovered": EventKind.MODEL_RECOVERED,
};

/** For an update that has all fields. */
export function toSnapshot({ runtime, rows, events }: FeedUpdate): Snapshot {
  return create(SnapshotSchema, {
    ...(runtime && { runtime: toRuntimeState(runtime) }),
    models: rows.toSorted((a, b) => a.generation - b.generation).map(toModelStatus),
    events: events.map(toEvent),
  });
}

export function toDelta({ runtime, rows, removed, events }: FeedUpdate): Delta {
  return create(DeltaSchema, {
    ...(runtime && { runtime: toRuntimeState(runtime) }),
    models: rows.map(toModelStatus),
    removedGenerations: removed.map(BigInt),
    events: events.map(toEvent),
  });
}

function toModelStatus(row: ModelRow): ModelStatus {
  const now = row.history.at(-1);
  return create(ModelStatusSchema, {
    generation: BigInt(row.generation),
    id: row.name,
    version: row.version,
    type: row.type,
    path: row.path,
    format: row.format,
    pinned: row.pinned,
    state: now === undefined ? ModelState.UNSPECIFIED : states[now.state],
    reason: now?.reason ?? "",
    stateSinceMs: BigInt(now?.timeMs ?? 0),
    history: row.history.map(({ state, timeMs, reason }) => ({
      state: states[state],
      timeMs: BigInt(timeMs),
      reason,
    })),
    predictedBytes: BigInt(row.predictedBytes),
    reportedBytes: BigInt(row.reportedBytes),
    ...(row.measuredBytes !== undefined && { measuredBytes: BigInt(row.measuredBytes) }),
    heldBytes: BigInt(row.heldBytes),
    hostPid: row.hostPid ?? 0,
    loadMs: row.loadMs,
    leases: row.leases,
    queueLength: row.waitingRuns,
    loads: BigInt(row.loads),
    loadFailures: BigInt(row.loadFailures),
    traffic: toTraffic(row.traffic),
    versionAliases: [...row.aliases],
    versionPolicy: row.versionPolicy,
    ...(row.joining && {
      joining: { state: joiningStates[row.joining.state], reason: row.joining.reason },
    }),
    ...(row.signature && {
      signature: { ...row.signature, state: signatureStates[row.signature.state] },
    }),
  });
}

function toRuntimeState(figures: RuntimeFigures): RuntimeState {
  const { capacityBytes, usedBytes, reservedBytes, loopDelay } = figures;
  return create(RuntimeStateSchema, {
    timeMs: BigInt(figures.timeMs),
    startedMs: BigInt(figures.startedMs),
    phase: phases[figures.phase],
    lifecycleOwner: owners[figures.lifecycleOwner],
    hasModelRepository: figures.hasModelRepository,
    capacityBytes: BigInt(capacityBytes),
    usedBytes: BigInt(usedBytes),
    reservedBytes: BigInt(reservedBytes),
    // A model may turn out to be larger than its upper bound.
    freeBytes: BigInt(Math.max(0, capacityBytes - usedBytes - reservedBytes)),
    loadsWaiting: figures.loadsWaiting,
    loadsRunning: figures.loadsRunning,
    loadsLimit: figures.loadsLimit,
    connections: figures.connections,
    watchers: figures.watchers,
    serverMemoryBytes: BigInt(figures.residentBytes),
    ...(loopDelay && { eventLoopDelay: loopDelay }),
    traffic: toTraffic(figures.traffic),
    hosts: figures.hosts.map(toHostStatus),
    versions: figures.versions,
    ...(figures.memory && { memory: toMemoryDivision(figures.memory) }),
    repositoryPolling: toRepositoryPolling(figures.polling),
    ...(figures.payloadLog && { payloadLog: toPayloadLog(figures.payloadLog) }),
  });
}

function toPayloadLog(state: PayloadLogState): MessageInitShape<typeof PayloadLogStateSchema> {
  return {
    failing: state.isFailing,
    reason: state.reason,
    queueBytes: BigInt(state.queueBytes),
    queueEvents: state.queueEvents,
    loggedTotal: BigInt(state.loggedCount),
    droppedTotal: BigInt(state.droppedCount),
  };
}

function toMemoryDivision(memory: MemoryDivision): MessageInitShape<typeof MemoryDivisionSchema> {
  return {
    containerBytes: BigInt(memory.container),
    modelsBytes: BigInt(memory.models),
    runsBytes: BigInt(memory.runs),
    callsBytes: BigInt(memory.payloads),
    serverBytes: BigInt(memory.server),
    hostsBytes: BigInt(memory.hosts),
  };
}

function toHostStatus({ pid, kind, models, memoryBytes, waitingRuns }: HostInfo): HostStatus {
  return create(HostStatusSchema, {
    pid,
    kind: hostKinds[kind],
    models,
    ...(memoryBytes !== undefined && { memoryBytes: BigInt(memoryBytes) }),
    queueLength: waitingRuns,
  });
}

function toTraffic(figures: ModelRow["traffic"]): TrafficFigures {
  return create(TrafficFiguresSchema, {
    requestsPerSecond: figures.requestsPerSecond,
    errorsPerSecond: figures.errorsPerSecond,
    ...figures.latency,
    succeededTotal: BigInt(figures.succeededTotal),
    failedTotal: BigInt(figures.failedTotal),
  });
}

function toEvent({ number, timeMs, kind, model, reason }: RuntimeEvent): Event {
  return create(EventSchema, {
    number: BigInt(number),
    timeMs: BigInt(timeMs),
    kind: eventKinds[kind],
    modelId: model?.name ?? "",
    modelVersion: model?.version ?? "",
    generation: BigInt(model?.generation ?? 0),
    reason,
  });
}
