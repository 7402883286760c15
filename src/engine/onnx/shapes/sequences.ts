import { at, known, type NodeView, type Rule, ruleTable, type Shape } from "./node-view.ts";

// Recurrent networks and attention.

/** All steps, and the final state once (GRU, RNN) or twice (LSTM). */
const recurs: Rule = (node) => {
  const shape = node.shape(0);
  const weights = node.shape(1);
  const recurrence = node.shape(2);
  const directions = at(weights, 0);
  const hidden = node.attribute("hidden_size")?.int ?? at(recurrence, -1);
  if (node.int("layout", 0) === 0) {
    const [steps = 1, batch = 1] = shape;
    const last = [directions, batch, hidden];
    return [[steps, ...last], last, last];
  }
  const [batch = 1, steps = 1] = shape;
  const last = [batch, directions, hidden];
  return [[batch, steps, directions, hidden], last, last];
};

/** Queries, keys or values: [batch, heads, length, size], or [batch, length, heads * size]. */
interface Heads {
  readonly batch: number;
  readonly heads: number;
  readonly length: number;
  readonly size: number;
}

function headsOf(shape: Shape, heads: number | undefined): Heads {
  if (shape.length === 4) {
    const [batch = 1, count = 1, length = 1, size = 1] = shape;
    return { batch, heads: count, length, size };
  }
  const count = known(heads);
  return { batch: at(shape, 0), heads: count, length: at(shape, 1), size: at(shape, 2) / count };
}

const attends: Rule = (node) => {
  const shape = node.shape(0);
  const heads = node.attribute("q_num_heads")?.int;
  const ofKeys = node.attribute("kv_num_heads")?.int;
  const queries = headsOf(shape, heads);
  const keys = headsOf(node.shape(1), ofKeys);
  const values = headsOf(node.shape(2), ofKeys);
  const past = node.has(4) ? at(node.shape(4), 2) : 0;
  const length = past + keys.length;
  const result =
    shape.length === 4
      ? [queries.batch, queries.heads, queries.length, values.size]
      : [queries.batch, queries.length, queries.heads * values.size];
  return [
    result,
    [queries.batch, keys.heads, length, keys.size],
    [queries.batch, values.heads, length, values.size],
    [queries.batch, queries.heads, queries.length, length],
  ];
};

/** [batch, length, heads * size]; the state has a matrix for each head. */
function attendsLinearly(node: NodeView): readonly Shape[] {
  const queries = headsOf(node.shape(0), node.attribute("q_num_heads")?.int);
  const keys = headsOf(node.shape(1), node.attribute("kv_num_heads")?.int);
  const values = headsOf(node.shape(2), node.attribute("kv_num_heads")?.int);
  const heads = Math.max(queries.heads, values.heads);
  return [
    [queries.batch, queries.length, heads * values.size],
    [queries.batch, values.heads, keys.size, values.size],
  ];
}

export const sequenceRules = ruleTable("", [
  ["GRU LSTM RNN", recurs],
  ["Attention", attends],
  ["LinearAttention", attendsLinearly],
]);

export const previewRules = ruleTable("ai.onnx.preview", [
  ["FlexAttention", (node) => [[...node.shape(0).slice(0, -1), at(node.shape(2), -1)]]],
]);
