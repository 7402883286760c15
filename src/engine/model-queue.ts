import type { CancelSignal } from "../cancel-signal.ts";
import { RuntimeError } from "../errors.ts";
import { Line } from "../line.ts";
import type { RunSettings } from "../run-settings.ts";
import { BatchGain } from "./batch-gain.ts";
import { canJoin, joinRequests, type RunRequest, rowsOf, splitResults } from "./batch-join.ts";
import { isSameResult, withStrangers } from "./batch-rehearsal.ts";
import type { RunMeter } from "./engine.ts";
import { HostLostError } from "./host-lost-error.ts";
import type { IndexedTensor, OutgoingTensor } from "./host-protocol.ts";
import type { HostQueue, HostRun, RunSource } from "./host-queue.ts";
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
  /** Whether all inputs and outputs of the model have rows, see `hasRows`. */
  readonly hasRows: boolean;
  readonly meter?: RunMeter | undefined;
  /** Sends one run to the host; the receiver hears of it once. */
  send(
    run: { readonly wanted: readonly number[]; readonly tensors: readonly OutgoingTensor[] },
    receiver: RunReceiver,
  ): void;
}

/** Whether the model's requests may be joined. "wanted": it would pay, so the next that runs alone is to
 *  be compared with itself in a batch, which is under way when "testing". */
type Joining = "untested" | "wanted" | "testing" | "allowed" | "never";

interface Rehearsal {
  readonly request: RunRequest;
  readonly rows: number;
  /** The results of the request by itself. */
  readonly alone: readonly IndexedTensor[];
}

const maxRehearsals = 3;
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
  #joining: Joining;
  #rehearsal: Rehearsal | undefined;
  #failedRehearsals = 0;
  #joins = false;
  #expectedMs = Number.POSITIVE_INFINITY;
  #delayTimer: NodeJS.Timeout | undefined;
  #expiryTimer: NodeJS.Timeout | undefined;

  constructor(options: ModelQueueOptions) {
    this.#options = options;
    this.#joining = options.hasRows && options.settings.maxBatchSize > 1 ? "untested" : "never";
    this.#gain = new BatchGain(options.settings.maxBatchSize);
    this.#limit = new QueueLimit(options.settings);
  }

  get hasWaiting(): boolean {
    return this.#waiting.size > 0 || this.#again.size > 0 || this.#rehearsal !== undefined;
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
    const rows = this.#joining === "never" || alone ? undefined : rowsOf(request);
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
    this.#rehearsal = undefined;
    clearTimeout(this.#delayTimer);
    clearTimeout(this.#expiryTimer);
  }

  next(): HostRun | undefined {
    if (this.#rehearsal !== undefined) return this.#rehearse(this.#rehearsal);
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
    return this.#batch(runs);
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
        const canJoin = run.rows !== undefined && this.#joining !== "never";
        maxRows = canJoin ? this.#gain.rowsFor(rows) : 0;
        this.#joins = maxRows > rows && this.#joining === "allowed";
        // The first time that there is something to gain, this request shows whether it is right.
        if (maxRows > rows && this.#joining === "untested") this.#joining = "wanted";
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
                this.#prepareRehearsal(runs, answer.tensors);
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

  #prepareRehearsal(runs: readonly QueuedRun[], tensors: readonly IndexedTensor[]): void {
    const [run] = runs;
    if (this.#joining !== "wanted" || run?.rows === undefined) return;
    this.#joining = "testing";
    // The caller gets the results and may do with them what it wants.
    const alone = tensors.map((tensor) => ({ ...tensor, data: new Uint8Array(tensor.data) }));
    this.#rehearsal = { request: run.request, rows: run.rows, alone };
  }

  /** A batch that nobody waits for, to see whether the model keeps its rows apart: a dimension that
   *  varies may count anything, the steps of a sequence for example. */
  #rehearse({ request, rows, alone }: Rehearsal): HostRun {
    this.#rehearsal = undefined;
    const { owner, send } = this.#options;
    return {
      owner,
      isWanted: false,
      limitMs: 0,
      giveUp: () => {},
      start: (done) => {
        const end = (joining: Joining) => {
          // Meanwhile the outputs may have shown it.
          if (this.#joining === "testing") this.#joining = joining;
          done();
          if (this.hasWaiting) this.#options.host.offer(this);
        };
        send(
          { wanted: request.wanted, tensors: joinRequests(withStrangers(request), 3 * rows) },
          {
            resolve: ({ tensors }) => {
              const among = splitResults(tensors, [rows, rows, rows])?.[1];
              end(among !== undefined && isSameResult(alone, among) ? "allowed" : "never");
            },
            // The strangers' values may have been at fault.
            reject: () => end(++this.#failedRehearsals < maxRehearsals ? "untested" : "never"),
          },
        );
      },
    };
  }

  #settle(runs: readonly QueuedRun[], tensors: readonly IndexedTensor[]): void {
    if (runs.length === 1) {
      runs[0]?.resolve(tensors);
      return;
    }
    const results = splitResults(
      tensors,
      runs.map((run) => run.rows ?? 0),
    );
    if (results === undefined) {
      // The outputs are not rows, whatever their shapes promised.
      this.#joining = "never";
      this.#joins = false;
      this.#runSingly(runs);
      return;
    }
    for (let at = 0; at < runs.length; at++) runs[at]?.resolve(results[at] ?? []);
  }

  #fail(runs: readonly QueuedRun[], error: unknown): void {
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
