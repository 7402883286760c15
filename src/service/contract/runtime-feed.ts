import type { ErrorKind } from "../../base/errors.ts";
import type { MemoryDivision } from "../../base/memory-parts.ts";
import type { HostInfo, Joining } from "../../engine/contract/engine.ts";
import type { SignatureVerdict } from "../../signing/contract/signature-verdict.ts";
import type { Changes } from "./changes.ts";
import type { PollingFigures } from "./polling-figures.ts";

/** The states of a generation; `src/service/lifecycle/model-state.ts` has the steps between them. */
export type ModelStateTag =
  | "queued"
  | "loading"
  | "ready"
  | "reloading"
  | "draining"
  | "unloading"
  | "failed";

/** A step in the life of a generation. Times are milliseconds since 1970, here and below. */
export interface StateStep {
  readonly state: ModelStateTag;
  readonly timeMs: number;
  /** One line, or "". */
  readonly reason: string;
}

/** The recent traffic of one model, or of all. */
export interface TrafficFigures {
  /** Inferences that ended within the window, including failed ones. */
  readonly requestsPerSecond: number;
  readonly errorsPerSecond: number;
  /** Of inferences that succeeded within the window, in milliseconds; undefined if there were none. */
  readonly latency: LatencyQuantiles | undefined;
  /** Since the start. */
  readonly succeededTotal: number;
  readonly failedTotal: number;
}

export interface LatencyQuantiles {
  readonly p50Ms: number;
  readonly p95Ms: number;
  readonly p99Ms: number;
}

/** One generation of a model, as it is shown. */
export interface ModelRow {
  readonly generation: number;
  readonly name: string;
  /** "" if the model has no versions. */
  readonly version: string;
  readonly type: string;
  readonly path: string;
  /** "" until the file was found. */
  readonly format: string;
  readonly pinned: boolean;
  /** Oldest first, never empty. The last one is the current one. */
  readonly history: readonly StateStep[];
  /** An upper bound from the file's structure; 0 until the file was read. */
  readonly predictedBytes: number;
  /** 0 until it was loaded. */
  readonly reportedBytes: number;
  readonly measuredBytes: number | undefined;
  /** Bytes of the budget, now. */
  readonly heldBytes: number;
  readonly hostPid: number | undefined;
  /** From the call to ready; 0 before that. */
  readonly loadMs: number;
  /** Inferences in flight, and those of them that wait for their turn in the host. */
  readonly leases: number;
  readonly waitingRuns: number;
  /** Other names of its version, sorted. */
  readonly aliases: readonly string[];
  /** Which versions of the model are served, in one line, or "". */
  readonly versionPolicy: string;
  /** Whether its requests are batched; undefined until it is loaded. */
  readonly joining: Joining | undefined;
  /** Undefined if it was not checked, or not yet. */
  readonly signature: SignatureVerdict | undefined;
  /** For this id since the runtime started. */
  readonly loads: number;
  readonly loadFailures: number;
  readonly traffic: TrafficFigures;
}

export type RuntimeEventKind =
  | "runtime-ready"
  | "shutdown-started"
  | "modelmesh-took-over"
  | "model-loaded"
  /** Nothing was tried. */
  | "load-refused"
  | "load-failed"
  | "load-cancelled"
  | "model-unloaded"
  | "host-lost"
  | "model-recovered";

export interface RuntimeEvent {
  /** Increases by one with each event. */
  readonly number: number;
  readonly timeMs: number;
  readonly kind: RuntimeEventKind;
  /** Undefined for events of the runtime itself. */
  readonly model:
    | { readonly name: string; readonly version: string; readonly generation: number }
    | undefined;
  /** One line, or "". */
  readonly reason: string;
}

export interface RuntimeFigures {
  /** When the figures were taken. */
  readonly timeMs: number;
  readonly startedMs: number;
  readonly phase: "starting" | "ready" | "closed";
  readonly lifecycleOwner: "unclaimed" | "repository" | "modelmesh";
  readonly hasModelRepository: boolean;
  readonly polling: PollingFigures;
  readonly capacityBytes: number;
  /** Undefined if the container was not divided. */
  readonly memory: MemoryDivision | undefined;
  /** Held by models in memory, including those that are being unloaded. */
  readonly usedBytes: number;
  /** Reserved by loads in progress. */
  readonly reservedBytes: number;
  readonly loadsWaiting: number;
  readonly loadsRunning: number;
  readonly loadsLimit: number;
  readonly connections: number;
  readonly watchers: number;
  /** Of this process, without the hosts. */
  readonly residentBytes: number;
  /** How late the event loop was since the previous figures; undefined if it was not measured. */
  readonly loopDelay:
    | { readonly p50Ms: number; readonly p99Ms: number; readonly maxMs: number }
    | undefined;
  readonly traffic: TrafficFigures;
  readonly hosts: readonly HostInfo[];
  readonly versions: {
    readonly modelport: string;
    readonly node: string;
    readonly engine: string;
  };
  /** Undefined: payloads are not logged. */
  readonly payloadLog: PayloadLogState | undefined;
}

/** The log of requests and responses. Counts are of events since the start. */
export interface PayloadLogState {
  /** Why the last delivery failed; "" if it did not. */
  readonly reason: string;
  readonly isFailing: boolean;
  readonly queueBytes: number;
  readonly queueEvents: number;
  readonly loggedCount: number;
  readonly droppedCount: number;
}

/** The changes between two revisions. Immutable, and shared by all watchers that ask for the same. */
export interface FeedUpdate extends Changes<ModelRow, RuntimeEvent> {
  /** Undefined if they are the same as before. */
  readonly runtime: RuntimeFigures | undefined;
}

/** An inference that failed. */
export interface RecentFailure {
  /** Milliseconds since 1970. */
  readonly timeMs: number;
  /** "unforeseen": not a RuntimeError. */
  readonly kind: ErrorKind | "unforeseen";
  /** One line. */
  readonly reason: string;
}

export interface ModelFailures {
  readonly model: { readonly name: string; readonly version: string; readonly generation: number };
  /** Oldest first. */
  readonly failures: readonly RecentFailure[];
}

/** The state of the runtime, for watchers. */
export interface RuntimeFeed {
  /** The complete current state. */
  snapshot(): FeedUpdate;

  /** The changes since `revision`; undefined if they are not all kept any more, and the watcher needs a
   *  snapshot. An update with the same revision means that nothing has changed. */
  since(revision: number): FeedUpdate | undefined;

  /** Resolves with the next change. Call it right after `since`, before awaiting anything else, so that no
   *  change is missed. All watchers share this promise. */
  nextChange(): Promise<void>;

  /** Takes figures about once a second, until the returned function is called. */
  watch(): () => void;

  /** The latest failed inferences of each generation that is shown and has any. */
  failures(): readonly ModelFailures[];

  /** Provides the number of open connections, which this layer does not know. */
  countConnections(count: () => number): void;
}
