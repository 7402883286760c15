import { type DraftValue, type GraphDraft, NoUse } from "./graph-draft.ts";

// Growths of drafts that take values for sequences.

const isSequences = ({ datatype, rank }: DraftValue) => datatype === "FP32" && rank === 3;
const microsoft = { domain: "com.microsoft" };

/** X is [time, lists, features]. */
function recurs(draft: GraphDraft): void {
  const x = draft.pick(isSequences);
  const features = draft.size(x, 2);
  const op = draft.random.pick(["LSTM", "GRU", "RNN"]);
  const gates = { LSTM: 4, GRU: 3, RNN: 1 }[op] ?? 1;
  const hidden = 2;
  const weights = draft.constant("FP32", [1, gates * hidden, features]);
  const recurrent = draft.constant("FP32", [1, gates * hidden, hidden]);
  const lengths = draft.chance(20)
    ? ["", draft.pick(({ datatype, rank }) => datatype === "INT32" && rank === 1)]
    : [];
  draft.node(
    op,
    [x, weights, recurrent, ...lengths],
    { hidden_size: hidden },
    {
      outputs: op === "LSTM" ? 3 : 2,
    },
  );
}

/** As exporters write it: scores, a mask, softmax. */
function attends(draft: GraphDraft): void {
  const x = draft.pick(isSequences);
  const width = draft.size(x, 2);
  const linear = () =>
    draft.node("MatMul", [x, draft.constant("FP32", [width, width])])[0] as DraftValue;
  const [query, key, value] = [linear(), linear(), linear()];
  const [turned] = draft.node("Transpose", [key], { perm: [0, 2, 1] }) as [DraftValue];
  let [scores] = draft.node("MatMul", [query, turned]) as [DraftValue];
  if (draft.chance(50)) {
    const mask = draft.pick(({ datatype, rank }) => datatype === "FP32" && rank >= 2 && rank < 4);
    [scores] = draft.node("Add", [scores, mask]) as [DraftValue];
  }
  const [weights] = draft.node("Softmax", [scores], { axis: 2 }) as [DraftValue];
  draft.node("MatMul", [weights, value]);
}

function attendsByHeads(draft: GraphDraft): void {
  const x = draft.pick(isSequences);
  if (draft.size(x, 2) % 2 !== 0) throw new NoUse();
  const other = draft.chance(60) ? x : draft.pick(isSequences);
  draft.node("MultiHeadAttention", [x, other, other], { num_heads: 2 }, microsoft);
}

/** Of version 23, with a mask or not. */
function attendsNewly(draft: GraphDraft): void {
  if (draft.opset < 23) throw new NoUse();
  const x = draft.pick(isSequences);
  const heads = { q_num_heads: 1, kv_num_heads: 1 };
  const isMask = ({ datatype, rank }: DraftValue) => datatype === "FP32" && rank >= 2;
  const mask = draft.chance(50) ? [draft.pick(isMask)] : [];
  draft.node("Attention", [x, x, x, ...mask], { ...heads, is_causal: draft.random.below(2) });
}

function attendsPacked(draft: GraphDraft): void {
  const x = draft.pick(isSequences);
  const width = draft.size(x, 2);
  const weights = draft.constant("FP32", [width, 6]);
  const inputs = [x, weights, draft.constant("FP32", [6])];
  const mask = draft.chance(50) ? [draft.pick(({ datatype }) => datatype === "INT32")] : [];
  draft.node("Attention", [...inputs, ...mask], { num_heads: 1 }, microsoft);
}

function addsBias(draft: GraphDraft): void {
  const x = draft.pick(({ datatype, rank }) => datatype === "FP32" && rank > 1);
  const bias = draft.constant("FP32", [draft.size(x, x.rank - 1)]);
  draft.node(draft.random.pick(["BiasGelu", "FastGelu"]), [x, bias], {}, microsoft);
}

function rotates(draft: GraphDraft): void {
  if (draft.opset < 23) throw new NoUse();
  const x = draft.pick(isSequences);
  const half = draft.size(x, 2) / 2;
  if (!Number.isInteger(half)) throw new NoUse();
  const positions = draft.pick(({ datatype, rank }) => datatype === "INT64" && rank === 2);
  const [rest] = draft.node("Mod", [positions, draft.constant("INT64", [], [3])]) as [DraftValue];
  const table = () => draft.constant("FP32", [4, half]);
  draft.node("RotaryEmbedding", [x, table(), table(), rest], { num_heads: 1 });
}

function transformsFrequencies(draft: GraphDraft): void {
  if (draft.opset < 17) throw new NoUse();
  const x = draft.pick(
    ({ datatype, rank, traces }) =>
      datatype === "FP32" && rank > 1 && traces[0]?.shape[rank - 1] === 1,
  );
  if (draft.opset < 20) draft.node("DFT", [x], { axis: draft.axis(x) });
  else draft.node("DFT", [x, "", draft.constant("INT64", [], [draft.axis(x)])]);
}

export const growSequences = {
  recurs,
  attends,
  attendsByHeads,
  attendsNewly,
  attendsPacked,
  addsBias,
  rotates,
  transformsFrequencies,
};
