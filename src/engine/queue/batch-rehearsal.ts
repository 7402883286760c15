import type { IndexedTensor } from "../wire/host-protocol.ts";
import { canJoin, type RunRequest, splitResults } from "./batch-join.ts";
import { type Comparison, copiesOf, copyOf, differenceAt, type Probe } from "./probe.ts";
import { differingResult } from "./same-results.ts";
import { type Manner, strangerOf } from "./stranger.ts";

/** A rehearsal sends no more bytes than this. */
const maxBytes = 6 * 1024 * 1024;
/** A cheap rehearsal has at least this many rows. */
const fewRows = 8;

/** How many rows are placed before and after the request's own. */
type Scene = readonly [before: number, after: number];

export interface RehearsalParts {
  readonly request: RunRequest;
  readonly rows: number;
  /** The results of the request when it ran alone. */
  readonly alone: readonly IndexedTensor[];
  /** Maximum rows of one run. */
  readonly maxRows: number;
  readonly manner: Manner;
  /** Called once. */
  readonly onEnd: (outcome: Comparison) => void;
}

/** Runs an answered request again among others, in several positions: a model that looks beyond one row
 *  (back, ahead, or at the mean of all) then returns something else than for the request alone. The other
 *  rows are queued requests where there are any, and otherwise made up from the request's own values. */
export class Rehearsal {
  readonly #parts: RehearsalParts;
  readonly #scenes: Scene[];
  #unanswered: number;
  #sceneNumber = 0;
  #strangers = 0;
  #isOver = false;

  /** Copies what it needs. */
  constructor(parts: RehearsalParts) {
    this.#parts = { ...parts, request: copyOf(parts.request), alone: copiesOf(parts.alone) };
    this.#scenes = scenesFor(parts);
    this.#unanswered = this.#scenes.length;
  }

  get hasProbe(): boolean {
    return this.#scenes.length > 0;
  }

  /** `neighbours`: requests that are queued. */
  nextProbe(neighbours: Iterable<{ readonly request: RunRequest }>): Probe | undefined {
    const scene = this.#scenes.shift();
    if (scene === undefined) return undefined;
    this.#sceneNumber++;
    const { request, rows } = this.#parts;
    const [before, after] = [this.#others(scene[0], []), this.#others(scene[1], neighbours)];
    const requests = [...before, request, ...after];
    const counts = requests.map(({ tensors }) => tensors[0]?.shape[0] ?? rows);
    const total = counts.reduce((a, b) => a + b);
    return {
      requests,
      rows: total,
      isUsual: false,
      answered: (tensors) => this.#compare(splitResults(tensors, counts)?.[before.length], total),
      failed: (error) => this.#end({ tag: "failed", error }),
    };
  }

  /** Requests with `rows` rows in total, `neighbours` first. */
  #others(rows: number, neighbours: Iterable<{ readonly request: RunRequest }>): RunRequest[] {
    const { request, manner } = this.#parts;
    const others: RunRequest[] = [];
    let left = rows;
    for (const { request: neighbour } of neighbours) {
      const its = neighbour.tensors[0]?.shape[0] ?? 0;
      // Repetitions of the request can only fail because of their rows; other requests may be bad themselves.
      if (left === 0 || manner === "repeated") break;
      if (its < 1 || its > left || !hasRows(neighbour, its) || !canJoin(request, neighbour))
        continue;
      others.push(neighbour);
      left -= its;
    }
    if (left === 0) return others;
    const seed = this.#strangers++;
    const isExtreme = this.#sceneNumber % 2 === 1;
    others.push(strangerOf(request, { rows: left, manner, seed, isExtreme }));
    return others;
  }

  #compare(among: readonly IndexedTensor[] | undefined, rows: number): void {
    if (among === undefined) this.#end({ tag: "different", output: undefined, rows });
    else {
      const { request, alone } = this.#parts;
      const at = differingResult(alone, among);
      if (at !== undefined) this.#end(differenceAt(at, request, rows));
      else if (--this.#unanswered === 0) this.#end({ tag: "same" });
    }
  }

  #end(outcome: Comparison): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#scenes.length = 0;
    this.#parts.onEnd(outcome);
  }
}

/** One row before it; as many before as after; and several after if that is cheap. */
function scenesFor({ request, rows, maxRows }: RehearsalParts): Scene[] {
  const bytesPerRow = request.tensors.reduce((sum, { data }) => sum + data.byteLength, 0) / rows;
  const room = Math.max(
    1,
    Math.min(maxRows, Math.floor(maxBytes / Math.max(1, bytesPerRow))) - rows,
  );
  const scenes: Scene[] = [[1, 0]];
  if (room >= 2 * rows) scenes.push([rows, rows]);
  else if (room > 1) scenes.push([0, room]);
  else scenes.push([0, 1]);
  const more = Math.min(fewRows - rows, room);
  if (more > 2 * rows) scenes.push([2, more - 2]);
  return scenes;
}

function hasRows({ tensors }: RunRequest, rows: number): boolean {
  return tensors.every(({ shape }) => shape[0] === rows);
}
