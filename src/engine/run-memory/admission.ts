import { RuntimeError, withoutStack } from "../../base/errors.ts";
import type { TensorSpec } from "../../base/tensor.ts";
import type { ClaimPlace } from "./budget.ts";
import type { HostShare, RunGrant } from "./host-share.ts";
import type { Expectation, ModelRuns, SizedTensor } from "./model-runs.ts";
import { type RunNeed, totalOf } from "./need.ts";

/** The part of a request that matters here. */
export interface SizedRequest {
  readonly tensors: readonly SizedTensor[];
}

/** The client that wants to run. */
export interface RunClaimant {
  readonly isWanted: boolean;
  /** It has failed because memory was short, with less than all: it gets all. */
  readonly needsAll?: boolean;
  /** Set here: called when the request leaves without having run. */
  onGone?: (() => void) | undefined;
}

/** What a host reports about a run's memory; undefined where it was not measured. */
export interface RunMeasures {
  /** The most that the host grew. */
  readonly peakBytes?: number | undefined;
  /** The host's private memory after the run. */
  readonly memoryBytes?: number | undefined;
}

/** A run that may be sent. Either `ended` or `failed` is called, once. */
export interface AdmittedRun {
  /** Whether the host should report what the run took. */
  readonly isMeasured: boolean;
  ended(measured?: RunMeasures): void;
  /** The run has already taken this much, before either is called. */
  took(bytes: number): void;
  /** True: it might not have failed with all the memory that runs may take. */
  failed(error: unknown): boolean;
}

export type Admission =
  | { readonly tag: "admitted"; readonly run: AdmittedRun }
  /** `onRoom` will be called. */
  | { readonly tag: "waits" }
  | { readonly tag: "refused"; readonly reason: RuntimeError };

export interface RunAdmissionParts {
  readonly share: HostShare;
  readonly runs: ModelRuns;
  readonly inputs: readonly TensorSpec[];
  /** What a host with this much private memory keeps of its runs' memory. */
  keptOf(memoryBytes: number): number;
  /** Lets the host take this much for its runs. Resolves when it may; undefined if it may already. */
  allow(bytes: number): Promise<void> | undefined;
  onRoom(): void;
}

const free: Admission = {
  tag: "admitted",
  run: { isMeasured: false, ended: () => {}, took: () => {}, failed: () => false },
};
const waits: Admission = { tag: "waits" };

/** Shapes may overstate a run's need by this factor: a run that needs too much by no more than that is
 *  tried. */
const doubt = 1.25;

/** A run that failed with all memory says something of its shapes only if it was expected to need this share of it:
 *  what makes a smaller one fail is the state of its host. */
const largeShare = 1 / 2;

/** Decides when one model's runs may go to its host, by the memory that they need. */
export class RunAdmission {
  readonly #parts: RunAdmissionParts;
  /** The next run's place in the line for memory. */
  #place: ClaimPlace | undefined;
  #claimant: RunClaimant | undefined;
  /** Needs, by shape, of large runs that failed although they had all the memory. */
  #tooMuchBytes = Number.POSITIVE_INFINITY;
  #isPreparing = false;

  constructor(parts: RunAdmissionParts) {
    this.#parts = parts;
  }

  /** Why a request can never run. Also undefined if that is not known yet. */
  refusal({ tensors }: SizedRequest): RuntimeError | undefined {
    const expected = this.#expect(tensors, undefined);
    return expected && this.#refusalOf(expected);
  }

  /** Whether the request could run now, joined with others that have `rows` rows in total. False until that
   *  is known, which is soon. */
  fits({ tensors }: SizedRequest, rows: number): boolean {
    const expected = this.#expect(tensors, rows);
    if (expected === undefined) {
      this.#prepare();
      return false;
    }
    return isFree(expected) || this.#parts.share.fits(expected.need);
  }

  /** Takes the memory for a run of `request`, with `rows` rows in total if that is given. */
  take({ tensors }: SizedRequest, claimant: RunClaimant, rows: number | undefined): Admission {
    const { share, allow, onRoom } = this.#parts;
    const expected = this.#expect(tensors, rows);
    if (expected === undefined) {
      this.#prepare();
      return waits;
    }
    if (isFree(expected) && claimant.needsAll !== true) return free;
    const reason = this.#refusalOf(expected);
    if (reason !== undefined) return { tag: "refused", reason };
    const need = this.#bounded(expected.need, claimant.needsAll);
    const allowing = allow(share.bytesWith(need));
    if (allowing !== undefined) {
      void allowing.then(onRoom);
      return waits;
    }
    if (this.#place?.isTaken === false) this.#place = undefined;
    const grant = share.take(need, this.#place);
    if (grant === undefined) {
      this.#wait(need, claimant);
      return waits;
    }
    this.#place = undefined;
    this.#forget();
    return { tag: "admitted", run: this.#admitted(grant, expected, need) };
  }

  /** The next run needs no memory any more. */
  leave(): void {
    this.#forget();
    const place = this.#place;
    this.#place = undefined;
    if (place !== undefined) this.#parts.share.leave(place);
  }

  #expect(tensors: readonly SizedTensor[], rows: number | undefined): Expectation | undefined {
    return this.#parts.runs.expect(tensors, rows, this.#parts.inputs);
  }

  #prepare(): void {
    if (this.#isPreparing) return;
    this.#isPreparing = true;
    void this.#parts.runs.prepare().then(() => {
      this.#isPreparing = false;
      this.#parts.onRoom();
    });
  }

  #wait(need: RunNeed, claimant: RunClaimant): void {
    const { share, onRoom } = this.#parts;
    this.#forget();
    this.#claimant = claimant;
    claimant.onGone = () => {
      this.leave();
      onRoom();
    };
    if (this.#place !== undefined) {
      share.waitsFor(this.#place, need);
      return;
    }
    const isWanted = () => this.#claimant?.isWanted === true;
    this.#place = share.wait(need, {
      get isWanted() {
        return isWanted();
      },
      wake: onRoom,
    });
  }

  #forget(): void {
    if (this.#claimant !== undefined) this.#claimant.onGone = undefined;
    this.#claimant = undefined;
  }

  #admitted(grant: RunGrant, expected: Expectation, need: RunNeed): AdmittedRun {
    const { totalBytes } = this.#parts.share;
    const isWhole = totalOf(need) >= totalBytes;
    const ban = () => {
      const { followedBytes = Number.POSITIVE_INFINITY } = expected;
      const isLarge = totalOf(expected.need) >= largeShare * totalBytes;
      if (isWhole && isLarge) this.#tooMuchBytes = Math.min(this.#tooMuchBytes, followedBytes);
    };
    return {
      isMeasured: true,
      ended: ({ peakBytes, memoryBytes } = {}) => {
        const { runs, keptOf } = this.#parts;
        grant.end(memoryBytes && keptOf(memoryBytes));
        if (peakBytes !== undefined) runs.learn(expected, peakBytes);
      },
      took: (bytes) => {
        this.#parts.runs.learn(expected, bytes);
        ban();
      },
      failed: (error) => {
        // The host has not reported what it keeps.
        grant.end(Number.POSITIVE_INFINITY);
        if (!(error instanceof RuntimeError) || error.kind !== "over-budget") return false;
        // The next attempt, and the runs of others, must not find what this one has left.
        this.#parts.share.onPressure();
        ban();
        return !isWhole;
      },
    };
  }

  /** What earlier runs took may raise the need above all there is: then it is tried with all, and its own failure
   *  decides. */
  #refusalOf({ need, followedBytes, plainBytes }: Expectation): RuntimeError | undefined {
    const { share } = this.#parts;
    if (followedBytes === undefined) return undefined;
    const isTooMuch = followedBytes >= this.#tooMuchBytes;
    if (!isTooMuch && plainBytes <= doubt * share.totalBytes) return undefined;
    share.noteRefusal();
    return withoutStack(
      () =>
        new RuntimeError(
          "over-budget",
          `a run of these shapes needs about ${mebibytes(totalOf(need))} MiB, and all runs together may take ` +
            `${mebibytes(share.totalBytes)} MiB: send smaller inputs or raise RUN_MEMORY_BYTES`,
        ),
    );
  }

  /** At most all the memory there is. */
  #bounded(need: RunNeed, needsAll = false): RunNeed {
    const { totalBytes } = this.#parts.share;
    if (!needsAll && totalOf(need) <= totalBytes) return need;
    const inputBytes = Math.min(need.inputBytes, totalBytes);
    return { runBytes: totalBytes - inputBytes, inputBytes };
  }
}

function isFree({ need }: Expectation): boolean {
  return need.runBytes === 0;
}

function mebibytes(bytes: number): number {
  return Math.ceil(bytes / 1024 / 1024);
}
