import { RuntimeError } from "../../base/errors.ts";
import { LinkedQueue } from "../../base/linked-queue.ts";
import { ownMs } from "../../base/monotonic-clock.ts";
import { HostLostError } from "../contract/host-lost-error.ts";
import type { AdmittedRun, RunAdmission } from "../run-memory/admission.ts";
import type { IndexedTensor } from "../wire/host-protocol.ts";
import { BatchGain } from "./batch-gain.ts";
import { canJoin, joinRequests, type RunRequest, rowsOf, splitResults } from "./batch-join.ts";
import { QueueExpiry } from "./expiry.ts";
import type { HostRun, RunSource } from "./host-queue.ts";
import { JoinGuard } from "./join-guard.ts";
import { JoinedBytes, type JoinSize } from "./join-size.ts";
import { QueueLimit } from "./limit.ts";
import { bytesOf, type Probe } from "./probe.ts";
import { probeRun } from "./probe-run.ts";
import type { ModelQueueOptions, RunAnswer } from "./queue-options.ts";
import { QueuedRun, type QueuedRunParts, type ResultReceiver } from "./queued-run.ts";
import { runPhases } from "./run-phases.ts";

/** How many queued requests are examined for ones that can join the first. */
const maxLookedAt = 256;
/** Longer runs are never taken for short because of the runs before them. */
const shortRunMs = 1;

/** One model's inferences that are not yet sent to the host. Joins queued requests, as far as that pays, and
 *  enforces the limits in the model's settings. */
export class ModelQueue implements RunSource {
  readonly #options: ModelQueueOptions;
  readonly #size: JoinSize;
  readonly #limit: QueueLimit;
  readonly #waiting = new LinkedQueue<QueuedRun>();
  /** Requests whose batch failed: each runs by itself, before all others. */
  readonly #again = new LinkedQueue<QueuedRun>();
  /** Requests, not runs. */
  #inHost = 0;
  readonly #guard: JoinGuard;
  #joins = false;
  #expectedMs = Number.POSITIVE_INFINITY;
  #delayTimer: NodeJS.Timeout | undefined;
  readonly #expiry: QueueExpiry;
  readonly #admission: RunAdmission | undefined;
  /** There was no memory for the next run. */
  #heldProbe: Probe | undefined;

  constructor(options: ModelQueueOptions) {
    this.#options = options;
    const { mayJoin, isBuilt, joinedBytes, cheapRows, outputs, meter, settings } = options;
    this.#guard = new JoinGuard({
      mayJoin,
      isBuilt,
      maxRows: settings.maxBatchSize,
      cheapRows,
      outputs,
      onCompared: (isSame) => meter?.compared(isSame),
      onEnd: (end) => {
        this.#joins = false;
        options.onJoiningEnd(end);
      },
    });
    const { maxBatchSize } = settings;
    this.#size =
      joinedBytes === undefined
        ? new BatchGain(maxBatchSize)
        : new JoinedBytes(maxBatchSize, joinedBytes);
    this.#limit = new QueueLimit(options.settings);
    this.#expiry = new QueueExpiry(this.#waiting, settings.queueTimeoutMicroseconds / 1_000);
    this.#admission = options.admission?.(() => this.hasWaiting && options.host.offer(this));
  }

  get hasWaiting(): boolean {
    const hasProbe = this.#guard.hasProbe || this.#heldProbe !== undefined;
    return this.#waiting.size > 0 || this.#again.size > 0 || hasProbe;
  }

  /** Requests that are not yet sent to the host. */
  get waitingCount(): number {
    return this.#waiting.size + this.#again.size;
  }

  get joins(): boolean {
    return this.#joins;
  }

  get expectedMs(): number {
    return this.#expectedMs;
  }

  /** Rejects with the signal's reason as soon as it aborts, whether or not the host has the run, and with
   *  "overloaded" if the queue is too long or it waited too long; otherwise settles as the run does. `alone`:
   *  never joined with others. `needsAll`: with all the memory that runs may take. */
  run(
    request: RunRequest,
    { signal, alone, needsAll }: Pick<QueuedRunParts, "signal" | "needsAll"> & { alone: boolean },
    receiver: ResultReceiver,
  ): void {
    if (signal.aborted) {
      receiver.reject(signal.reason);
      return;
    }
    const refusal = this.#admission?.refusal(request) ?? this.#limit.refusal(this.#waiting.size);
    if (refusal !== undefined) {
      receiver.reject(refusal);
      return;
    }
    const rows = !this.#guard.mayJoin || alone ? undefined : rowsOf(request);
    if (this.#waiting.size === 0) this.#limit.noteEmpty();
    new QueuedRun({ request, rows, signal, needsAll, receiver }).enter(this.#waiting);
    this.#expiry.watch();
    this.#options.host.offer(this);
  }

  #shed(): void {
    const excess = this.#limit.excess(this.#waiting.size);
    if (excess === undefined) return;
    for (const run of [...this.#waiting].slice(excess.kept)) run.reject(excess.reason);
  }

  /** Rejects what is not yet sent to the host. */
  cancel(reason: RuntimeError): void {
    for (const run of [...this.#again, ...this.#waiting]) run.reject(reason);
    this.stopJoining();
    clearTimeout(this.#delayTimer);
    this.#expiry.stop();
    this.#admission?.leave();
  }

  /** From now on each queued request runs by itself. */
  stopJoining(): void {
    this.#guard.stop();
    this.#heldProbe = undefined;
    this.#joins = false;
  }

  next(): HostRun | undefined {
    // A request that has run by itself is compared with a probe sent after it.
    const probe = this.#again.size === 0 ? this.#nextProbe() : undefined;
    if (probe !== undefined) return probe;
    const { maxConcurrency } = this.#options.settings;
    const room = maxConcurrency === 0 ? Number.POSITIVE_INFINITY : maxConcurrency - this.#inHost;
    if (room <= 0) return undefined;
    const again = this.#again.first;
    const runs = again === undefined ? this.#gather(room) : [again];
    if (runs === undefined) return undefined;
    const admitted = this.#admit(runs);
    if (admitted === "waits") return undefined;
    if (admitted === "refused") return this.next();
    for (const run of runs) run.leave();
    if (again !== undefined) return this.#batch(runs, admitted);
    this.#limit.noteDeparture(runs.length, this.#waiting.size > 0);
    this.#shed();
    if (runs.length === 1 || !this.#guard.checksAhead(runs, this.#expectedMs)) {
      return this.#batch(runs, admitted);
    }
    admitted?.ended();
    this.#joins = false;
    this.#runSingly(runs);
    return this.next();
  }

  /** The first queued request, with those that can join it; undefined if there is none, or if waiting for
   *  more pays. */
  #gather(room: number): QueuedRun[] | undefined {
    const runs: QueuedRun[] = [];
    let rows = 0;
    let maxRows = 0;
    const { mostBytes = Number.POSITIVE_INFINITY } = this.#size;
    const bytesIn = (run: QueuedRun) =>
      mostBytes === Number.POSITIVE_INFINITY ? 0 : bytesOf(run.request.tensors);
    let bytes = 0;
    let lookedAt = 0;
    for (const run of this.#waiting) {
      const first = runs[0];
      if (first === undefined) {
        runs.push(run);
        rows = run.rows ?? 0;
        const canJoin = run.rows !== undefined && this.#guard.mayJoin;
        maxRows = canJoin ? this.#size.rowsFor(rows) : 0;
        this.#joins = maxRows > rows && this.#guard.allows;
        if (maxRows > rows) this.#guard.want();
        if (!this.#joins) return runs;
        bytes = bytesIn(run);
      } else if (
        run.rows !== undefined &&
        rows + run.rows <= maxRows &&
        bytes + bytesIn(run) <= mostBytes &&
        canJoin(first.request, run.request) &&
        this.#admission?.fits(first.request, rows + run.rows) !== false
      ) {
        runs.push(run);
        rows += run.rows;
        bytes += bytesIn(run);
      }
      const isFull = rows === maxRows || bytes >= mostBytes;
      if (isFull || runs.length >= room || ++lookedAt === maxLookedAt) return runs;
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

  /** Reserves memory for `runs`. Undefined: unlimited. */
  #admit(runs: readonly QueuedRun[]): AdmittedRun | "waits" | "refused" | undefined {
    const [first] = runs as readonly [QueuedRun];
    const rows = runs.length === 1 ? undefined : rowsIn(runs);
    const admission = this.#admission?.take(first.request, first, rows);
    if (admission?.tag === "waits") return "waits";
    if (admission?.tag !== "refused") return admission?.run;
    first.reject(admission.reason);
    return "refused";
  }

  #nextProbe(): HostRun | undefined {
    const probe = this.#heldProbe ?? this.#guard.nextProbe(this.#waiting);
    if (probe === undefined) return undefined;
    const [request] = probe.requests as [RunRequest];
    this.#heldProbe = probe;
    const isWanted = () => this.#heldProbe === probe;
    const claimant = {
      get isWanted() {
        return isWanted();
      },
    };
    const admission = this.#admission?.take(request, claimant, probe.rows);
    if (admission?.tag === "waits") return undefined;
    this.#heldProbe = undefined;
    if (admission?.tag !== "refused") return this.#probeRun(probe, admission?.run);
    probe.failed(admission.reason);
    return undefined;
  }

  #probeRun(probe: Probe, admitted: AdmittedRun | undefined): HostRun {
    const { owner, host, send } = this.#options;
    return probeRun(probe, {
      owner,
      admitted,
      send,
      onUsual: (rows, runMs) => this.#learn(rows, runMs),
      onEnd: () => this.hasWaiting && host.offer(this),
    });
  }

  #batch(runs: readonly QueuedRun[], admitted: AdmittedRun | undefined): HostRun {
    const { owner, send } = this.#options;
    const rows = rowsIn(runs);
    const requests = runs.map(({ request }) => request);
    const [{ wanted }] = requests as [RunRequest];
    this.#inHost += runs.length;
    const batch: HostRun = {
      owner,
      get isWanted() {
        return runs.some((run) => run.isWanted);
      },
      limitMs: this.#options.settings.maxRunMs,
      hasAll: runs.every(({ needsAll }) => needsAll),
      giveUp: (reason) => {
        for (const run of runs) if (run.isWanted) run.reject(reason);
      },
      noteTaken: (bytes) => admitted?.took(bytes),
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
          {
            wanted,
            tensors: joinRequests(requests, rows),
            isMeasured: admitted?.isMeasured === true,
          },
          {
            resolve: (answer) =>
              end(() => {
                admitted?.ended(answer);
                this.#count(runs, sentAtMs, answer);
                this.#learn(rows, answer.runMs);
                this.#settle(runs, answer.tensors);
              }),
            reject: (error) =>
              end(() => {
                const mayRunAgain = admitted?.failed(error) === true;
                if (mayRunAgain) this.#runWithAll(runs);
                else this.#fail(runs, this.#lossOf(batch, error));
              }),
          },
        );
      },
    };
    return batch;
  }

  /** Distinguishes the run that killed its host from those that only waited for it. */
  #lossOf(run: HostRun, error: unknown): unknown {
    if (!(error instanceof RuntimeError) || error.kind !== "host-lost") return error;
    return new HostLostError(this.#options.host.partInDeath(run), error);
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
      (error.kind === "run-failed" ||
        error.kind === "invalid-argument" ||
        error.kind === "over-budget");
    // One bad request fails the whole run; by itself, it fails alone.
    if (isOfRequest && runs.length > 1) this.#runSingly(runs);
    else for (const run of runs) run.reject(error);
  }

  /** They failed because memory is short. A single one gets all the memory there is. */
  #runWithAll(runs: readonly QueuedRun[]): void {
    this.#guard.failed(runs);
    const [first] = runs as readonly [QueuedRun];
    first.needsAll = runs.length === 1;
    this.#runSingly(runs);
  }

  #runSingly(runs: readonly QueuedRun[]): void {
    for (const run of runs) if (run.isWanted) run.enter(this.#again);
  }

  #count(
    runs: readonly QueuedRun[],
    sentAtMs: number,
    { computeMs, freeAtMs, startedAtMs }: RunAnswer,
  ): void {
    const { meter } = this.#options;
    const answeredAtMs = performance.now();
    let awaited = 0;
    let awaitedRows = 0;
    let rows = 0;
    for (const run of runs) {
      const own = run.rows ?? (this.#guard.mayJoin ? leadingRows(run.request) : 1);
      rows += own;
      if (run.isWanted) {
        awaited++;
        awaitedRows += own;
      }
      run.noteAnswered(answeredAtMs, computeMs);
      meter?.answered(run.waitedMs(sentAtMs), run.isWanted);
    }
    const moments = { sentAtMs, answeredAtMs, computeMs };
    const host = { freeAtMs: ownMs(freeAtMs), startedAtMs: ownMs(startedAtMs) };
    const phases = runPhases({ ...moments, ...host });
    meter?.ran({ ...phases, requests: runs.length, awaited, awaitedRows, rows });
  }

  #learn(rows: number, runMs: number): void {
    if (rows > 0) this.#size.record(rows, runMs);
    const before = Number.isFinite(this.#expectedMs) ? this.#expectedMs : runMs;
    // One long run is reason enough for caution; it takes many short ones to end it.
    this.#expectedMs = runMs > shortRunMs ? runMs : before + (runMs - before) / 8;
  }
}

/** Of a request that cannot be joined, for its size or because it has more than the usual inputs. */
function leadingRows({ tensors }: RunRequest): number {
  return tensors[0]?.shape[0] ?? 1;
}

function rowsIn(runs: readonly QueuedRun[]): number {
  return runs.reduce((sum, run) => sum + (run.rows ?? 0), 0);
}
