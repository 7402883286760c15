import {
  floatTensor,
  int64Tensor,
  scalar,
  stringTensor,
} from "../../../onnx/write/graph-tensor.ts";
import { toItems } from "../../pickle/array-elements.ts";
import { NumpyArray } from "../../pickle/numpy-array.ts";
import { PythonList, type PythonValue } from "../../pickle/python-value.ts";
import type { Estimator } from "../estimator/estimator.ts";
import {
  columnOf,
  type Features,
  numbersOf,
  type Part,
  selectColumns,
} from "../estimator/features.ts";
import type { Outcome } from "../estimator/outcome.ts";
import type { Translating } from "../estimator/translating.ts";
import { type Categories, categoryHits, readCategories } from "./categories.ts";

/** OneHotEncoder. An unknown category is a row of zeros, or the infrequent one, whatever `handle_unknown` refuses. */
export function translateOneHot(
  to: Translating,
  estimator: Estimator,
  features: Features,
): Outcome {
  const { graph } = to;
  const unknown = estimator.text("handle_unknown");
  const dropped = droppedOf(estimator);
  const parts = readCategories(estimator).flatMap((categories, column): Features => {
    const size = categories.values.length;
    const drop = dropped[column] ?? -1;
    const groups = groupsOf(estimator, { column, size });
    // The group of infrequent ones is the last. All others are of one category each, in order.
    const last = groups?.reduce((most, group) => Math.max(most, group), 0) ?? size;
    const single = placesOf(size, (place) => (groups?.[place] ?? place) !== last);
    const hits =
      single.length === 0
        ? undefined
        : hitsOf(to, features, { column, categories, places: single });
    const kept = single.map((_, at) => at).filter((at) => at !== drop);
    const own: Part[] = hits === undefined ? [] : [...selectColumns(to, [hits], kept)];
    if (groups === undefined || drop === last) return own;
    const takesUnknown = unknown === "infrequent_if_exist" || unknown === "warn";
    const grouped = placesOf(size, (place) => groups[place] === last);
    let value = sumOf(to, hitsOf(to, features, { column, categories, places: grouped }).value);
    if (takesUnknown) {
      // What is none of the others is infrequent.
      const one = graph.constant(scalar("double", 1));
      const others = hits === undefined ? graph.node("Sub", [value, value]) : sumOf(to, hits.value);
      value = graph.node("Sub", [one, others]);
    }
    return [...own, { value, columns: 1, type: "double" }];
  });
  return { kind: "transform", features: parts };
}

function placesOf(size: number, isChosen: (place: number) => boolean): number[] {
  return Array.from({ length: size }, (_, place) => place).filter(isChosen);
}

/** As `categoryHits`, for some of the categories. */
function hitsOf(
  to: Translating,
  features: Features,
  options: {
    readonly column: number;
    readonly categories: Categories;
    readonly places: readonly number[];
  },
): Part {
  const { column, categories, places } = options;
  const missing = places.indexOf(categories.missing);
  const chosen: Categories =
    categories.type === "double"
      ? { type: "double", missing, values: places.map((at) => categories.values[at] as number) }
      : { type: "string", missing, values: places.map((at) => categories.values[at] as string) };
  const value = categoryHits(to, features, { column, categories: chosen });
  return { value, columns: places.length, type: "double" };
}

/** OrdinalEncoder. An unknown category that it would refuse is NaN. */
export function translateOrdinal(
  to: Translating,
  estimator: Estimator,
  features: Features,
): Outcome {
  const { graph } = to;
  const unknown =
    estimator.optional("handle_unknown") === "use_encoded_value"
      ? estimator.number("unknown_value")
      : Number.NaN;
  const parts = readCategories(estimator).map((categories, column): Part => {
    const size = categories.values.length;
    const groups = groupsOf(estimator, { column, size });
    const { missing } = categories;
    const codes = Float64Array.from({ length: size }, (_, at) => groups?.[at] ?? at);
    if (missing !== -1) codes[missing] = 0;
    const hits = categoryHits(to, features, { column, categories });
    const code = codeOf(to, hits, codes);
    const number = (value: number) => graph.constant(scalar("double", value));
    const isKnown = graph.node("Greater", [sumOf(to, hits), number(0)]);
    let value = graph.node("Where", [isKnown, code, number(unknown)]);
    if (missing !== -1) {
      const isMissing = missingRows(to, features, { column, categories });
      const encoded = estimator.has("encoded_missing_value")
        ? estimator.number("encoded_missing_value")
        : Number.NaN;
      value = graph.node("Where", [isMissing, number(encoded), value]);
    }
    return { value, columns: 1, type: "double" };
  });
  if (parts.length === 1) return { kind: "transform", features: parts };
  const values = parts.map(({ value }) => value);
  const joined = graph.node("Concat", values, { attributes: { axis: { int: 1 } } });
  return { kind: "transform", features: numbersOf(joined, parts.length) };
}

/** The code of the category that was hit, `[N, 1]`. */
function codeOf({ graph }: Translating, hits: string, codes: Float64Array): string {
  const row = graph.constant(floatTensor("double", codes, [1, codes.length]));
  const axis = graph.constant(int64Tensor([1]));
  return graph.node("ReduceSum", [graph.node("Mul", [hits, row]), axis]);
}

function missingRows(
  to: Translating,
  features: Features,
  { column, categories }: { readonly column: number; readonly categories: Categories },
): string {
  const x = columnOf(to, features, { column, type: categories.type });
  if (categories.type === "double") return to.graph.node("IsNaN", [x]);
  return to.graph.node("Equal", [x, to.graph.constant(stringTensor([""], [1, 1]))]);
}

function sumOf({ graph }: Translating, hits: string): string {
  return graph.node("ReduceSum", [hits, graph.constant(int64Tensor([1]))]);
}

/** Which category of each column has no column of its own; counted after infrequent ones were grouped. */
function droppedOf(estimator: Estimator): readonly number[] {
  const name = estimator.has("_drop_idx_after_grouping") ? "_drop_idx_after_grouping" : "drop_idx_";
  if (!estimator.has(name)) return [];
  return toItems(estimator.array(name), estimator.called(name)).map((item) =>
    typeof item === "number" && Number.isInteger(item) ? item : -1,
  );
}

/** The group of each category, if infrequent ones of this column share one. */
function groupsOf(
  estimator: Estimator,
  { column, size }: { readonly column: number; readonly size: number },
): readonly number[] | undefined {
  const name = "_default_to_infrequent_mappings";
  if (!estimator.flag("_infrequent_enabled") || !estimator.has(name)) return undefined;
  const mappings = estimator.value(name);
  const mapping: PythonValue | undefined =
    mappings instanceof PythonList ? mappings.items[column] : undefined;
  if (!(mapping instanceof NumpyArray)) return undefined;
  const groups = toItems(mapping, estimator.called(name)).map(Number);
  const areGroups = groups.every((group) => Number.isInteger(group) && group >= 0 && group < size);
  if (areGroups && groups.length === size) return groups;
  return estimator.wrong(name, `does not fit column ${column}`);
}
