import { type Count, isSame, known, numberOf, one, over, product } from "./count.ts";
import type { RowNode, RowRule } from "./node.ts";
import { besideEachOther } from "./selection-rules.ts";
import { type RowValue, rowSize, withDims } from "./value.ts";

// Operators on images: rows are the first axis, channels the second, and windows move over the others.

/** Ensures that rows are the first axis. */
function imagesOf(node: RowNode, index: number): RowValue {
  const value = node.value(index);
  if (value.rows !== undefined && value.rows.axis !== 0)
    node.lose("takes the rows for a part of images");
  return value;
}

const pools: RowRule = (node) => {
  const images = imagesOf(node, 0);
  const dims = node.dims(images);
  const kernel = node.ints("kernel_shape")?.map(known) ?? [];
  const result = withDims(images, windows(node, { dims, kernel, channels: dims[1] ?? one }));
  // The positions of the largest elements are counted from the first row on.
  if (node.hasOutput(1) && images.rows !== undefined)
    node.lose("returns positions that include the row number");
  return [result, { dims: result.dims }];
};

const poolsGlobally: RowRule = (node) => {
  const images = imagesOf(node, 0);
  node.fixedFrom(1);
  return [
    withDims(
      images,
      node.dims(images).map((dim, axis) => (axis < 2 ? dim : one)),
    ),
  ];
};

const poolsQuantized: RowRule = (node) => {
  const images = imagesOf(node, 0);
  node.fixedFrom(1);
  return [
    withDims(images, [
      ...node.dims(images).slice(0, 1),
      ...node.sizes(node.dims(images).length - 1),
    ]),
  ];
};

/** X, then W at `weights`; all inputs except X (and what is added at `sum`) are the same for all rows. */
function convolves({ weights, sum }: { weights: number; sum?: number }): RowRule {
  return (node) => {
    const images = imagesOf(node, 0);
    for (let index = 1; index < node.inputCount; index++) if (index !== sum) node.fixed(index);
    const kernel = node.fixed(weights) ?? node.lose("has no weights");
    const dims = node.dims(images);
    const sizes = node.dims(kernel);
    const result = withDims(
      images,
      windows(node, { dims, kernel: sizes.slice(2), channels: sizes[0] ?? one }),
    );
    if (sum !== undefined && node.has(sum)) besideEachOther(node, [result, node.value(sum)]);
    return [result];
  };
}

interface Windows {
  readonly dims: readonly Count[];
  readonly kernel: readonly Count[];
  readonly channels: Count;
}

/** The result of windows that move over images. */
function windows(node: RowNode, { dims, kernel, channels }: Windows): readonly Count[] {
  const pads = node.ints("pads") ?? [];
  const strides = node.ints("strides") ?? [];
  const dilations = node.ints("dilations") ?? [];
  const autoPad = node.text("auto_pad", "NOTSET");
  const roundsUp = node.int("ceil_mode", 0) !== 0;
  const count = dims.length - 2;
  const sizes = Array.from({ length: count }, (_, at) => {
    const [size, side] = [dims[at + 2], kernel[at]].map((dim) => dim && numberOf(dim));
    if (size === undefined || side === undefined || roundsUp) return node.size();
    const stride = strides[at] ?? 1;
    if (autoPad.startsWith("SAME")) return known(Math.ceil(size / stride));
    const reach = (side - 1) * (dilations[at] ?? 1) + 1;
    const padded = autoPad === "VALID" ? size : size + (pads[at] ?? 0) + (pads[at + count] ?? 0);
    return known(Math.max(Math.floor((padded - reach) / stride) + 1, 0));
  });
  return [dims[0] ?? one, channels, ...sizes];
}

/** W is applied to every position of an image; its second axis has the result's channels. */
const convolvesBack: RowRule = (node) => {
  const images = imagesOf(node, 0);
  node.fixedFrom(1);
  const dims = node.dims(images);
  return [withDims(images, [dims[0] ?? one, ...node.sizes(dims.length - 1)])];
};

/** X and other inputs have rows side by side; those in `fixedInputs` are the same for all. */
function besideImages(fixedInputs: readonly number[]): RowRule {
  return (node) => {
    for (const index of fixedInputs) node.fixed(index);
    const moving: RowValue[] = [];
    for (let index = 0; index < node.inputCount; index++) {
      if (node.has(index) && !fixedInputs.includes(index)) moving.push(imagesOf(node, index));
    }
    besideEachOther(node, moving);
    const images = node.value(0);
    const dims = node.dims(images);
    return [withDims(images, [dims[0] ?? one, ...node.sizes(dims.length - 1)])];
  };
}

/** Squares of positions become channels, or channels become squares. */
const movesBlocks: RowRule = (node) => {
  const images = imagesOf(node, 0);
  const [rows = one, channels = one, ...places] = node.dims(images);
  const side = known(node.int("blocksize", 1));
  const square = product([side, side]) ?? one;
  const isToDepth = node.op === "SpaceToDepth";
  const change = (size: Count, by: Count, isUp: boolean) =>
    (isUp ? product([size, by]) : over(size, by)) ?? node.size();
  const moved = places.map((size) => change(size, side, !isToDepth));
  return [withDims(images, [rows, change(channels, square, isToDepth), ...moved])];
};

/** By scales or to sizes: the row axis must stay unchanged. */
const resizes: RowRule = (node) => {
  const value = node.value(0);
  const dims = node.dims(value);
  const isOld = node.op === "Upsample" || node.opset < 11;
  const axes =
    node.ints("axes")?.map((axis) => node.axis(axis, dims.length)) ?? dims.map((_, at) => at);
  const rowAt = value.rows === undefined ? -1 : axes.indexOf(value.rows.axis);
  const scales = scalesOf(node, isOld ? 1 : 2);
  const sizes = !isOld && node.has(3) && scales === undefined ? node.counts(3) : undefined;
  if (!isOld) node.fixed(1);
  if (rowAt >= 0 && value.rows !== undefined) {
    const keepsRows =
      sizes === undefined
        ? isScaleOne(scales?.[rowAt])
        : sizes[rowAt] !== undefined && isSame(sizes[rowAt], rowSize(value.rows));
    if (!keepsRows) node.lose("resizes along the rows");
    if (node.text("keep_aspect_ratio_policy", "stretch") !== "stretch") {
      node.lose("resizes by the number of rows");
    }
    if (movesPlaces.has(node.text("coordinate_transformation_mode", "half_pixel"))) {
      node.lose("moves places along the rows");
    }
    // The engine interpolates along the first axis too, except for images with batch and channels.
    const isBatch = value.rows.axis === 0 && (dims.length === 4 || dims.length === 5);
    if (node.text("mode", "nearest") !== "nearest" && !isBatch) {
      node.lose("interpolates along the rows");
    }
  }
  if (sizes?.some((size, at) => size.ofRows && at !== rowAt))
    node.lose("resizes by the number of rows");
  return [
    withDims(
      value,
      dims.map((dim, axis) => {
        const at = axes.indexOf(axis);
        return at < 0 || isScaleOne(scales?.[at])
          ? dim
          : sizes?.[at]
            ? node.asSize(sizes[at])
            : node.size();
      }),
    ),
  ];
};

/** Resize modes that change an axis even if its size stays the same. */
const movesPlaces = new Set(["tf_crop_and_resize", "tf_half_pixel_for_nn"]);

function isScaleOne(scale: Count | undefined): boolean {
  return scale !== undefined && numberOf(scale) === 1;
}

/** Undefined if sizes are given instead. */
function scalesOf(node: RowNode, input: number): readonly Count[] | undefined {
  const count = node.attribute("scales")?.floats.map(known);
  if (count !== undefined) return count;
  if (!node.has(input)) return undefined;
  const scales = node.counts(input);
  return scales.length === 0 ? undefined : scales;
}

export const imageRules: Readonly<Record<string, RowRule>> = {
  AveragePool: pools,
  Conv: convolves({ weights: 1 }),
  ConvInteger: convolves({ weights: 1 }),
  ConvTranspose: convolvesBack,
  DeformConv: besideImages([1, 3]),
  DepthToSpace: movesBlocks,
  GlobalAveragePool: poolsGlobally,
  GlobalLpPool: poolsGlobally,
  GlobalMaxPool: poolsGlobally,
  GridSample: besideImages([]),
  LpPool: pools,
  MaxPool: pools,
  QLinearConv: convolves({ weights: 3 }),
  Resize: resizes,
  SpaceToDepth: movesBlocks,
  Upsample: resizes,
  "com.microsoft:FusedConv": convolves({ weights: 1, sum: 3 }),
  "com.microsoft:QLinearAveragePool": poolsQuantized,
  "com.microsoft:QLinearGlobalAveragePool": poolsQuantized,
};
