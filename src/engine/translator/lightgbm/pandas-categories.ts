/** Lines of a file's end, whole; undefined if it lacks them. */
export interface CategoryLines {
  /** "[categorical_feature: 0,3]" of the parameters. */
  readonly categoryColumns: string | undefined;
  /** "pandas_categorical:[["a", "b"], [1, 2]]" of the Python package: a list for each column of type category. */
  readonly pandas: string | undefined;
}

/** Column -> what the codes 0, 1, … stand for. Empty if the file does not say it, or not for certain: the lists do
 *  not name their columns. Predictions do not depend on it, so nothing here is refused. */
export function readPandasCategories(
  lines: CategoryLines,
  columns: number,
): ReadonlyMap<number, readonly unknown[]> {
  const lists = listsOf(lines.pandas?.slice(lines.pandas.indexOf(":") + 1));
  const named = /^\[categorical_feature: ([\d,]+)\]$/.exec(lines.categoryColumns ?? "")?.[1];
  const numbers = (named ?? "").split(",").map(Number);
  const isCertain =
    named !== undefined &&
    lists.length === numbers.length &&
    numbers.every((column, at) => column < columns && column > (numbers[at - 1] ?? -1));
  if (!isCertain) return new Map();
  return new Map(numbers.map((column, at) => [column, lists[at] ?? []]));
}

function listsOf(text: string | undefined): readonly (readonly unknown[])[] {
  try {
    const value: unknown = JSON.parse(text ?? "null");
    return Array.isArray(value) && value.every(Array.isArray) ? value : [];
  } catch {
    return [];
  }
}
