import type { CancelSignal } from "../../base/cancel-signal.ts";
import { RuntimeError } from "../../base/errors.ts";
import { Line } from "../../base/line.ts";
import type { RunSettings } from "../../config/run-settings.ts";
import type { RunMeter } from "../contract/engine.ts";
import { HostLostError } from "../contract/host-lost-error.ts";
import type { IndexedTensor, OutgoingTensor } from "../wire/host-protocol.ts";
import { BatchGain } from "./batch-gain.ts";
import { canJoin, joinRequests, type RunRequest, rowsOf, splitResults } from "./batch-join.ts";
import type { HostQueue, HostRun, RunSource } from "./host-queue.ts";
import { JoinGuard, type JoiningEnd } from "./join-guard.ts";
import type { Probe } from "./probe.ts";
import { overloaded, QueueLimit } from "./queue-limit.ts";
import { QueuedRun, type ResultReceiver } from "./queued-run.ts";

/** What a host answers to one run. */
export interface RunAnswer {
  readonly runMs: number;
  readonly computeMs: number;
  readonly tensors: readonly IndexedTensor[];
}

export interface RunReceiver {
  resolve(answer: RunAnswer): void;
  reject(error: unknown): void;
}

export interface ModelQueueOptions {
  /** The model. */
  readonly owner: object;
  readonly host: HostQueue;
  readonly settings: RunSettings;
  /** Whether requests may be joined: the rows of the model are known to be independent, or promised to be. */
  readonly mayJoin: boolean;
  /** Rows of a rehearsal that the memory of the model is made for. */
  readonly cheapRows: number;
  /** Names of its outputs. */
  readonly outputs: readonly string[];
  readonly meter?: RunMeter | undefined;
  /** Called once at most: requests are joined no more. */
  onJoiningEnd(end: JoiningEnd): void;
  /** Sends one run to the host; the receiver hears of it once. */
  send(
    run: { readonly wanted: readonly number[]; readonly tensors: readonly OutgoingTensor[] },
    receiver: RunReceiver,
  ): void;
}

/** So many waiting requests are looked at for those that can join the first. */
const maxLookedAt = 256;
/** Longer runs are never taken for short because of the runs before them. */
const shortRunMs = 1;

/** The inferences of one model that its host has not got. Joins what waits, as far as that pays; keeps
 *  the limits of the model's settings. */
export class ModelQueue implements RunSource {
  readonly #options: ModelQueueOptions;
  readonly #gain: BatchGain;
  readonly #limit: QueueLimit;
  readonly #waiting = new Line<QueuedRun>();
  /** Requests whose batch failed: each runs by itself, before all others. */
  readonly #again = new Line<QueuedRun>();
  /** Requests, not runs. */
  #inHost = 0;
  readonly #guard: JoinGuard;
  #joins = false;
  #expectedMs = Number.POSITIVE_INFINITY;
  #delayTimer: NodeJS.Timeout | undefined;
  #expiryTimer: NodeJS.Timeout | undefined;

  constructor(options: ModelQueueOptions) {
    this.#options = options;
    const { mayJoin, cheapRows, outputs, meter, settings } = options;
    this.#guard = new JoinGuard({
      mayJoin,
      maxRows: settings.maxBatchSize,
      cheapRows,
      outputs,
      onCompared: (isSame) => meter?.compared(isSame),
      onEnd: (end) => {
        this.#joins = false;
        options.onJoiningEnd(end);
      },
    });
    this.#gain = new BatchGain(settings.maxBatchSize);
    this.#limit = new QueueLimit(options.settings);
  }

  get hasWaiting(): boolean {
    return this.#waiting.size > 0 || this.#again.size > 0 || this.#guard.hasProbe;
  }

  /** Requests that the host has not got. */
  get waitingCount(): number {
    return this.#waiting.size + this.#again.size;
  }

  get joins(): boolean {
    return this.#joins;
  }

  get expectedMs(): number {
    return this.#expectedMs;
  }

  /** Rejects with the signal's reason as soon as it aborts, whether or not the host has the run; with
   *  "overloaded" if too many wait or it waited too long; else resolves or rejects as the run does.
   *  `alone`: not to be joined with others. */
  run(
    request: RunRequest,
    { signal, alone }: { readonly signal: CancelSignal; readonly alone: boolean },
    receiver: ResultReceiver,
  ): void {
    if (signal.aborted) {
      receiver.reject(signal.reason);
      return;
    }
    const refusal = this.#limit.refusal(this.#waiting.size);
    if (refusal !== undefined) {
      receiver.reject(refusal);
      return;
    }
    const rows = !this.#guard.mayJoin || alone ? undefined : rowsOf(request);
    if (this.#waiting.size === 0) this.#limit.noteEmpty();
    new QueuedRun({ request, rows, signal, receiver }).enter(this.#waiting);
    this.#watchExpiry();
    this.#options.host.offer(this);
  }

  #shed(): void {
    const excess = this.#limit.excess(this.#waiting.size);
    if (excess === undefined) return;
    for (const run of [...this.#waiting].slice(excess.kept)) run.reject(excess.reason);
  }

  /** Rejects what the host has not got. */
  cancel(reason: RuntimeError): void {
    for (const run of [...this.#again, ...this.#waiting]) run.reject(reason);
    this.stopJoining();
    clearTimeout(this.#delayTimer);
    clearTimeout(this.#expiryTimer);
  }

  /** What waits runs by itself from now on. */
  stopJoining(): void {
    this.#guard.stop();
    this.#joins = false;
  }

  next(): HostRun | undefined {
    // What has run by itself is compared with a probe behind it.
    const probe = this.#again.size === 0 ? this.#guard.nextProbe(this.#waiting) : undefined;
    if (probe !== undefined) return this.#probe(probe);
    const { maxConcurrency } = this.#options.settings;
    const room = maxConcurrency === 0 ? Number.POSITIVE_INFINITY : maxConcurrency - this.#inHost;
    if (room <= 0) return undefined;
    const again = this.#again.first;
    if (again !== undefined) {
      again.leave();
      return this.#batch([again]);
    }
    const runs = this.#gather(room);
    if (runs === undefined) return undefined;
    for (const run of runs) run.leave();
    this.#limit.noteDeparture(runs.length, this.#waiting.size > 0);
    this.#shed();
    if (runs.length === 1 || !this.#guard.checksAhead(runs, this.#expectedMs)) {
      return this.#batch(runs);
    }
    this.#joins = false;
    this.#runSingly(runs);
    return this.next();
  }

  /** The first that waits, with those that can join it; undefined if there is nothing, or if more are
   *  worth waiting for. */
  #gather(room: number): QueuedRun[] | undefined {
    const runs: QueuedRun[] = [];
    let rows = 0;
    let maxRows = 0;
    let lookedAt = 0;
    for (const run of this.#waiting) {
      const first = runs[0];
      if (first === undefined) {
        runs.push(run);
        rows = run.rows ?? 0;
        const canJoin = run.rows !== undefined && this.#guard.mayJoin;
        maxRows = canJoin ? this.#gain.rowsFor(rows) : 0;
        this.#joins = maxRows > rows && this.#guard.allows;
        if (maxRows > rows) this.#guard.want();
        if (!this.#joins) return runs;
      } else if (
        run.rows !== undefined &&
        rows + run.rows <= maxRows &&
        canJoin(first.request, run.request)
      ) {
        runs.push(run);
        rows += run.rows;
      }
      if (rows === maxRows || runs.length >= room || ++lookedAt === maxLookedAt) return runs;
    }
    const [oldest] = runs;
    return oldest === undefined || this.#isWorthWaiting(oldest) ? undefined : runs;
  }

  /** Whether there is time left for others to join. */
  #isWorthWaiting(oldest: QueuedRun): boolean {
    const leftMs =
      this.#options.settings.maxQueueDelayMicroseconds / 1_000 - oldest.waitedMs(performance.now());
    if (leftMs <= 0) return false;
    this.#delayTimer ??= setTimeout(() => {
      this.#delayTimer = undefined;
      if (this.hasWaiting) this.#options.host.offer(this);
    }, Math.ceil(leftMs));
    return true;
  }

  #batch(runs: readonly QueuedRun[]): HostRun {
    const { owner, send } = this.#options;
    const rows = runs.reduce((sum, run) => sum + (run.rows ?? 0), 0);
    const requests = runs.map(({ request }) => request);
    const [{ wanted }] = requests as [RunRequest];
    this.#inHost += runs.length;
    const batch: HostRun = {
      owner,
      get isWanted() {
        return runs.some((run) => run.isWanted);
      },
      limitMs: this.#options.settings.maxRunMs,
      giveUp: (reason) => {
        for (const run of runs) if (run.isWanted) run.reject(reason);
      },
      start: (done) => {
        const end = (settle: () => void) => {
          this.#inHost -= runs.length;
          settle();
          done();
          if (this.hasWaiting) this.#options.host.offer(this);
        };
        const sentAtMs = performance.now();
        for (const run of runs) run.noteSent(sentAtMs, runs.length);
        send(
          { wanted, tensors: joinRequests(requests, rows) },
          {
            resolve: (answer) =>
              end(() => {
                this.#count(runs, sentAtMs, answer.computeMs);
                this.#learn(rows, answer.runMs);
                this.#settle(runs, answer.tensors);
              }),
            reject: (error) => end(() => this.#fail(runs, this.#lossOf(batch, error))),
          },
        );
      },
    };
    return batch;
  }

  /** Tells a run that its host died of from those that only waited for it. */
  #lossOf(run: HostRun, error: unknown): unknown {
    if (!(error instanceof RuntimeError) || error.kind !== "host-lost") return error;
    return new HostLostError(this.#options.host.partInDeath(run), error);
  }

  #probe({ requests, rows, isUsual, answered, failed }: Probe): HostRun {
    const { owner, send } = this.#options;
    const [{ wanted }] = requests as [RunRequest];
    return {
      owner,
      isWanted: false,
      limitMs: 0,
      giveUp: () => {},
      start: (done) => {
        const end = (settle: () => void) => {
          settle();
          done();
          if (this.hasWaiting) this.#options.host.offer(this);
        };
        send(
          { wanted, tensors: joinRequests(requests, rows) },
          {
            resolve: ({ runMs, tensors }) =>
              end(() => {
                if (isUsual) this.#learn(rows, runMs);
                answered(tensors);
              }),
            reject: (error) => end(() => failed(error)),
          },
        );
      },
    };
  }

  #settle(runs: readonly QueuedRun[], tensors: readonly IndexedTensor[]): void {
    const [first] = runs as readonly [QueuedRun];
    if (runs.length === 1) {
      this.#guard.ranAlone(first, tensors);
      first.resolve(tensors);
      return;
    }
    const counts = runs.map((run) => run.rows ?? 0);
    const results = splitResults(tensors, counts);
    if (results === undefined) {
      // The outputs are not rows, whatever was proven or promised.
      this.#guard.noteNoRows(counts.reduce((a, b) => a + b));
      this.#runSingly(runs);
      return;
    }
    this.#guard.ranJoined(runs, results);
    for (let at = 0; at < runs.length; at++) runs[at]?.resolve(results[at] ?? []);
  }

  #fail(runs: readonly QueuedRun[], error: unknown): void {
    this.#guard.failed(runs);
    const isOfRequest =
      error instanceof RuntimeError &&
      (error.kind === "run-failed" || error.kind === "invalid-argument");
    // One bad request fails the whole run; by itself, it fails alone.
    if (isOfRequest && runs.length > 1) this.#runSingly(runs);
    else for (const run of runs) run.reject(error);
  }

  #runSingly(runs: readonly QueuedRun[]): void {
    for (const run of runs) if (run.isWanted) run.enter(this.#again);
  }

  #count(runs: readonly QueuedRun[], sentAtMs: number, computeMs: number): void {
    const { meter } = this.#options;
    const nowMs = performance.now();
    for (const run of runs) {
      run.noteAnswered(nowMs, computeMs);
      meter?.answered(run.waitedMs(sentAtMs));
    }
    meter?.ran(runs.length, nowMs - sentAtMs, computeMs);
  }

  #learn(rows: number, runMs: number): void {
    if (rows > 0) this.#gain.record(rows, runMs);
    const before = Number.isFinite(this.#expectedMs) ? this.#expectedMs : runMs;
    // One long run is reason enough to be careful; it takes many short ones to be so no longer.
    this.#expectedMs = runMs > shortRunMs ? runMs : before + (runMs - before) / 8;
  }

  /** One timer for all: those that wait have come in order, and the first to come expires first. */
  #watchExpiry(): void {
    const limitMs = this.#options.settings.queueTimeoutMicroseconds / 1_000;
    if (limitMs === 0 || this.#expiryTimer !== undefined) return;
    const oldest = this.#waiting.first;
    if (oldest === undefined) return;
    const leftMs = Math.max(0, limitMs - oldest.waitedMs(performance.now()));
    this.#expiryTimer = setTimeout(() => {
      this.#expiryTimer = undefined;
      const nowMs = performance.now();
      for (const run of this.#waiting) {
        const waitedMs = run.waitedMs(nowMs);
        if (waitedMs < limitMs) break;
        run.reject(
          overloaded(
            `the inference waited ${Math.round(waitedMs)} ms for its turn, the model's limit is ${limitMs} ms`,
          ),
        );
      }
      this.#watchExpiry();
    }, Math.ceil(leftMs));
  }
}
