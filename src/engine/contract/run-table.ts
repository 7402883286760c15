/** What a model's runs take, by the sizes of its inputs' variable dimensions: samples of what its graph says,
 *  from which any other size is bounded at no cost. */
export interface RunTable {
  /** Numbers of rows, ascending; at least two. */
  readonly rows: readonly number[];
  /** Names of the inputs whose first dimension is the number of rows. */
  readonly rowInputs: readonly string[];
  /** The other variable dimensions. */
  readonly axes: readonly TableAxis[];
  /** Bytes for each combination of `rows` and the sizes of all axes; rows vary fastest, then the first
   *  axis. */
  readonly bytes: readonly number[];
}

/** Dimensions that are sampled as one: none is larger than the size that is looked up. */
export interface TableAxis {
  /** Ascending; at least two. */
  readonly sizes: readonly number[];
  readonly places: readonly TablePlace[];
}

export interface TablePlace {
  /** Name of the input. */
  readonly input: string;
  /** "bytes": the size of its data stands for the dimension. */
  readonly axis: number | "bytes";
}

/** An upper bound in bytes. `sizes`: one per axis. */
export function tableBytes(table: RunTable, rows: number, sizes: readonly number[]): number {
  return along(table, { rows, sizes, axis: table.axes.length - 1, offset: 0 });
}

interface Position {
  readonly rows: number;
  readonly sizes: readonly number[];
  /** The last axis that is still open; -1: only rows are. */
  readonly axis: number;
  /** Index in `RunTable.bytes`, from the axes that are fixed. */
  readonly offset: number;
}

function along(table: RunTable, { rows, sizes, axis, offset }: Position): number {
  if (axis < 0) return between(table.rows, rows, (at) => table.bytes[offset + at] as number);
  let stride = table.rows.length;
  for (let at = 0; at < axis; at++) stride *= (table.axes[at] as TableAxis).sizes.length;
  const inner = { rows, sizes, axis: axis - 1 };
  const samples = (table.axes[axis] as TableAxis).sizes;
  return between(samples, sizes[axis] ?? 1, (at) =>
    along(table, { ...inner, offset: offset + at * stride }),
  );
}

/** What a run takes is a sum of products of sizes, or the largest of several such sums. These are convex, and
 *  their logarithms are convex over the logarithms of the sizes: between two samples both chords lie
 *  above. */
function between(xs: readonly number[], x: number, valueAt: (at: number) => number): number {
  const first = xs[0] as number;
  if (x <= first) return valueAt(0);
  const last = xs.length - 1;
  let at = 0;
  while (at < last - 1 && (xs[at + 1] as number) < x) at++;
  const [x0, x1] = [xs[at] as number, xs[at + 1] as number];
  // 1, because the logarithm of 0 does not exist.
  const [y0, y1] = [Math.max(1, valueAt(at)), Math.max(1, valueAt(at + 1))];
  if (x === x1) return y1;
  const straight = y0 + ((y1 - y0) * (x - x0)) / (x1 - x0);
  const power = y0 * (y1 / y0) ** (Math.log(x / x0) / Math.log(x1 / x0));
  return x < x1 ? Math.min(straight, power) : Math.max(straight, power);
}
