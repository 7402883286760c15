import { describeError } from "../../base/errors.ts";
import { engineVersion, version } from "../../base/version.ts";
import type { HostInfo, RunMemory } from "../../engine/contract/engine.ts";
import { HostCounts } from "../../engine/contract/host-counts.ts";
import { LoopDelay } from "../../observe/loop-delay.ts";
import type { SignatureCounts } from "../../signing/contract/signature-verdict.ts";
import type { Changes } from "../contract/changes.ts";
import type {
  FeedUpdate,
  ModelFailures,
  ModelRow,
  RuntimeEvent,
  RuntimeEventKind,
  RuntimeFeed,
  RuntimeFigures,
} from "../contract/runtime-feed.ts";
import type { EmbeddingCacheFigures } from "../contract/text.ts";
import type { ModelRecord } from "../lifecycle/model-record.ts";
import type { ModelRegistry } from "../lifecycle/model-registry.ts";
import { isWantedEnd } from "../lifecycle/model-state.ts";
import { ChangeJournal } from "./change-journal.ts";
import { type LoadCounts, ModelTrack, reasonOf } from "./model-track.ts";
import { RuntimeMetrics } from "./runtime-metrics.ts";

/** Known only to the manager; read whenever figures are taken. */
export interface RuntimeFacts {
  readonly phase: RuntimeFigures["phase"];
  readonly lifecycleOwner: RuntimeFigures["lifecycleOwner"];
  readonly hasModelRepository: boolean;
  readonly polling: RuntimeFigures["polling"];
  readonly capacityBytes: number;
  readonly memory: RuntimeFigures["memory"];
  readonly loadsWaiting: number;
  readonly loadsRunning: number;
  readonly loadsLimit: number;
}

const sampleMs = 1_000;
/** Without watchers, figures are taken on request, but no more often than this. */
const leastSampleMs = 100;
const maxFailedRows = 100;
const maxCountedIds = 20_000;
const limits = { maxEvents: 1_000, maxRemovals: 10_000 };

/** Follows the registry and maintains the watchers' view: a row per generation, the events and the runtime's
 *  figures. Rows are built when they are read, so that a change costs next to nothing. */
export class RuntimeWatch implements RuntimeFeed {
  /** Counted, not shown. */
  readonly metrics: RuntimeMetrics;
  readonly #registry: ModelRegistry;
  readonly #facts: () => RuntimeFacts;
  readonly #hosts: () => readonly HostInfo[];
  readonly #startedMs = Math.round(performance.timeOrigin);
  readonly #journal = new ChangeJournal<ModelRow, RuntimeEvent>(limits);
  readonly #tracks = new Map<number, ModelTrack>();
  /** Tracks whose row is out of date. */
  readonly #dirty = new Set<ModelTrack>();
  /** Failed generations that are still shown, oldest first. */
  readonly #failed = new Set<ModelTrack>();
  /** By record id, least recently loaded first. */
  readonly #counts = new Map<string, LoadCounts>();
  readonly #loopDelay = new LoopDelay();
  #lastLoopDelay: RuntimeFigures["loopDelay"];
  #runtime: { readonly figures: RuntimeFigures; readonly revision: number } | undefined;
  #isRuntimeDirty = true;
  #sampledMs = Number.NEGATIVE_INFINITY;
  #lastEvent = 0;
  #connections: () => number = () => 0;
  #payloadLog: () => RuntimeFigures["payloadLog"] = () => undefined;
  #watcherCount = 0;
  #sampler: NodeJS.Timeout | undefined;
  /** Undefined while nothing waits for it. */
  #change: PromiseWithResolvers<void> | undefined;
  /** Updates that were given out, by the journal's changes: the same object for all that ask for the same. */
  #updates = new WeakMap<Changes<ModelRow, RuntimeEvent>, FeedUpdate>();

  /** Create it before anything else listens to `registry`: what other listeners do on a change causes further
   *  changes, which would then be seen in the wrong order. */
  constructor(parts: {
    readonly registry: ModelRegistry;
    readonly hosts: () => readonly HostInfo[];
    /** Default: no hosts. */
    readonly hostCounts?: HostCounts;
    readonly runMemory?: RunMemory | undefined;
    readonly embeddings?: EmbeddingCacheFigures | undefined;
    readonly signatures?: SignatureCounts | undefined;
    readonly facts: () => RuntimeFacts;
  }) {
    this.#registry = parts.registry;
    this.#hosts = parts.hosts;
    this.#facts = parts.facts;
    const { registry, hostCounts = new HostCounts(), runMemory, embeddings, signatures } = parts;
    this.metrics = new RuntimeMetrics({
      registry,
      hostCounts,
      runMemory,
      embeddings,
      signatures,
      figures: () => this.#takeFigures(),
    });
    registry.onChange((record) => this.#follow(record));
    registry.versionNames.onChange((name) => this.#rename(name));
  }

  countConnections(count: () => number): void {
    this.#connections = count;
  }

  /** Provides the state of the payload log, where there is one. */
  showPayloadLog(read: () => RuntimeFigures["payloadLog"]): void {
    this.#payloadLog = read;
  }

  /** Records an event of the runtime as a whole. */
  note(kind: "runtime-ready" | "shutdown-started" | "modelmesh-took-over"): void {
    this.#log(kind, undefined, "");
    this.#changed();
  }

  snapshot(): FeedUpdate {
    if (performance.now() - this.#sampledMs >= leastSampleMs && this.#watcherCount === 0) {
      this.#sample();
    }
    this.#flush();
    return this.#complete(this.#journal.all(), -1);
  }

  since(revision: number): FeedUpdate | undefined {
    this.#flush();
    const changes = this.#journal.since(revision);
    return changes && this.#complete(changes, revision);
  }

  failures(): readonly ModelFailures[] {
    return [...this.#tracks.values()].flatMap(({ label, record }) => {
      const failures = record.statistics.failures.all();
      return failures.length === 0 ? [] : [{ model: label, failures }];
    });
  }

  nextChange(): Promise<void> {
    this.#change ??= Promise.withResolvers();
    return this.#change.promise;
  }

  watch(): () => void {
    this.#watcherCount++;
    if (this.#watcherCount === 1) {
      this.#loopDelay.enable();
      this.#sample();
      this.#sampler = setInterval(() => this.#sample(), sampleMs);
      // Streams keep the process alive if they have to; this timer need not.
      this.#sampler.unref();
    }
    this.#isRuntimeDirty = true;
    let watches = true;
    return () => {
      if (!watches) return;
      watches = false;
      this.#watcherCount--;
      this.#isRuntimeDirty = true;
      if (this.#watcherCount > 0) return;
      clearInterval(this.#sampler);
      this.#loopDelay.disable();
    };
  }

  /** A record has changed its state, or has left the registry. */
  #follow(record: ModelRecord): void {
    let track = this.#tracks.get(record.generation);
    if (track === undefined) {
      track = new ModelTrack(record, this.#countsOf(record.id), this.#registry.versionNames);
      this.#tracks.set(record.generation, track);
      for (const failed of this.#failed) if (failed.record.id === record.id) this.#drop(failed);
    }
    if (!this.#registry.generations(record.id).includes(record)) this.#finish(track);
    else this.#step(track);
    this.#changed();
  }

  /** Versions of the model have got other names. */
  #rename(name: string): void {
    for (const track of this.#tracks.values()) {
      if (track.label.name === name) this.#dirty.add(track);
    }
    this.#changed();
  }

  #step(track: ModelTrack): void {
    const { state } = track.record;
    const before = track.state;
    const reason = reasonOf(state);
    track.step(state.tag, reason);
    this.#dirty.add(track);
    if (state.tag === "reloading") this.#log("host-lost", track, reason);
    if (state.tag !== "ready") return;
    if (before === "reloading") {
      this.#log("model-recovered", track, "");
      return;
    }
    this.#count(track, "loads");
    this.#log("model-loaded", track, "");
  }

  /** Nothing of the generation is left. Failed ones are still shown. */
  #finish(track: ModelTrack): void {
    const { state } = track.record;
    const reason = "reason" in state ? state.reason : undefined;
    if (isWantedEnd(reason)) {
      if (track.wasReady) this.#log("model-unloaded", track, "");
      else this.#log("load-cancelled", track, describeError(reason));
      this.#drop(track);
      return;
    }
    const text = describeError(reason);
    if (track.state !== "failed") track.step("failed", text);
    this.#count(track, "loadFailures");
    this.#log(track.wasTried ? "load-failed" : "load-refused", track, text);
    this.#dirty.add(track);
    this.#failed.add(track);
    const [oldest] = this.#failed;
    if (oldest !== undefined && this.#failed.size > maxFailedRows) this.#drop(oldest);
  }

  #drop(track: ModelTrack): void {
    const { generation } = track.record;
    this.#tracks.delete(generation);
    this.#dirty.delete(track);
    this.#failed.delete(track);
    this.#journal.remove(generation);
  }

  #log(kind: RuntimeEventKind, track: ModelTrack | undefined, reason: string): void {
    const number = ++this.#lastEvent;
    this.#journal.log({ number, timeMs: Date.now(), kind, model: track?.label, reason });
  }

  #countsOf(id: string): LoadCounts {
    const counts = this.#counts.get(id) ?? { loads: 0, loadFailures: 0 };
    this.#counts.delete(id);
    this.#counts.set(id, counts);
    if (this.#counts.size > maxCountedIds) {
      const [oldest] = this.#counts.keys();
      if (oldest !== undefined) this.#counts.delete(oldest);
    }
    return counts;
  }

  #count(track: ModelTrack, what: keyof LoadCounts): void {
    track.counts[what]++;
    // An older generation of the id may still be on its way out, and shows these as well.
    for (const { generation } of this.#registry.generations(track.record.id)) {
      const other = this.#tracks.get(generation);
      if (other !== undefined) this.#dirty.add(other);
    }
  }

  #changed(): void {
    this.#isRuntimeDirty = true;
    this.#change?.resolve();
    this.#change = undefined;
  }

  /** Checks figures that change without an event. */
  #sample(): void {
    this.#sampledMs = performance.now();
    for (const track of this.#tracks.values()) {
      const row = this.#journal.row(track.record.generation);
      if (row !== undefined && track.hasMoved(row)) this.#dirty.add(track);
    }
    this.#lastLoopDelay = this.#loopDelay.take();
    this.#changed();
  }

  #flush(): void {
    for (const track of this.#dirty) this.#journal.put(track.record.generation, track.row());
    this.#dirty.clear();
    if (!this.#isRuntimeDirty) return;
    this.#isRuntimeDirty = false;
    this.#runtime = { figures: this.#takeFigures(), revision: this.#journal.advance() };
  }

  #complete(changes: Changes<ModelRow, RuntimeEvent>, seen: number): FeedUpdate {
    let update = this.#updates.get(changes);
    if (update === undefined) {
      const isNew = this.#runtime !== undefined && this.#runtime.revision > seen;
      update = { ...changes, runtime: isNew ? this.#runtime?.figures : undefined };
      this.#updates.set(changes, update);
    }
    return update;
  }

  #takeFigures(): RuntimeFigures {
    const { bytes, reservedBytes } = this.#registry.held;
    return {
      ...this.#facts(),
      timeMs: Date.now(),
      startedMs: this.#startedMs,
      usedBytes: bytes - reservedBytes,
      reservedBytes,
      connections: this.#connections(),
      watchers: this.#watcherCount,
      residentBytes: process.memoryUsage.rss(),
      loopDelay: this.#lastLoopDelay,
      traffic: this.#registry.traffic.figures(),
      hosts: this.#hosts(),
      versions: { modelport: version, node: process.versions.node, engine: engineVersion },
      payloadLog: this.#payloadLog(),
    };
  }
}
