import { broadcast } from "./broadcast.ts";
import { type Count, isOne, known, one } from "./count.ts";
import { scalars } from "./elementwise-rules.ts";
import type { RowNode, RowRule } from "./node.ts";
import { isSameRows, type RowValue, withDims } from "./value.ts";

// Products of matrices.

const summedUp = "adds up products over the rows";

/** As numpy's matmul: sums over the last axis of `a` and the second to last of `b`. */
function matrixProduct(node: RowNode, a: RowValue, b: RowValue): RowValue {
  const [left, right] = [node.dims(a), node.dims(b)];
  if (left.length === 0 || right.length === 0) node.lose("multiplies what is not a matrix");
  // Lists are matrices of one row, or of one column, which the result does not have.
  const rowsOfA = left.length === 1 ? insertAxis(a, left, 0) : a;
  const columnsOfB = right.length === 1 ? insertAxis(b, right, 1) : b;
  const whole = matricesProduct(node, rowsOfA, columnsOfB);
  const dims = node.dims(whole);
  const rank = dims.length;
  const taken: number[] = [];
  if (left.length === 1) taken.push(rank - 2);
  if (right.length === 1) taken.push(rank - 1);
  const rowAxis = whole.rows?.axis ?? 0;
  const before = taken.filter((axis) => axis < rowAxis).length;
  return withDims(
    whole,
    dims.filter((_, axis) => !taken.includes(axis)),
    rowAxis - before,
  );
}

function insertAxis(value: RowValue, dims: readonly Count[], axis: number): RowValue {
  const rowAxis = value.rows?.axis ?? 0;
  return withDims(
    value,
    [...dims.slice(0, axis), one, ...dims.slice(axis)],
    rowAxis < axis ? rowAxis : rowAxis + 1,
  );
}

function matricesProduct(node: RowNode, a: RowValue, b: RowValue): RowValue {
  const [left, right] = [node.dims(a), node.dims(b)];
  const fromEndOfA = a.rows && left.length - a.rows.axis;
  const fromEndOfB = b.rows && right.length - b.rows.axis;
  if (fromEndOfA === 1 || fromEndOfB === 2) node.lose(summedUp);
  if (a.rows !== undefined && b.rows !== undefined && (fromEndOfA === 2 || fromEndOfB === 1)) {
    node.lose("multiplies rows by other rows");
  }
  // The matrices themselves are excluded from the broadcast of the axes before them.
  const [outerA, outerB] = [around(a, left), around(b, right)];
  const batches = broadcast(node, [outerA, outerB]);
  const sizes = [...node.dims(batches), left.at(-2) ?? one, right.at(-1) ?? one];
  const rank = sizes.length;
  if (fromEndOfA === 2) return withDims(a, sizes, rank - 2);
  if (fromEndOfB === 1) return withDims(b, sizes, rank - 1);
  return withDims(batches, sizes);
}

/** The axes before the last two. */
function around(value: RowValue, dims: readonly Count[]): RowValue {
  const outer = dims.slice(0, -2);
  if (value.rows === undefined || value.rows.axis >= outer.length) return { dims: outer };
  return { dims: outer, rows: value.rows };
}

/** With the last two axes swapped, if `isWanted`. */
function transposed(node: RowNode, value: RowValue, isWanted: boolean): RowValue {
  const dims = node.dims(value);
  if (!isWanted || dims.length < 2) return value;
  const order = dims.map((_, axis) => axis);
  order.splice(-2, 2, dims.length - 1, dims.length - 2);
  return withDims(
    value,
    order.map((axis) => dims[axis] ?? one),
    order.indexOf(value.rows?.axis ?? 0),
  );
}

/** The two matrices at these inputs, transposed as the attributes say. */
function factors(node: RowNode, a: number, b: number): [RowValue, RowValue] {
  return [
    transposed(node, node.value(a), node.int("transA", 0) !== 0),
    transposed(node, node.value(b), node.int("transB", 0) !== 0),
  ];
}

const multiplies: RowRule = (node) => [matrixProduct(node, node.value(0), node.value(1))];

/** A, B, and their zero points, which are single numbers. */
const multipliesIntegers: RowRule = (node) => {
  zeroPoints(node, node.value(0), 2);
  zeroPoints(node, node.value(1), 3);
  return [matrixProduct(node, node.value(0), node.value(1))];
};

/** A list of them would be along an axis of `value`. */
function zeroPoints(node: RowNode, value: RowValue, index: number): void {
  if (value.rows !== undefined) scalars(node, [index]);
  else node.fixed(index);
}

/** A, B, and what is added. */
const multipliesAndAdds: RowRule = (node) => {
  const result = matrixProduct(node, ...factors(node, 0, 1));
  return [node.has(2) ? sumOf(node, result, node.value(2)) : result];
};

/** The added value may not have a higher rank, or more rows. */
function sumOf(node: RowNode, result: RowValue, added: RowValue): RowValue {
  if (result.rows === undefined && added.rows !== undefined) node.lose("adds rows to a matrix");
  return broadcast(node, [result, added]);
}

const multipliesFused: RowRule = (node) => {
  if (node.int("transBatchA", 0) !== 0 || node.int("transBatchB", 0) !== 0) {
    node.lose("turns batches round");
  }
  return [matrixProduct(node, ...factors(node, 0, 1))];
};

/** A with its scale and zero point, B with its own, and those of the result. */
const multipliesQuantized: RowRule = (node) => {
  scalars(node, [1, 2, 6, 7]);
  const b = node.value(3);
  if (b.rows !== undefined) scalars(node, [4, 5]);
  else node.fixedFrom(4, 6);
  return [matrixProduct(node, node.value(0), b)];
};

/** The same, with a C that is added before the result is scaled. */
const multipliesQuantizedAndAdds: RowRule = (node) => {
  scalars(node, [1, 2, 7, 8]);
  node.fixedFrom(4, 6);
  node.fixed(3);
  const result = matrixProduct(node, ...factors(node, 0, 3));
  return [node.has(6) ? sumOf(node, result, node.value(6)) : result];
};

/** A times low-bit weights, whose shape is in attributes. */
const multipliesBits: RowRule = (node) => {
  const a = node.value(0);
  node.fixedFrom(1);
  const weights = { dims: [node.size(), known(node.int("N", 0))] };
  return [matrixProduct(node, a, weights)];
};

/** Axes have letters; those missing from the result are summed over. */
const sumsByLetters: RowRule = (node) => {
  const equation = node.text("equation", "").replaceAll(" ", "");
  const [left = "", right] = equation.split("->");
  const terms = left.split(",");
  if (!/^[A-Za-z,]*$/.test(left) || terms.length !== node.inputCount) {
    return node.lose("has an equation that is not followed");
  }
  const letters = right ?? lettersThatStandAlone(left);
  if (!/^[A-Za-z]*$/.test(letters)) return node.lose("has an equation that is not followed");
  const values = terms.map((_, index) => node.value(index));
  const sizes = new Map<string, Count>();
  terms.forEach((term, index) => {
    const dims = values[index]?.dims;
    if (dims !== undefined && dims.length !== term.length)
      node.lose("has an equation that does not fit");
    dims?.forEach((dim, axis) => {
      const letter = term[axis] ?? "";
      const size = sizes.get(letter);
      if (size === undefined || isOne(size)) sizes.set(letter, dim);
    });
  });
  const rowLetter = letterOfRows(node, terms, values);
  const dims = [...letters].map((letter) => sizes.get(letter) ?? node.size());
  if (rowLetter === undefined) return [{ dims }];
  const axis = letters.indexOf(rowLetter);
  if (axis < 0) return node.lose(summedUp);
  const first = values.find(({ rows }) => rows !== undefined) ?? { dims };
  return [withDims(first, dims, axis)];
};

function letterOfRows(
  node: RowNode,
  terms: readonly string[],
  values: readonly RowValue[],
): string | undefined {
  const withRows = values.flatMap(({ rows }, index) => (rows ? [{ rows, index }] : []));
  const [first] = withRows;
  if (first === undefined) return undefined;
  const letter =
    terms[first.index]?.[first.rows.axis] ?? node.lose("has an equation that does not fit");
  for (const [index, term] of terms.entries()) {
    const rows = values[index]?.rows;
    const places = [...term].filter((other) => other === letter).length;
    if (places > 1) node.lose("takes a diagonal of the rows");
    if (
      rows === undefined ? places > 0 : term[rows.axis] !== letter || !isSameRows(rows, first.rows)
    ) {
      node.lose("makes rows meet something else");
    }
  }
  return letter;
}

function lettersThatStandAlone(left: string): string {
  const letters = [...left.replaceAll(",", "")];
  return letters
    .filter((letter) => letters.indexOf(letter) === letters.lastIndexOf(letter))
    .sort()
    .join("");
}

export const productRules: Readonly<Record<string, RowRule>> = {
  Einsum: sumsByLetters,
  Gemm: multipliesAndAdds,
  MatMul: multiplies,
  MatMulInteger: multipliesIntegers,
  QLinearMatMul: multipliesQuantized,
  "com.microsoft:FusedGemm": multipliesAndAdds,
  "com.microsoft:FusedMatMul": multipliesFused,
  "com.microsoft:MatMulNBits": multipliesBits,
  "com.microsoft:QGemm": multipliesQuantizedAndAdds,
};
