import { RuntimeError } from "../../base/errors.ts";
import type { IndexedTensor } from "../wire/host-protocol.ts";
import { Rehearsal } from "./batch-rehearsal.ts";
import { CheckAfter, CheckAhead, type JoinCheck } from "./join-check.ts";
import { bytesOf, type Comparison, type Probe } from "./probe.ts";
import type { QueuedRun } from "./queued-run.ts";
import type { Manner } from "./stranger.ts";

/** Why a model's requests are no longer joined. */
export interface JoiningEnd {
  /** For people, without values. */
  readonly reason: string;
  /** Whether a joined run has returned other results than single ones, so that joining must not be tried
   *  again. */
  readonly isWrong: boolean;
}

export interface JoinGuardOptions {
  /** Whether requests may be joined unless something speaks against it. */
  readonly mayJoin: boolean;
  /** Whether joined runs need not be compared with single ones: see `RowProof`. */
  readonly isBuilt?: boolean | undefined;
  /** Rows that a joined run may have. */
  readonly maxRows: number;
  /** Rows of a rehearsal, beyond three times those of its request, that the model's memory allows for. */
  readonly cheapRows: number;
  /** Names of the model's outputs. */
  readonly outputs: readonly string[];
  /** A joined run has been compared with single ones. */
  onCompared(isSame: boolean): void;
  /** Called at most once. */
  onEnd(end: JoiningEnd): void;
}

/** "wanted": joining would pay, so the next request that runs alone is rehearsed; "rehearsing": that is under
 *  way. */
type State = "untested" | "wanted" | "rehearsing" | "allowed" | "never";

/** Attempts in sequence if a rehearsal fails: the made-up values may have been at fault. */
const manners: readonly Manner[] = ["changed", "shuffled", "repeated"];

/** How many joined runs of each size (1, 2, 4 … times two rows) are checked. */
const checksOfSize = 2;
/** After this many inconclusive checks of a size, its next checks run after the clients have their
 *  responses. */
const maxVoidChecks = 4;
/** Later checks run at this number of joined runs, then at multiples by this factor. */
const firstLaterCheck = 64;
const laterChecksFactor = 4;
/** Checks that take longer, or are bigger, run after their clients have their responses. */
const maxAheadMs = 100;
const maxAheadBytes = 1024 * 1024;
/** A check that can wait lets this many of the model's runs go first. */
const maxDeferrals = 32;

interface SizeChecks {
  same: number;
  void: number;
}

/** Watches over joining for one model. Requests are joined if that is proven or promised to be safe. A
 *  rehearsal before the first joined run confirms it, and so do checks of joined runs against single ones: of
 *  the first of each size, then less and less often. A difference ends joining for good. */
export class JoinGuard {
  readonly #options: JoinGuardOptions;
  readonly #sizes: SizeChecks[] = [];
  #state: State;
  #rehearsal: Rehearsal | undefined;
  #failedRehearsals = 0;
  #check: JoinCheck | undefined;
  /** Until a check ahead has passed, its kind of run has not been shown to be right. */
  #isAhead = false;
  /** To be examined when its response arrives. */
  #later: readonly QueuedRun[] | undefined;
  #joinedRuns = 0;
  #nextLaterCheck = firstLaterCheck;
  #deferrals = 0;

  constructor(options: JoinGuardOptions) {
    this.#options = options;
    const { mayJoin, isBuilt } = options;
    this.#state = !mayJoin ? "never" : isBuilt ? "allowed" : "untested";
  }

  /** False: requests need not be examined for what they have in common. */
  get mayJoin(): boolean {
    return this.#state !== "never";
  }

  /** Whether requests are joined now. */
  get allows(): boolean {
    return this.#state === "allowed" && !this.#isAhead;
  }

  get hasProbe(): boolean {
    return this.#rehearsal?.hasProbe === true || this.#check?.hasProbe === true;
  }

  /** Joining would pay. The first time, the request that runs next shows whether it is right. */
  want(): void {
    if (this.#state === "untested") this.#state = "wanted";
  }

  /** The probe to send now, while `waiting` wait. */
  nextProbe(waiting: Iterable<QueuedRun> & { readonly size: number }): Probe | undefined {
    const rehearsed = this.#rehearsal?.nextProbe(waiting);
    if (rehearsed !== undefined) return rehearsed;
    if (this.#check?.hasProbe !== true) return undefined;
    if (!this.#isAhead && waiting.size > 0 && ++this.#deferrals <= maxDeferrals) return undefined;
    return this.#check.nextProbe();
  }

  /** `runs`, two or more that can join, are about to be sent. True: send them individually, and let no others
   *  join them until the probe returns. `expectedMs`: of one run. */
  checksAhead(runs: readonly QueuedRun[], expectedMs: number): boolean {
    if (this.#options.isBuilt) return false;
    const size = this.#sizeOf(rowsOf(runs));
    const isUnchecked = size.same < checksOfSize;
    if (isUnchecked && size.void < maxVoidChecks && isCheap(runs, expectedMs)) {
      this.#isAhead = true;
      // A check after the fact, of a size that is already known, need not be killed for.
      const check: JoinCheck = new CheckAhead(runs, (outcome) =>
        this.#endCheck(check, size, outcome),
      );
      this.#check = check;
      return true;
    }
    const isDue = ++this.#joinedRuns >= this.#nextLaterCheck;
    if (isDue) this.#nextLaterCheck *= laterChecksFactor;
    if ((isUnchecked || isDue) && this.#check === undefined) this.#later ??= runs;
    return false;
  }

  /** A request that ran by itself has its response. */
  ranAlone(run: QueuedRun, tensors: readonly IndexedTensor[]): void {
    if (this.#isAhead) this.#check?.noteAlone(run, tensors);
    else if (this.#state === "wanted") this.#rehearse(run, tensors);
  }

  /** `runs` were served by one run; their clients do not have `results` yet. */
  ranJoined(runs: readonly QueuedRun[], results: readonly (readonly IndexedTensor[])[]): void {
    if (this.#later !== runs) return;
    this.#later = undefined;
    if (this.#state !== "allowed" || this.#check !== undefined) return;
    const size = this.#sizeOf(rowsOf(runs));
    this.#deferrals = 0;
    const check: JoinCheck = new CheckAfter(runs, results, (outcome) =>
      this.#endCheck(check, size, outcome),
    );
    this.#check = check;
  }

  /** A joined run of `runs` has failed. */
  failed(runs: readonly QueuedRun[]): void {
    if (this.#later === runs) this.#later = undefined;
    for (const run of runs) this.#check?.noteAlone(run, undefined);
  }

  /** The outputs of a joined run did not have one row for each row of its inputs. */
  noteNoRows(rows: number): void {
    this.#settle({ tag: "different", output: undefined, rows });
  }

  /** Ends joining without calling `onEnd`. */
  stop(): void {
    this.#state = "never";
    this.#rehearsal = undefined;
    this.#check = undefined;
    this.#isAhead = false;
    this.#later = undefined;
  }

  #rehearse(run: QueuedRun, alone: readonly IndexedTensor[]): void {
    const { request, rows } = run;
    if (rows === undefined) return;
    this.#state = "rehearsing";
    const { maxRows, cheapRows } = this.#options;
    this.#rehearsal = new Rehearsal({
      request,
      rows,
      alone,
      maxRows: Math.min(maxRows, Math.max(cheapRows, 3 * rows)),
      manner: manners[this.#failedRehearsals] ?? "repeated",
      onEnd: (outcome) => {
        this.#rehearsal = undefined;
        // The outputs may have shown it in the meantime.
        if (this.#state === "rehearsing") this.#endRehearsal(outcome);
      },
    });
  }

  #endRehearsal(outcome: Comparison): void {
    if (outcome.tag === "failed" && ++this.#failedRehearsals < manners.length) {
      this.#state = "untested";
    } else {
      this.#state = "allowed";
      this.#settle(outcome);
    }
  }

  #endCheck(check: JoinCheck, size: SizeChecks, outcome: Comparison): void {
    if (this.#check !== check) return;
    this.#check = undefined;
    this.#isAhead = false;
    if (outcome.tag === "same") size.same++;
    else size.void++;
    this.#settle(outcome);
  }

  #settle(outcome: Comparison): void {
    if (this.#state === "never" || outcome.tag === "void") return;
    const isWrong = outcome.tag === "different" || (outcome.tag === "failed" && isOfModel(outcome));
    if (outcome.tag === "failed" && !isWrong) {
      this.#notePassing(outcome);
      return;
    }
    this.#options.onCompared(!isWrong);
    if (!isWrong) return;
    this.stop();
    this.#options.onEnd({ reason: this.#describe(outcome), isWrong });
  }

  /** The run failed because memory is short, or because the model or its host is going away. */
  #notePassing({ error }: { readonly error: unknown }): void {
    if (this.#failedRehearsals < manners.length) return;
    this.stop();
    const kind = error instanceof RuntimeError ? error.kind : "unknown";
    const reason = `a joined run could not be tried (${kind})`;
    this.#options.onEnd({ reason, isWrong: false });
  }

  #describe(outcome: Comparison): string {
    if (outcome.tag !== "different") return "a joined run failed where single runs did not";
    const { output, rows } = outcome;
    if (output === undefined) return `a joined run of ${rows} rows had other rows than its inputs`;
    const name = this.#options.outputs[output] ?? `${output}`;
    return `a joined run of ${rows} rows differed from single runs in output '${name}'`;
  }

  #sizeOf(rows: number): SizeChecks {
    const power = Math.ceil(Math.log2(rows));
    this.#sizes[power] ??= { same: 0, void: 0 };
    return this.#sizes[power];
  }
}

function isOfModel({ error }: { readonly error: unknown }): boolean {
  return (
    error instanceof RuntimeError &&
    (error.kind === "run-failed" || error.kind === "invalid-argument")
  );
}

function isCheap(runs: readonly QueuedRun[], expectedMs: number): boolean {
  const bytes = runs.reduce((sum, { request }) => sum + bytesOf(request.tensors), 0);
  return bytes <= maxAheadBytes && (runs.length === 2 || runs.length * expectedMs <= maxAheadMs);
}

function rowsOf(runs: readonly QueuedRun[]): number {
  return runs.reduce((sum, { rows = 0 }) => sum + rows, 0);
}
