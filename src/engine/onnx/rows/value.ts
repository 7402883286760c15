import { type Count, isSame, numberOf, one, product } from "./count.ts";

/** Where the rows of the inputs are in a value. Its axis has outer × rows × inner elements, of which those
 *  with the same middle position belong to one row: they depend on that row of the inputs alone, and in the
 *  same way for every row. */
export interface RowAxis {
  readonly axis: number;
  readonly outer: Count;
  readonly inner: Count;
}

/** A tracked value. Without `rows` it does not depend on the values of the inputs. */
export interface RowValue {
  /** Undefined if unknown; always known with `rows`. */
  readonly dims: readonly Count[] | undefined;
  readonly rows?: RowAxis | undefined;
  /** Its numbers, if it has at most one axis and they are known. Only they may depend on the number of
   *  rows. */
  readonly elements?: readonly Count[] | undefined;
  /** The text that pads the rows to the longest of them, along the last axis. */
  readonly padding?: string | undefined;
}

/** A value about which nothing is known any more, and why. */
export interface LostValue {
  readonly lost: string;
}

export function isLost(value: RowValue | LostValue): value is LostValue {
  return "lost" in value;
}

/** Whether it is the same whatever the rows are, and however many. */
export function isFixed(value: RowValue): boolean {
  return value.rows === undefined && value.padding === undefined && !countsRows(value);
}

export function countsRows({ elements }: RowValue): boolean {
  return elements?.some(({ ofRows }) => ofRows) === true;
}

export function isSameRows(a: RowAxis, b: RowAxis): boolean {
  return isSame(a.outer, b.outer) && isSame(a.inner, b.inner);
}

/** `value` with other dimensions; its rows on `axis`, whose size follows from them. */
export function withDims(value: RowValue, dims: readonly Count[], axis?: number): RowValue {
  const { rows } = value;
  if (rows === undefined) return { dims };
  const at = axis ?? rows.axis;
  const size = rowSize(rows);
  return {
    dims: dims.map((dim, index) => (index === at ? size : dim)),
    rows: { ...rows, axis: at },
  };
}

/** Numbers in a list, or a single one. */
export function withElements(elements: readonly Count[], isList: boolean): RowValue {
  return { dims: isList ? [{ ...one, factor: elements.length }] : [], elements };
}

/** The size of the row axis. */
export function rowSize({ outer, inner }: RowAxis): Count {
  return product([outer, { ...one, ofRows: true }, inner]) ?? one;
}

/** A value's known numbers; undefined if one of them is unknown. */
export function numbersOf(value: RowValue): readonly number[] | undefined {
  const numbers = value.elements?.map(numberOf);
  return numbers?.every((number) => number !== undefined) ? (numbers as number[]) : undefined;
}
