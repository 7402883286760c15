import type { TensorSpec } from "../../base/tensor.ts";
import type { UsualRun } from "../contract/model-format.ts";
import { type RunTable, type TablePlace, tableBytes } from "../contract/run-table.ts";
import { variableDimension } from "../contract/variable-dimension.ts";
import { LearntBytes } from "./learnt-bytes.ts";
import { type RunNeed, smallRunBytes, totalOf } from "./need.ts";

/** The part of an input that matters here. */
export interface SizedTensor {
  /** Its position among the model's inputs. */
  readonly index: number;
  readonly shape: readonly number[];
  readonly data: { readonly byteLength: number };
}

/** What a run is expected to need. */
export interface Expectation {
  readonly need: RunNeed;
  /** By its shapes and texts, before corrections; undefined if unknown. */
  readonly followedBytes: number | undefined;
  /** The need before corrections that raise it: those may come from what else was in a host. */
  readonly plainBytes: number;
  readonly elements: number;
}

/** Runs get this multiple of what they are expected to take, plus a constant for what an engine takes for
 *  itself. */
const margin = 1.25;
const besideBytes = 1024 * 1024;
/** Smaller growth says nothing: a process's memory varies that much for other reasons. */
const measurableBytes = 8 * 1024 * 1024;
/** This many runs tell the ratio between what runs took and what their shapes said. */
const measuredRuns = 8;
/** Runs of other shapes may be closer to the prediction. */
const leastRatio = 0.4;
const mostRatio = 64;

const nothing: RunNeed = { runBytes: 0, inputBytes: 0 };

/** What a model's runs take, by their shapes and by what earlier ones took. All copies of a file share it. */
export class ModelRuns {
  readonly #usual: UsualRun;
  readonly #tabulate: () => Promise<RunTable | undefined>;
  readonly #learnt = new LearntBytes();
  #table: RunTable | undefined;
  /** Undefined: not requested yet. */
  #tabulating: Promise<void> | undefined;
  #isTabulated: boolean;
  #ratio = 1;
  #lastRatios: readonly number[] = [];
  readonly #small: Expectation;

  /** `tabulate`: makes the table, which most models never need. Undefined if shapes cannot be followed. */
  constructor(usual: UsualRun, tabulate: () => Promise<RunTable | undefined>) {
    this.#usual = usual;
    this.#tabulate = tabulate;
    this.#isTabulated = usual.bytes === undefined;
    this.#small = { need: nothing, followedBytes: usual.bytes, plainBytes: 0, elements: 0 };
  }

  /** For a run of `tensors`, with `rows` rows in total if that is given, on a model with these inputs.
   *  Undefined: await `prepare` first. Allocates nothing for a small run if the load has ended with runs. */
  expect(
    tensors: readonly SizedTensor[],
    rows: number | undefined,
    inputs: readonly TensorSpec[],
  ): Expectation | undefined {
    const inputBytes = bytesOf(tensors, rows);
    const textBytes = textBytesOf(tensors, rows, inputs);
    const usualBytes = this.#usual.bytes;
    if (usualBytes !== undefined && this.#isUsual(tensors, rows, inputs)) {
      const bytes = usualBytes + textBytes;
      if (this.#isSmall(bytes * this.#ratio, inputBytes)) return this.#small;
      return this.#followed(bytes, { inputBytes, elements: 0 });
    }
    if (!this.#isTabulated) return undefined;
    const elements = elementsOf(tensors, rows);
    const followedBytes = this.#table && bytesIn(this.#table, { tensors, rows, inputs });
    if (followedBytes !== undefined) {
      return this.#followed(followedBytes + textBytes, { inputBytes, elements });
    }
    const runBytes = this.#learnt.expect(elements) ?? Number.POSITIVE_INFINITY;
    const need = this.#needOf(runBytes, inputBytes);
    return { need, followedBytes: undefined, plainBytes: totalOf(need), elements };
  }

  /** Resolves when every run's shapes are followed as far as possible. Never rejects. */
  prepare(): Promise<void> {
    this.#tabulating ??= this.#tabulate()
      .catch(() => undefined)
      .then((table) => {
        this.#table = table;
        this.#isTabulated = true;
      });
    return this.#tabulating;
  }

  /** A run grew its host by `peakBytes` at most. */
  learn({ followedBytes, elements }: Expectation, peakBytes: number): void {
    if (followedBytes === undefined) {
      this.#learnt.note(elements, peakBytes);
      return;
    }
    if (Math.max(followedBytes, peakBytes) < measurableBytes) return;
    const ratio = Math.min(mostRatio, peakBytes / Math.max(followedBytes, besideBytes));
    this.#lastRatios = [...this.#lastRatios, ratio].slice(-measuredRuns);
    // One run is enough to expect more, and it takes several to expect less.
    if (ratio > this.#ratio) this.#ratio = ratio;
    else if (this.#lastRatios.length === measuredRuns) {
      this.#ratio = Math.max(leastRatio, ...this.#lastRatios);
    }
  }

  /** The load has ended with runs on zeros, the last of which had this many rows. */
  learnWarmUp(inputs: readonly TensorSpec[], rows: number, peakBytes: number): void {
    if (this.#usual.bytes !== undefined) return;
    let elements = 0;
    for (const { shape, isOptional } of inputs) {
      if (isOptional === true) continue;
      const sizes = shape.map((size, axis) =>
        size >= 0 ? size : axis === 0 ? rows : variableDimension,
      );
      elements += sizes.reduce((count, size) => count * size, 1);
    }
    this.#learnt.note(elements, peakBytes);
  }

  #followed(
    followedBytes: number,
    { inputBytes, elements }: { readonly inputBytes: number; readonly elements: number },
  ): Expectation {
    const need = this.#needOf(followedBytes * this.#ratio, inputBytes);
    const plain = this.#ratio <= 1 ? need : this.#needOf(followedBytes, inputBytes);
    return { need, followedBytes, plainBytes: totalOf(plain), elements };
  }

  /** Inputs exist twice: as they arrived, and in the engine, which may copy them. */
  #needOf(expectedBytes: number, inputBytes: number): RunNeed {
    if (this.#isSmall(expectedBytes, inputBytes)) return nothing;
    return { runBytes: Math.ceil(margin * expectedBytes + besideBytes + inputBytes), inputBytes };
  }

  #isSmall(expectedBytes: number, inputBytes: number): boolean {
    return expectedBytes + 2 * inputBytes <= smallRunBytes;
  }

  #isUsual(
    tensors: readonly SizedTensor[],
    rows: number | undefined,
    inputs: readonly TensorSpec[],
  ): boolean {
    for (const { index, shape } of tensors) {
      const known = inputs[index]?.shape;
      if (known === undefined || known.length !== shape.length) return false;
      for (let axis = 0; axis < shape.length; axis++) {
        const size = axis === 0 ? (rows ?? (shape[0] as number)) : (shape[axis] as number);
        const isVariable = (known[axis] as number) < 0;
        if (isVariable && size > (axis === 0 ? this.#usual.rows : variableDimension)) return false;
        if (!isVariable && size !== known[axis]) return false;
      }
    }
    return true;
  }
}

function bytesOf(tensors: readonly SizedTensor[], rows: number | undefined): number {
  let bytes = 0;
  for (const { shape, data } of tensors) bytes += data.byteLength * timesRows(shape, rows);
  return bytes;
}

/** A text's object in JavaScript and in the engine, as an input and where it is passed on. */
const textObjectBytes = 128;

/** What texts take in an engine beyond what shapes tell: each is there as a text of JavaScript's and of the
 *  engine's. */
function textBytesOf(
  tensors: readonly SizedTensor[],
  rows: number | undefined,
  inputs: readonly TensorSpec[],
): number {
  let bytes = 0;
  for (const { index, shape, data } of tensors) {
    if (inputs[index]?.datatype !== "BYTES") continue;
    const count = shape.reduce((product, size) => product * size, 1);
    bytes += (2 * data.byteLength + textObjectBytes * count) * timesRows(shape, rows);
  }
  return bytes;
}

function elementsOf(tensors: readonly SizedTensor[], rows: number | undefined): number {
  let elements = 0;
  for (const { shape } of tensors) {
    elements += shape.reduce((count, size) => count * size, 1) * timesRows(shape, rows);
  }
  return elements;
}

/** How many such tensors make up a joined one of `rows` rows. */
function timesRows([own = 1]: readonly number[], rows: number | undefined): number {
  return rows === undefined || own === 0 ? 1 : rows / own;
}

function bytesIn(
  table: RunTable,
  {
    tensors,
    rows,
    inputs,
  }: {
    readonly tensors: readonly SizedTensor[];
    readonly rows: number | undefined;
    readonly inputs: readonly TensorSpec[];
  },
): number {
  const known = new Map(tensors.map((tensor) => [inputs[tensor.index]?.name, tensor]));
  const sizeAt = (input: string, axis: TablePlace["axis"]) => {
    const tensor = known.get(input);
    return (axis === "bytes" ? tensor?.data.byteLength : tensor?.shape[axis]) ?? 1;
  };
  let count = 1;
  for (const input of table.rowInputs) count = Math.max(count, rows ?? sizeAt(input, 0));
  const sizes = table.axes.map(({ places }) =>
    Math.max(...places.map(({ input, axis }) => sizeAt(input, axis))),
  );
  return tableBytes(table, count, sizes);
}
