import { type DraftValue, type GraphDraft, NoUse } from "./graph-draft.ts";

// Growths of drafts that take values for images: rows, channels, and places.

const isImage = ({ datatype, rank }: DraftValue) =>
  datatype === "FP32" && (rank === 3 || rank === 4);

function ones(count: number, value = 1): number[] {
  return new Array<number>(count).fill(value);
}

function convolves(draft: GraphDraft): void {
  const images = draft.pick(isImage);
  const places = images.rank - 2;
  const channels = images.traces[0]?.shape[1] ?? 1;
  const side = 1 + draft.random.below(2);
  const weights = draft.constant("FP32", [2, channels, ...ones(places, side)]);
  const bias = draft.chance(50) ? [draft.constant("FP32", [2])] : [];
  draft.node("Conv", [images, weights, ...bias], {
    pads: ones(2 * places, draft.random.below(2)),
    strides: ones(places, 1 + draft.random.below(2)),
    dilations: ones(places, 1 + draft.random.below(2)),
  });
}

function convolvesBack(draft: GraphDraft): void {
  const images = draft.pick(isImage);
  const channels = images.traces[0]?.shape[1] ?? 1;
  draft.node("ConvTranspose", [
    images,
    draft.constant("FP32", [channels, 2, ...ones(images.rank - 2, 2)]),
  ]);
}

function pools(draft: GraphDraft): void {
  const images = draft.pick(isImage);
  const places = images.rank - 2;
  const op = draft.random.pick(["MaxPool", "AveragePool", "LpPool"]);
  const outputs = op === "MaxPool" && draft.chance(50) ? 2 : 1;
  const attributes = {
    kernel_shape: ones(places, 1 + draft.random.below(2)),
    strides: ones(places),
  };
  draft.node(
    op,
    [images],
    draft.chance(30) ? { ...attributes, auto_pad: "SAME_UPPER" } : attributes,
    {
      outputs,
    },
  );
}

function poolsGlobally(draft: GraphDraft): void {
  draft.node(draft.random.pick(["GlobalAveragePool", "GlobalMaxPool"]), [draft.pick(isImage)]);
}

function normalizes(draft: GraphDraft): void {
  const images = draft.pick(({ datatype, rank }) => datatype === "FP32" && rank > 1);
  const channels = images.traces[0]?.shape[1] ?? 1;
  const list = () => draft.constant("FP32", [channels], ones(channels, 0.5));
  const op = draft.random.pick([
    "BatchNormalization",
    "BatchNormalization",
    "InstanceNormalization",
    "LRN",
    "MeanVarianceNormalization",
  ]);
  if (op === "LRN") draft.node(op, [images], { size: 3 });
  else if (op === "InstanceNormalization") draft.node(op, [images, list(), list()]);
  else if (op === "BatchNormalization") draft.node(op, [images, list(), list(), list(), list()]);
  else draft.node(op, [images], { axes: [draft.axis(images)] });
}

/** By scales, or to sizes of which some are the old ones. */
function resizes(draft: GraphDraft): void {
  if (draft.opset < 11) throw new NoUse();
  const images = draft.pick(isImage);
  const scales = ones(images.rank);
  scales[draft.axis(images)] = 2;
  if (draft.chance(60)) {
    const mode = draft.random.pick(["nearest", "nearest", "linear"]);
    draft.node("Resize", [images, "", draft.constant("FP32", [images.rank], scales)], { mode });
    return;
  }
  const [shape] = draft.node("Shape", [images]) as [DraftValue];
  const [first] = draft.node("Slice", [shape, draft.integers(0), draft.integers(2)]) as [
    DraftValue,
  ];
  const [sizes] = draft.node("Concat", [first, draft.integers(...ones(images.rank - 2, 3))], {
    axis: 0,
  }) as [DraftValue];
  draft.node("Resize", [images, "", "", sizes], { mode: "nearest" });
}

function movesBlocks(draft: GraphDraft): void {
  const images = draft.pick(({ datatype, rank }) => datatype === "FP32" && rank === 4);
  draft.node(draft.random.pick(["SpaceToDepth", "DepthToSpace"]), [images], { blocksize: 2 });
}

function samples(draft: GraphDraft): void {
  if (draft.opset < 16) throw new NoUse();
  const images = draft.pick(({ datatype, rank }) => datatype === "FP32" && rank === 4);
  const grid = draft.pick(
    ({ datatype, rank, traces }) => datatype === "FP32" && rank === 4 && traces[0]?.shape[3] === 2,
  );
  draft.node("GridSample", [images, grid]);
}

export const growImages = {
  Conv: convolves,
  ConvTranspose: convolvesBack,
  pools,
  poolsGlobally,
  normalizesImages: normalizes,
  Resize: resizes,
  movesBlocks,
  GridSample: samples,
};
