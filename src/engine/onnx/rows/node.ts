import type { OnnxAttribute, OnnxNode } from "../graph/model-graph.ts";
import { type Count, isSizeLike, named } from "./count.ts";
import { countsRows, numbersOf, type RowValue } from "./value.ts";

/** Describes a node's outputs. Throws RowsLost if rows may depend on each other. */
export type RowRule = (node: RowNode) => readonly RowValue[];

export class RowsLost extends Error {}

/** A graph's node, as rules see it. Anything that a rule does not examine must not depend on the inputs. */
export class RowNode {
  readonly op: string;
  /** Version of its domain's operators. */
  readonly opset: number;
  readonly outputCount: number;
  /** Whether one of its inputs may hold texts. */
  readonly mayHaveTexts: boolean;
  readonly #node: OnnxNode;
  readonly #inputs: readonly (RowValue | undefined)[];
  readonly #seen = new Set<number>();
  readonly #newName: () => string;

  constructor(
    node: OnnxNode,
    options: {
      readonly opset: number;
      readonly inputs: readonly (RowValue | undefined)[];
      readonly mayHaveTexts: boolean;
      readonly newName: () => string;
    },
  ) {
    this.op = node.op;
    this.opset = options.opset;
    this.mayHaveTexts = options.mayHaveTexts;
    this.outputCount = node.outputs.length;
    this.#node = node;
    this.#inputs = options.inputs;
    this.#newName = options.newName;
  }

  get inputCount(): number {
    return this.#inputs.length;
  }

  /** Ends the proof. `why` follows the operator's name. */
  lose(why: string): never {
    throw new RowsLost(why);
  }

  has(index: number): boolean {
    return this.#inputs[index] !== undefined;
  }

  hasOutput(index: number): boolean {
    return (this.#node.outputs[index] ?? "") !== "";
  }

  /** An input whose values may depend on rows, but not on how many there are. */
  value(index: number): RowValue {
    const value = this.#input(index);
    if (countsRows(value)) this.lose("computes with the number of rows");
    if (value.padding !== undefined) this.lose("takes texts that are padded to the longest row");
    return value;
  }

  values(from = 0): readonly RowValue[] {
    const values: RowValue[] = [];
    for (let index = from; index < this.inputCount; index++) {
      if (this.has(index)) values.push(this.value(index));
    }
    return values;
  }

  /** As `value`, but texts may be padded. */
  padded(index: number): RowValue {
    const value = this.#input(index);
    return value.padding === undefined ? this.value(index) : value;
  }

  /** An input, if it is present and its numbers are known; they may depend on the number of rows. */
  elements(index: number): readonly Count[] | undefined {
    const elements = this.#inputs[index]?.elements;
    if (elements !== undefined) this.#seen.add(index);
    return elements;
  }

  /** For all inputs that are present and have a known shape. */
  ranks(): readonly number[] {
    return this.#inputs.flatMap((input) => (input?.dims === undefined ? [] : [input.dims.length]));
  }

  /** For an input that is present and has a known shape. */
  shapeOf(index: number): readonly Count[] {
    return this.#inputs[index]?.dims ?? this.lose(`has no shape of input ${index}`);
  }

  rankOf(index: number): number {
    return this.shapeOf(index).length;
  }

  /** For an input that provides sizes. */
  counts(index: number): readonly Count[] {
    const value = this.#input(index);
    if (value.rows !== undefined) this.lose("takes a shape from the values of the inputs");
    return value.elements ?? this.lose("takes a shape that is not known ahead");
  }

  /** The numbers of an input; undefined if it is omitted. */
  numbers(index: number): readonly number[] | undefined {
    if (!this.has(index)) return undefined;
    return (
      numbersOf(this.value(index)) ?? this.lose(`takes input ${index}, which is not known ahead`)
    );
  }

  /** Ensures that an input does not depend on any rows. */
  fixed(index: number): RowValue | undefined {
    if (!this.has(index)) return undefined;
    const value = this.value(index);
    if (value.rows !== undefined) this.lose(`takes input ${index} from the rows`);
    return value;
  }

  /** The same for all inputs from `index` to `end`. */
  fixedFrom(index: number, end = this.inputCount): void {
    for (let at = index; at < end; at++) this.fixed(at);
  }

  /** For inputs of which only the datatype matters. */
  ignore(index: number): void {
    this.#seen.add(index);
  }

  checkAllSeen(): void {
    this.#inputs.forEach((input, index) => {
      if (input !== undefined && !this.#seen.has(index)) this.fixed(index);
    });
  }

  dims(value: RowValue): readonly Count[] {
    return value.dims ?? this.lose("has an operand whose shape is not known ahead");
  }

  /** An unknown size. */
  size(): Count {
    return named(this.#newName());
  }

  /** An unknown number, which may be negative. */
  number(): Count {
    return named(`(${this.#newName()})`);
  }

  /** A computed number, as the size of a dimension. */
  asSize(count: Count): Count {
    if (isSizeLike(count)) return count;
    if (count.ofRows) this.lose("makes a size of the number of rows that may be negative");
    return this.size();
  }

  sizes(count: number): readonly Count[] {
    return Array.from({ length: count }, () => this.size());
  }

  attribute(name: string): OnnxAttribute | undefined {
    return this.#node.attributes.get(name);
  }

  /** An attribute that is present without a number is 0. */
  int(name: string, otherwise: number): number {
    const attribute = this.attribute(name);
    return attribute === undefined ? otherwise : (attribute.int ?? 0);
  }

  ints(name: string): readonly number[] | undefined {
    const attribute = this.attribute(name);
    if (attribute === undefined) return undefined;
    if (attribute.count !== attribute.ints.length) this.lose(`has too long a list of ${name}`);
    return attribute.ints;
  }

  text(name: string, otherwise: string): string {
    return this.attribute(name)?.text || otherwise;
  }

  /** Counted from the front. */
  axis(axis: number, rank: number): number {
    const at = axis < 0 ? axis + rank : axis;
    if (!Number.isInteger(at) || at < 0 || at >= rank) this.lose(`has no axis ${axis}`);
    return at;
  }

  #input(index: number): RowValue {
    const value = this.#inputs[index];
    if (value === undefined) this.lose(`has no input ${index}`);
    this.#seen.add(index);
    return value;
  }
}
