import { int64Tensor } from "../../../onnx/write/graph-tensor.ts";
import { refuse } from "../../pickle/refuse.ts";
import type { Translating } from "./translating.ts";

export type ColumnType = "double" | "string";

/** Columns side by side: a value `[N, columns]`. */
export interface Part {
  readonly value: string;
  readonly columns: number;
  readonly type: ColumnType;
  /** The columns of the model's input that these are, unchanged. */
  readonly sources?: readonly number[];
}

/** What flows from one step of a pipeline to the next. */
export type Features = readonly Part[];

export function columnCount(features: Features): number {
  return features.reduce((sum, { columns }) => sum + columns, 0);
}

export function numbersOf(value: string, columns: number): Features {
  return [{ value, columns, type: "double" }];
}

/** All columns as one value of doubles. Throws if there are not `columns`, or if some are text. */
export function asNumbers(to: Translating, features: Features, columns: number): string {
  return join(to, features, { columns, type: "double" });
}

/** One column as `[N, 1]`. */
export function columnOf(
  to: Translating,
  features: Features,
  { column, type }: { readonly column: number; readonly type: ColumnType },
): string {
  return join(to, selectColumns(to, features, [column]), { columns: 1, type });
}

/** The columns of these indices, in this order. */
export function selectColumns(
  to: Translating,
  features: Features,
  indices: readonly number[],
): Features {
  const selected: Part[] = [];
  let run: number[] = [];
  let from: Part | undefined;
  const close = () => {
    if (from !== undefined) selected.push(gather(to, from, run));
    run = [];
  };
  for (const index of indices) {
    const place = placeOf(features, index);
    if (place.part !== from) {
      close();
      from = place.part;
    }
    run.push(place.at);
  }
  close();
  return selected;
}

function placeOf(features: Features, index: number): { readonly part: Part; readonly at: number } {
  let at = index;
  for (const part of features) {
    if (at >= 0 && at < part.columns) return { part, at };
    at -= part.columns;
  }
  return refuse(`the file selects column ${index} of ${columnCount(features)}: it is damaged`);
}

function gather({ graph }: Translating, part: Part, columns: readonly number[]): Part {
  const isWhole = columns.length === part.columns && columns.every((column, at) => column === at);
  if (isWhole) return part;
  const indices = graph.constant(int64Tensor(columns));
  const value = graph.node("Gather", [part.value, indices], { attributes: { axis: { int: 1 } } });
  const { sources } = part;
  const picked = { value, columns: columns.length, type: part.type };
  if (sources === undefined) return picked;
  return { ...picked, sources: columns.map((column) => sources[column] as number) };
}

function join(
  to: Translating,
  features: Features,
  { columns, type }: { readonly columns: number; readonly type: ColumnType },
): string {
  const found = columnCount(features);
  if (found !== columns) {
    refuse(
      `a step of the file's pipeline expects ${columns} columns and gets ${found}: it is damaged`,
    );
  }
  for (const part of features) demand(to, part, type);
  const values = features.map(({ value }) => value);
  return values.length === 1
    ? (values[0] as string)
    : to.graph.node("Concat", values, { attributes: { axis: { int: 1 } } });
}

/** Notes what the model's input has to be. */
function demand(to: Translating, { sources, type: has }: Part, type: ColumnType): void {
  if (sources === undefined) {
    if (has !== type)
      refuse(`a step of the file's pipeline expects ${words[type]} and gets ${words[has]}`);
    return;
  }
  for (const source of sources) {
    const earlier = to.columnTypes.get(source) ?? type;
    if (earlier !== type) {
      refuse(
        `column ${source} of the file's model is used both as text and as numbers: export it to ONNX (skl2onnx)`,
      );
    }
    to.columnTypes.set(source, type);
  }
}

const words = { double: "numbers", string: "text" };
