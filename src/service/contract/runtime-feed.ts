import type { MemoryDivision } from "../../base/memory-parts.ts";
import type { HostInfo, Joining } from "../../engine/contract/engine.ts";
import type { RecentFailure } from "../counts/recent-failures.ts";
import type { TrafficFigures } from "../counts/traffic-meter.ts";
import type { ModelStateTag } from "../lifecycle/model-state.ts";
import type { Changes } from "../watch/change-journal.ts";

/** A step in the life of a generation. Times are milliseconds since 1970, here and below. */
export interface StateStep {
  readonly state: ModelStateTag;
  readonly timeMs: number;
  /** One line, or "". */
  readonly reason: string;
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
  /** Oldest first, never empty. The last one is the present one. */
  readonly history: readonly StateStep[];
  /** Upper bound from the file's structure; 0 until it was read. */
  readonly predictedBytes: number;
  /** 0 until it was loaded. */
  readonly reportedBytes: number;
  readonly measuredBytes: number | undefined;
  /** Of the budget, now. */
  readonly heldBytes: number;
  readonly hostPid: number | undefined;
  /** From the call to ready; 0 before that. */
  readonly loadMs: number;
  /** Inferences in flight, and those of them that wait for their turn in the host. */
  readonly leases: number;
  readonly waitingRuns: number;
  /** Whether its requests are joined; undefined until it was loaded. */
  readonly joining: Joining | undefined;
  /** Of this id since the runtime started. */
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
  /** Grows by one with each. */
  readonly number: number;
  readonly timeMs: number;
  readonly kind: RuntimeEventKind;
  /** Undefined for what concerns the runtime itself. */
  readonly model:
    | { readonly name: string; readonly version: string; readonly generation: number }
    | undefined;
  /** One line, or "". */
  readonly reason: string;
}

export interface RuntimeFigures {
  /** When they were taken. */
  readonly timeMs: number;
  readonly startedMs: number;
  readonly phase: "starting" | "ready" | "closed";
  readonly lifecycleOwner: "unclaimed" | "repository" | "modelmesh";
  readonly hasModelRepository: boolean;
  readonly capacityBytes: number;
  /** Undefined if nobody has divided the container. */
  readonly memory: MemoryDivision | undefined;
  /** By models in memory, those included that are leaving it. */
  readonly usedBytes: number;
  /** By loads under way. */
  readonly reservedBytes: number;
  readonly loadsWaiting: number;
  readonly loadsRunning: number;
  readonly loadsLimit: number;
  readonly connections: number;
  readonly watchers: number;
  /** Of this process, hosts not counted. */
  readonly residentBytes: number;
  /** How late the event loop was since the figures before; undefined if nobody was watching. */
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
}

/** What changed between two looks. Immutable, and shared by everybody who asks the same. */
export interface FeedUpdate extends Changes<ModelRow, RuntimeEvent> {
  /** Undefined if they are the same as before. */
  readonly runtime: RuntimeFigures | undefined;
}

export interface ModelFailures {
  readonly model: { readonly name: string; readonly version: string; readonly generation: number };
  /** Oldest first. */
  readonly failures: readonly RecentFailure[];
}

/** The state of the runtime for those who watch it. */
export interface RuntimeFeed {
  /** Everything as it is now. */
  snapshot(): FeedUpdate;

  /** What somebody lacks who has seen `revision`; undefined if that is not kept any more, and he needs a
   *  snapshot. An update of the same revision means that nothing has changed. */
  since(revision: number): FeedUpdate | undefined;

  /** Resolves with the next change. Ask for it right after `since`, before anything else is awaited: then
   *  no change is missed. Everybody who waits shares this promise. */
  nextChange(): Promise<void>;

  /** Has figures taken about once a second, until the function returned is called. */
  watch(): () => void;

  /** The last inferences of each generation that failed, of those that are shown and have any. */
  failures(): readonly ModelFailures[];

  /** Says how many connections are open, of which this layer knows nothing. */
  countConnections(count: () => number): void;
}
