import type { OnnxNode } from "../graph/model-graph.ts";
import { namesUsedBy } from "../graph/node-names.ts";
import { storedBytes } from "../graph/tensor-bytes.ts";
import { at, elements, type Shape, withSize } from "../shapes/node-view.ts";
import type { FollowedBody, FollowedNode, FollowedValue } from "../shapes/walk.ts";
import { unfoldedConstants } from "./model-memory.ts";

/** What a run takes beyond what the session holds. */
export interface RunMemory {
  /** The peak of what is alive between nodes and in the node that runs. */
  readonly peakBytes: number;
  /** The part that every run first computes from constants, because the optimizer leaves it to the run. */
  readonly constantBytes: number;
  /** Whether the shapes of all values were clear; otherwise some are guesses. */
  readonly isClear: boolean;
  /** Bytes of the largest value whose shape is not a guess. */
  readonly largestClearBytes: number;
}

/** As CPU kernels use them: half-precision is computed in FP32. */
const halfBytes = 2;
const singleBytes = 4;
/** Above any machine, and small enough for exact sums. */
const mostBytes = 2 ** 42;

/** Kernels that reuse their input's memory under another shape. */
const reshaping = new Set(["Flatten", "Identity", "Reshape", "Squeeze", "Unsqueeze"]);
/** Kernels that overwrite an input that is no longer needed, or are merged into the previous one. */
const overwriting = new Set(
  "Abs Add BatchNormalization Cast Ceil Clip Div Dropout Elu Erf Exp Floor HardSigmoid HardSwish LeakyRelu Log Mul Neg Not PRelu Pow Reciprocal Relu Round Selu Sigmoid Sign Softmax Softplus Sqrt Sub Sum Tanh ThresholdedRelu".split(
    " ",
  ),
);
/** For texts and signals: their dimensions vary, and after merging a product with its sum the engine no
 *  longer sees that two shapes are equal. */
const rankOfSequences = 3;

/** What a convolution unrolls at a time. */
const unrolledBytes = 2 * 1024 * 1024;
/** Between two-dimensional convolutions, images are stored in blocks of this many channels, the last one
 *  padded. */
const blockChannels = 16;
const imageRank = 4;
const pooling = new Set(["AveragePool", "GlobalAveragePool", "GlobalMaxPool", "MaxPool"]);
const gates: Readonly<Record<string, number>> = { DynamicQuantizeLSTM: 4, GRU: 3, LSTM: 4, RNN: 1 };

/** For a run with the shapes of `body`. */
export function runMemory(body: FollowedBody): RunMemory {
  const trace = new Trace();
  const names = trace.body(body);
  for (const name of names) trace.free(name);
  return {
    peakBytes: Math.min(trace.peakBytes, mostBytes),
    constantBytes: Math.min(trace.constantBytes, mostBytes),
    isClear: trace.isClear,
    largestClearBytes: trace.largestClearBytes,
  };
}

interface Piece {
  readonly bytes: number;
}

class Trace {
  isClear = true;
  peakBytes = 0;
  constantBytes = 0;
  largestClearBytes = 0;
  #liveBytes = 0;
  #live = new Map<string, Piece>();
  /** Names of images stored in blocks. */
  readonly #blocked = new Set<string>();

  /** The values that leave the body, which are still alive. */
  body(body: FollowedBody): readonly string[] {
    const around = this.#live;
    this.#live = new Map();
    const { repeated, fused } = unfoldedConstants(body);
    const isRepeated = ({ node }: FollowedNode) => node.outputs.some((name) => repeated.has(name));
    // Nothing delays these: they run before all others.
    const ordered = [
      ...body.nodes.filter(isRepeated),
      ...body.nodes.filter((node) => !isRepeated(node)),
    ];
    const lastUses = lastUsesOf(ordered, new Set(body.outputs));
    for (const [index, followed] of ordered.entries()) {
      const isFused = followed.node.outputs.some((name) => fused.has(name));
      const isHeld =
        followed.bodies.length === 0 &&
        !isRepeated(followed) &&
        followed.results.every(({ isConstant }) => isConstant);
      this.isClear &&= followed.results.every(({ isGuess }) => !isGuess);
      if (isRepeated(followed)) this.constantBytes += sumOf(followed.results);
      if (!isFused && !isHeld) this.#node(followed, new Set(lastUses.get(index) ?? []));
    }
    const left = [...this.#live.keys()];
    for (const name of left) {
      if (!body.outputs.includes(name)) this.free(name);
    }
    const inner = this.#live;
    this.#live = new Map([...around, ...inner]);
    return body.outputs.filter((name) => inner.has(name));
  }

  free(name: string): void {
    const piece = this.#live.get(name);
    if (piece === undefined) return;
    this.#live.delete(name);
    this.#release(piece);
  }

  #node({ node, inputs, results, bodies }: FollowedNode, dying: ReadonlySet<string>): void {
    for (const inner of bodies) for (const name of this.body(inner)) this.free(name);
    const workBytes = workspaceOf({ op: node.op, inputs, results });
    const work = workBytes > 0 ? this.#allocate(workBytes) : undefined;
    for (const [output, value] of results.entries()) {
      const name = node.outputs[output] ?? "";
      if (name === "") continue;
      const isBlocked = this.#isBlocked(node);
      if (isBlocked) this.#blocked.add(name);
      const bytes = isBlocked ? blockedBytes(value) : bytesOf(value);
      if (!value.isGuess) this.largestClearBytes = Math.max(this.largestClearBytes, bytes);
      const taken =
        output === 0 && isInPlace(node.op, value.shape)
          ? this.#over(node.inputs, { dying, bytes })
          : undefined;
      this.#live.set(name, taken ?? this.#allocate(bytes));
    }
    if (work !== undefined) this.#release(work);
    for (const name of dying) this.free(name);
  }

  #isBlocked({ op, inputs }: OnnxNode): boolean {
    if (op === "Conv") return true;
    const isKept = overwriting.has(op) || pooling.has(op);
    return isKept && this.#blocked.has(inputs[0] ?? "");
  }

  /** The part of an input that ends here and has the same size. */
  #over(
    inputs: readonly string[],
    { dying, bytes }: { readonly dying: ReadonlySet<string>; readonly bytes: number },
  ): Piece | undefined {
    for (const name of inputs) {
      const piece = this.#live.get(name);
      if (piece === undefined || piece.bytes !== bytes || !dying.has(name)) continue;
      this.#live.delete(name);
      return piece;
    }
    return undefined;
  }

  #allocate(bytes: number): Piece {
    this.#liveBytes += bytes;
    this.peakBytes = Math.max(this.peakBytes, this.#liveBytes);
    return { bytes };
  }

  #release({ bytes }: Piece): void {
    this.#liveBytes -= bytes;
  }
}

function isInPlace(op: string, shape: Shape): boolean {
  return reshaping.has(op) || (overwriting.has(op) && shape.length !== rankOfSequences);
}

/** Node index -> the results of nodes that are not needed after it. */
function lastUsesOf(
  nodes: readonly FollowedNode[],
  kept: ReadonlySet<string>,
): ReadonlyMap<number, readonly string[]> {
  const last = new Map<string, number>();
  for (const [index, { node }] of nodes.entries()) {
    for (const name of node.outputs) last.set(name, index);
    for (const name of namesUsedBy(node)) if (last.has(name)) last.set(name, index);
  }
  const byNode = new Map<number, string[]>();
  for (const [name, index] of last) {
    if (kept.has(name)) continue;
    const names = byNode.get(index);
    if (names === undefined) byNode.set(index, [name]);
    else names.push(name);
  }
  return byNode;
}

/** What a kernel needs while it runs. */
function workspaceOf({
  op,
  inputs,
  results,
}: {
  readonly op: string;
  readonly inputs: readonly (FollowedValue | undefined)[];
  readonly results: readonly FollowedValue[];
}): number {
  const count = gates[op];
  const [first] = results;
  if (first === undefined) return 0;
  if (count !== undefined) return Math.min(count * bytesOf(first), mostBytes);
  const weights = inputs[1]?.shape;
  if (op !== "Conv" || weights === undefined || weights.length < 3) return 0;
  return unrolls(weights, first.shape);
}

function unrolls(weights: Shape, result: Shape): number {
  const window = elements(weights.slice(1));
  const isPlain = elements(weights.slice(2)) === 1;
  if (isPlain || weights.length === imageRank) return 0;
  return Math.min(singleBytes * window * elements(result.slice(2)), unrolledBytes);
}

function blockedBytes(value: FollowedValue): number {
  const { shape } = value;
  if (shape.length !== imageRank) return bytesOf(value);
  const channels = at(shape, 1);
  const padded = Math.ceil(channels / blockChannels) * blockChannels;
  return bytesOf({ ...value, shape: withSize(shape, 1, padded) });
}

function sumOf(values: readonly FollowedValue[]): number {
  return values.reduce((sum, value) => sum + bytesOf(value), 0);
}

/** What a kernel needs for a value. Always a finite number, whatever the file says. */
export function bytesOf({ shape, datatype }: FollowedValue): number {
  if (shape.includes(0)) return 0;
  const stored = storedBytes(datatype);
  const elementBytes = stored === halfBytes ? singleBytes : stored;
  return Math.min(
    shape.reduce((count, size) => count * size, elementBytes),
    mostBytes,
  );
}
