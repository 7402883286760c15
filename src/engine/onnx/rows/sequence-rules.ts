import { isListOfRows } from "./axis-rules.ts";
import { broadcast } from "./broadcast.ts";
import { type Count, isOne, known, one } from "./count.ts";
import { scalars } from "./elementwise-rules.ts";
import type { RowNode, RowRule } from "./node.ts";
import { isSameRows, type RowAxis, type RowValue, withDims } from "./value.ts";

// Recurrent layers and attention: rows are the batch axis.

/** X, weights, biases, lengths, initial states, and peephole weights. */
const recurs: RowRule = (node) => {
  const x = node.value(0);
  node.fixedFrom(1, 4);
  node.fixedFrom(7);
  const isBatchFirst = node.int("layout", 0) !== 0;
  const rank = node.dims(x).length;
  if (rank !== 3) node.lose("takes what is not a list of sequences");
  const { rows } = x;
  const batch = isBatchFirst ? 0 : 1;
  if (rows !== undefined && rows.axis !== batch)
    node.lose("takes the rows for steps of a sequence");
  if (node.has(4) && rows !== undefined && !isListOfRows(node, x, node.value(4))) {
    node.lose("takes lengths that are not made of rows");
  }
  for (const index of [5, 6]) if (node.has(index)) sideBySide(node, x, node.value(index), batch);
  const dims = node.dims(x);
  const [time, lists] = [dims[1 - batch] ?? one, dims[batch] ?? one];
  const directions = known(node.text("direction", "forward") === "bidirectional" ? 2 : 1);
  const hidden = known(node.int("hidden_size", 0));
  const all = isBatchFirst ? [lists, time, directions, hidden] : [time, directions, lists, hidden];
  const last = isBatchFirst ? [lists, directions, hidden] : [directions, lists, hidden];
  const state = withDims(x, last, batch);
  return [withDims(x, all, isBatchFirst ? 0 : 2), state, state];
};

/** Ensures that both have rows, on `axis`, or neither. */
function sideBySide(node: RowNode, x: RowValue, other: RowValue, axis: number): void {
  if (x.rows === undefined && other.rows === undefined) return;
  const isBeside =
    x.rows !== undefined && other.rows?.axis === axis && isSameRows(x.rows, other.rows);
  if (!isBeside) node.lose("puts rows beside something that is not made of rows");
}

/** Rows on the first axis, one element each. */
const plainRows: RowAxis = { axis: 0, outer: one, inner: one };

function isPlain(value: RowValue): boolean {
  return value.rows?.axis === 0 && isSameRows(value.rows, plainRows);
}

function needPlain(node: RowNode, value: RowValue): void {
  if (!isPlain(value))
    node.lose("takes an operand that does not have the rows as its first dimension");
}

/** Added to scores of shape [rows, heads, from, to]. */
function checkMask(node: RowNode, index: number): void {
  if (!node.has(index)) return;
  const mask = node.value(index);
  const scores = [{ ...one, ofRows: true }, node.size(), node.size(), node.size()];
  broadcast(node, [{ dims: scores, rows: plainRows }, mask]);
}

/** For operators that take rows, heads and steps of their own: which inputs from `index` on must be plain
 *  rows, fixed, or masks; all others must be omitted. */
interface AttentionInputs {
  readonly plain: readonly number[];
  readonly fixed?: readonly number[];
  readonly masks?: readonly number[];
}

function checkInputs(node: RowNode, { plain, fixed = [], masks = [] }: AttentionInputs): void {
  for (let index = 0; index < node.inputCount; index++) {
    if (!node.has(index)) continue;
    if (plain.includes(index)) needPlain(node, node.value(index));
    else if (fixed.includes(index)) node.fixed(index);
    else if (masks.includes(index)) checkMask(node, index);
    else node.lose(`has an input ${index} that is not followed`);
  }
}

function isAllFixed(node: RowNode): boolean {
  return node.values().every(({ rows }) => rows === undefined);
}

const allUnknown = (node: RowNode): readonly RowValue[] =>
  Array.from({ length: node.outputCount }, () => ({ dims: undefined }));

/** Rows with dimensions of which only the first is known. */
function plainOf(node: RowNode, rank: number): RowValue {
  return withDims({ dims: [], rows: plainRows }, node.sizes(rank));
}

/** From version 23: three or four dimensions; the added value may be broadcast. */
const attends: RowRule = (node) => {
  if (isAllFixed(node)) return allUnknown(node);
  checkInputs(node, { plain: [0, 1, 2, 4, 5, 6], masks: [3] });
  const rank = node.rankOf(0);
  const state = plainOf(node, 4);
  return [plainOf(node, rank), state, state, plainOf(node, 4)];
};

/** Query, key, value, bias, padding, what is added to scores, past keys and values. */
const attendsByHeads: RowRule = (node) => {
  if (isAllFixed(node)) return allUnknown(node);
  checkInputs(node, { plain: [0, 1, 2, 4, 6, 7], fixed: [3], masks: [5] });
  const state = plainOf(node, 4);
  return [plainOf(node, 3), state, state];
};

/** Input, weights, bias, lengths or a mask, past states on their second axis, what is added to scores. */
const attendsPacked: RowRule = (node) => {
  if (isAllFixed(node)) return allUnknown(node);
  const past = node.has(4) ? node.value(4) : undefined;
  if (past !== undefined) sideBySide(node, { dims: [], rows: { ...plainRows, axis: 1 } }, past, 1);
  const others = node.inputCount > 6 ? [6] : [];
  if (others.some((index) => node.has(index)))
    node.lose("has past states of a length of their own");
  needPlain(node, node.value(0));
  node.fixedFrom(1, 3);
  if (node.has(3)) needPlain(node, node.value(3));
  checkMask(node, 5);
  const present = withDims({ dims: [], rows: plainRows }, node.sizes(5), 1);
  return [plainOf(node, 3), present];
};

/** As `attendsPacked`, on integers: scales and zero points between bias and past. */
const attendsQuantized: RowRule = (node) => {
  if (isAllFixed(node)) return allUnknown(node);
  scalars(node, [3, 6]);
  checkInputs(node, { plain: [0, 5], fixed: [1, 2, 3, 4, 6, 7] });
  return [plainOf(node, 3)];
};

/** Token ids, segments, tables of embeddings, scale and offset, mask, positions. */
const embeds: RowRule = (node) => {
  if (isAllFixed(node)) return allUnknown(node);
  const positions = node.has(8) ? node.value(8) : undefined;
  if (positions !== undefined && positions.rows === undefined) {
    const [first = known(2)] = node.dims(positions);
    if (!isOne(first)) node.lose("has positions for each row");
  } else if (positions !== undefined) needPlain(node, positions);
  needPlain(node, node.value(0));
  for (const index of [1, 7]) if (node.has(index)) needPlain(node, node.value(index));
  node.fixedFrom(2, 7);
  return [plainOf(node, 3), plainOf(node, 1), plainOf(node, 3)];
};

/** X, tables of cosines and sines, positions in them. Without positions the tables have rows. */
const rotates: RowRule = (node) => {
  const x = node.value(0);
  if (isAllFixed(node)) return [{ dims: x.dims }];
  needPlain(node, x);
  if (node.has(3)) {
    node.fixedFrom(1, 3);
    needPlain(node, node.value(3));
  } else for (const index of [1, 2]) needPlain(node, node.value(index));
  return [withDims(x, node.dims(x))];
};

/** X, positions, tables. A single position is where all rows begin. */
const rotatesWithOffset: RowRule = (node) => {
  const x = node.value(0);
  node.fixedFrom(2);
  const positions = node.value(1);
  if (x.rows === undefined && positions.rows === undefined) return [{ dims: x.dims }];
  needPlain(node, x);
  if (positions.rows === undefined) scalars(node, [1]);
  else if (isPlain(positions) && node.dims(positions).length === 2) needPlain(node, positions);
  else node.lose("takes positions that are not made of rows");
  return [withDims(x, node.dims(x))];
};

/** The frequencies in each row's list of samples. */
const transformsFrequencies: RowRule = (node) => {
  const x = node.value(0);
  const dims = node.dims(x);
  const given = node.numbers(2)?.[0];
  const axis = node.axis(given ?? node.int("axis", node.opset < 20 ? 1 : -2), dims.length);
  node.fixed(1);
  const isApart = x.rows === undefined || (x.rows.axis !== axis && x.rows.axis !== dims.length - 1);
  if (!isApart) node.lose("transforms along the rows");
  const sizes: Count[] = dims.map((dim, at) =>
    at === axis || at === dims.length - 1 ? node.size() : dim,
  );
  return [withDims(x, sizes)];
};

export const sequenceRules: Readonly<Record<string, RowRule>> = {
  Attention: attends,
  DFT: transformsFrequencies,
  GRU: recurs,
  LSTM: recurs,
  RNN: recurs,
  RotaryEmbedding: rotates,
  "com.microsoft:Attention": attendsPacked,
  "com.microsoft:EmbedLayerNormalization": embeds,
  "com.microsoft:MultiHeadAttention": attendsByHeads,
  "com.microsoft:QAttention": attendsQuantized,
  "com.microsoft:RotaryEmbedding": rotatesWithOffset,
};
