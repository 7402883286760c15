import type { IndexedTensor } from "../wire/host-protocol.ts";
import { type RunRequest, splitResults } from "./batch-join.ts";
import { bytesOf, type Comparison, copiesOf, copyOf, differenceAt, type Probe } from "./probe.ts";
import type { QueuedRun } from "./queued-run.ts";
import { differingResult } from "./same-results.ts";

/** Results up to this many bytes are kept for comparison, besides those of the first request. */
const maxResultBytes = 4 * 1024 * 1024;
/** This many requests of a run are examined again after it. */
const maxSamples = 4;

/** Real requests that run both one by one and joined, to compare the results. */
export interface JoinCheck {
  readonly hasProbe: boolean;
  nextProbe(): Probe | undefined;
  /** A request of the check has run by itself; undefined: it failed. */
  noteAlone(run: QueuedRun, tensors: readonly IndexedTensor[] | undefined): void;
}

interface Part {
  readonly request: RunRequest;
  readonly rows: number;
}

/** The requests get their responses from runs of their own, and also run joined when these are sent: what a
 *  client gets is certain. Hosts answer in order, so the single results are here before the joined run's. */
export class CheckAhead implements JoinCheck {
  readonly #runs: readonly QueuedRun[];
  readonly #parts: readonly Part[];
  readonly #alone: (readonly IndexedTensor[] | undefined)[] = [];
  readonly #onEnd: (outcome: Comparison) => void;
  #keptBytes = 0;
  #hasFailed = false;
  #isSent = false;

  /** `runs` can be joined. `onEnd` is called once. */
  constructor(runs: readonly QueuedRun[], onEnd: (outcome: Comparison) => void) {
    this.#runs = runs;
    this.#parts = runs.map(({ request, rows = 0 }) => ({ request: copyOf(request), rows }));
    this.#onEnd = onEnd;
  }

  get hasProbe(): boolean {
    return !this.#isSent;
  }

  noteAlone(run: QueuedRun, tensors: readonly IndexedTensor[] | undefined): void {
    const at = this.#runs.indexOf(run);
    if (at < 0) return;
    if (tensors === undefined) {
      this.#hasFailed = true;
      return;
    }
    const bytes = bytesOf(tensors);
    if (this.#keptBytes > 0 && this.#keptBytes + bytes > maxResultBytes) return;
    this.#keptBytes += bytes;
    this.#alone[at] = copiesOf(tensors);
  }

  nextProbe(): Probe | undefined {
    if (this.#isSent) return undefined;
    this.#isSent = true;
    const counts = this.#parts.map(({ rows }) => rows);
    const rows = counts.reduce((a, b) => a + b);
    return {
      requests: this.#parts.map(({ request }) => request),
      rows,
      isUsual: true,
      answered: (tensors) => this.#onEnd(this.#compare(splitResults(tensors, counts), rows)),
      // A request that fails by itself fails among others.
      failed: (error) => this.#onEnd(this.#hasFailed ? { tag: "void" } : { tag: "failed", error }),
    };
  }

  #compare(joined: IndexedTensor[][] | undefined, rows: number): Comparison {
    if (joined === undefined) return { tag: "different", output: undefined, rows };
    let compared = 0;
    for (const [at, alone] of this.#alone.entries()) {
      if (alone === undefined) continue;
      compared++;
      const { request } = this.#parts[at] as Part;
      const place = differingResult(alone, joined[at] ?? []);
      if (place !== undefined) return differenceAt(place, request, rows);
    }
    return { tag: compared > 0 ? "same" : "void" };
  }
}

/** Some requests of a joined run, whose clients have their responses, run by themselves when no one waits. */
export class CheckAfter implements JoinCheck {
  readonly #samples: (Part & { readonly joined: readonly IndexedTensor[] })[] = [];
  readonly #rows: number;
  readonly #onEnd: (outcome: Comparison) => void;
  #unanswered: number;
  #isOver = false;

  /** Must be made before the clients have their results. */
  constructor(
    runs: readonly QueuedRun[],
    results: readonly (readonly IndexedTensor[])[],
    onEnd: (outcome: Comparison) => void,
  ) {
    this.#onEnd = onEnd;
    this.#rows = runs.reduce((sum, run) => sum + (run.rows ?? 0), 0);
    let bytes = 0;
    const count = Math.min(maxSamples, runs.length);
    for (let sample = 0; sample < count; sample++) {
      // The first, the last, and some in between.
      const at = Math.round((sample * (runs.length - 1)) / Math.max(1, count - 1));
      const [run, joined] = [runs[at] as QueuedRun, results[at] ?? []];
      bytes += bytesOf(run.request.tensors) + bytesOf(joined);
      if (sample > 0 && bytes > maxResultBytes) break;
      const { request, rows = 0 } = run;
      this.#samples.push({ request: copyOf(request), rows, joined: copiesOf(joined) });
    }
    this.#unanswered = this.#samples.length;
  }

  get hasProbe(): boolean {
    return this.#samples.length > 0;
  }

  noteAlone(): void {}

  nextProbe(): Probe | undefined {
    const sample = this.#samples.shift();
    if (sample === undefined) return undefined;
    const { request, rows, joined } = sample;
    return {
      requests: [request],
      rows,
      isUsual: false,
      answered: (alone) => {
        const at = differingResult(alone, joined);
        if (at !== undefined) this.#end(differenceAt(at, request, this.#rows));
        else if (--this.#unanswered === 0) this.#end({ tag: "same" });
      },
      // The joined run succeeded, so the failure is not due to the rows.
      failed: () => this.#end({ tag: "void" }),
    };
  }

  #end(outcome: Comparison): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#samples.length = 0;
    this.#onEnd(outcome);
  }
}
