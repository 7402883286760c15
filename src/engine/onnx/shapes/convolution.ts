import {
  at,
  axisOf,
  elements,
  known,
  type NodeView,
  type Rule,
  ruleTable,
  type Shape,
  unclear,
  withSize,
} from "./node-view.ts";

// Operators on images and signals: [batch, channels, ...places].

const pools: Rule = (node) => {
  const image = node.shape(0);
  const kernel = node.ints("kernel_shape");
  const pooled = windows(node, { image, kernel, channels: at(image, 1) });
  return [pooled, pooled];
};

/** `image` and `weights`: the indices of these inputs. */
export function convolution(node: NodeView, image: number, weights: number): Shape {
  const [channels = 1, , ...kernel] = node.shape(weights);
  return windows(node, { image: node.shape(image), kernel, channels });
}

interface Windows {
  readonly image: Shape;
  readonly kernel: Shape;
  /** Spatial sizes of the result. */
  readonly channels: number;
}

/** Output sizes of a window that moves over an image. */
export function windows(node: NodeView, { image, kernel, channels }: Windows): Shape {
  const axes = image.length - 2;
  const pads = node.ints("pads");
  const padding = node.text("auto_pad");
  const strides = node.ints("strides");
  const dilations = node.ints("dilations");
  const places = image.slice(2).map((size, axis) => {
    const stride = strides[axis] ?? 1;
    if (padding.startsWith("SAME")) return Math.ceil(size / stride);
    const before = padding === "VALID" ? 0 : (pads[axis] ?? 0);
    const after = padding === "VALID" ? 0 : (pads[axis + axes] ?? 0);
    const reach = (dilations[axis] ?? 1) * (at(kernel, axis) - 1) + 1;
    const room = size + before + after - reach;
    if (node.int("ceil_mode", 0) === 0) return Math.floor(room / stride) + 1;
    const count = Math.ceil(room / stride) + 1;
    // A window that would begin in the padding after the image is left out.
    return (count - 1) * stride >= size + before ? count - 1 : count;
  });
  return [at(image, 0), channels, ...places];
}

const transposedConvolution: Rule = (node) => {
  const image = node.shape(0);
  const [, perGroup = 1, ...kernel] = node.shape(1);
  const channels = perGroup * node.int("group", 1);
  const axes = image.length - 2;
  const wanted = node.ints("output_shape");
  const pads = node.ints("pads");
  const padding = node.text("auto_pad");
  const places = image.slice(2).map((size, axis) => {
    // Some exporters put batch and channels before the spatial dimensions.
    const place = wanted[wanted.length - axes + axis];
    if (place !== undefined) return place;
    const stride = node.ints("strides")[axis] ?? 1;
    if (padding.startsWith("SAME")) return size * stride;
    const reach = (node.ints("dilations")[axis] ?? 1) * (at(kernel, axis) - 1) + 1;
    const cut = padding === "VALID" ? 0 : (pads[axis] ?? 0) + (pads[axis + axes] ?? 0);
    return stride * (size - 1) + (node.ints("output_padding")[axis] ?? 0) + reach - cut;
  });
  return [[at(image, 0), channels, ...places]];
};

const unpools: Rule = (node) => {
  if (node.has(2)) return [node.values(2)];
  const shape = node.shape(0);
  const pads = node.ints("pads");
  const axes = shape.length - 2;
  const places = shape.slice(2).map((size, axis) => {
    const stride = node.ints("strides")[axis] ?? 1;
    const cut = (pads[axis] ?? 0) + (pads[axis + axes] ?? 0);
    return (size - 1) * stride + at(node.ints("kernel_shape"), axis) - cut;
  });
  return [[at(shape, 0), at(shape, 1), ...places]];
};

const foldsColumns: Rule = (node) => {
  const [batch = 1, rows = 1] = node.shape(0);
  return [[batch, rows / elements(node.values(2)), ...node.values(1)]];
};

const alignsRegions: Rule = (node) => [
  [
    at(node.shape(1), 0),
    at(node.shape(0), 1),
    node.int("output_height", 1),
    node.int("output_width", 1),
  ],
];

const samplesGrid: Rule = (node) => {
  const grid = node.shape(1);
  return [[at(node.shape(0), 0), at(node.shape(0), 1), ...grid.slice(1, -1)]];
};

const makesGrid: Rule = (node) => {
  const [batch = 1, , ...places] = node.values(1);
  return [[batch, ...places, places.length]];
};

const deepens: Rule = (node) => {
  const [batch = 1, channels = 1, height = 1, width = 1] = node.shape(0);
  const block = known(node.attribute("blocksize")?.int);
  return [[batch, channels * block * block, Math.floor(height / block), Math.floor(width / block)]];
};

const flattensDepth: Rule = (node) => {
  const [batch = 1, channels = 1, height = 1, width = 1] = node.shape(0);
  const block = known(node.attribute("blocksize")?.int);
  return [[batch, channels / (block * block), height * block, width * block]];
};

/** All versions of "Resize" and "Upsample". */
const resizes: Rule = (node) => {
  const shape = node.shape(0);
  const isNew = node.opset >= 11;
  const scalesAt = isNew ? 2 : 1;
  const axes = node.ints("axes").map((axis) => axisOf(axis, shape.length));
  const placeOf = (axis: number) => (axes.length === 0 ? axis : axes.indexOf(axis));
  const scales = node.has(scalesAt) ? node.values(scalesAt) : node.floats("scales");
  if (scales.length > 0) {
    return [
      shape.map((size, axis) => {
        const scale = scales[placeOf(axis)];
        // In single precision, as the kernels compute it.
        return scale === undefined ? size : Math.floor(Math.fround(size * Math.fround(scale)));
      }),
    ];
  }
  if (!isNew) throw unclear();
  const sizes = node.values(3);
  const policy = node.text("keep_aspect_ratio_policy");
  const wanted = shape.map((size, axis) => sizes[placeOf(axis)] ?? size);
  if (policy === "" || policy === "stretch") return [wanted];
  const ratios = shape.flatMap((size, axis) =>
    sizes[placeOf(axis)] === undefined ? [] : [at(wanted, axis) / size],
  );
  const ratio = policy === "not_larger" ? Math.min(...ratios) : Math.max(...ratios);
  return [
    shape.map((size, axis) =>
      sizes[placeOf(axis)] === undefined ? size : Math.round(ratio * size),
    ),
  ];
};

const cropsOrPads: Rule = (node) => {
  const shape = node.shape(0);
  const wanted = node.values(1);
  const axes = node.ints("axes").map((axis) => axisOf(axis, shape.length));
  const targets = axes.length === 0 ? shape.map((_, axis) => axis) : axes;
  return [
    targets.reduce(
      (result: Shape, axis, index) => withSize(result, axis, at(wanted, index)),
      shape,
    ),
  ];
};

export const convolutionRules = ruleTable("", [
  ["AveragePool MaxPool LpPool", pools],
  ["Conv ConvInteger DeformConv", (node) => [convolution(node, 0, 1)]],
  ["QLinearConv", (node) => [convolution(node, 0, 3)]],
  ["ConvTranspose", transposedConvolution],
  ["CausalConvWithState", causalConvolution],
  [
    "GlobalAveragePool GlobalMaxPool GlobalLpPool",
    (node) => [node.shape(0).map((size, axis) => (axis < 2 ? size : 1))],
  ],
  ["MaxUnpool", unpools],
  ["Col2Im", foldsColumns],
  ["RoiAlign", alignsRegions],
  [
    "MaxRoiPool",
    (node) => [[at(node.shape(1), 0), at(node.shape(0), 1), ...node.ints("pooled_shape")]],
  ],
  ["GridSample", samplesGrid],
  ["AffineGrid", makesGrid],
  ["SpaceToDepth", deepens],
  ["DepthToSpace", flattensDepth],
  ["Resize Upsample", resizes],
  ["CenterCropPad", cropsOrPads],
]);

/** The state is what the next piece of the signal needs from this one. */
function causalConvolution(node: NodeView): readonly Shape[] {
  const signal = node.shape(0);
  const [channels = 1, , length = 1] = node.shape(1);
  const result = withSize(signal, 1, channels);
  return [result, [at(signal, 0), at(signal, 1), length - 1]];
}
