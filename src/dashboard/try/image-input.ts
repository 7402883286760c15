import type { TensorSpec } from "./tensor-input.ts";

/** An input that takes one small greyscale picture. */
export interface ImageInput {
  /** Rows and columns. */
  readonly side: number;
  /** The value of full ink; 0 is none. */
  readonly fullInk: number;
}

/** A drawing: `ink` from 0 to 255, row by row from the top left. */
export interface Bitmap {
  readonly side: number;
  readonly ink: Uint8ClampedArray;
}

const maxSide = 64;
const flatSides: readonly number[] = [28];

/** How to draw for this input; undefined if it does not take a picture. Dimensions other than the last two may
 *  be free or 1; flat inputs count as pictures only in their usual sizes. */
export function imageInputOf({ datatype, shape }: TensorSpec): ImageInput | undefined {
  if (!/^(U?INT(8|16|32|64)|FP16|BF16|FP32|FP64)$/.test(datatype)) return undefined;
  const side = sideOf(shape);
  if (side === undefined) return undefined;
  // Byte inputs usually range to 255; the classic data set of 8x8 digits ranges to 16.
  const fullInk = /^U?INT/.test(datatype) ? (datatype === "INT8" ? 127 : 255) : side === 8 ? 16 : 1;
  return { side, fullInk };
}

function sideOf(shape: readonly number[]): number | undefined {
  const last = shape.at(-1) ?? 0;
  const isOne = (size: number) => size === -1 || size === 1;
  if (last === shape.at(-2) && last >= 4 && last <= maxSide) {
    return shape.slice(0, -2).every(isOne) ? last : undefined;
  }
  const flat = flatSides.find((side) => side * side === last);
  return shape.slice(0, -1).every(isOne) ? flat : undefined;
}

/** Shrinks a drawing to `image.side` squared by area: a cell's value is its share of ink. With `fit`, the
 *  drawing fills the picture as in the usual data sets, wherever and however large it was drawn. */
export function shrink(bitmap: Bitmap, image: ImageInput, fit: boolean): number[] {
  const { side } = image;
  const frame = (fit ? frameAround(bitmap, side) : undefined) ?? {
    left: 0,
    top: 0,
    size: bitmap.side,
  };
  const step = frame.size / side;
  const isWhole = image.fullInk > 1;
  return Array.from({ length: side * side }, (_, index) => {
    const left = frame.left + (index % side) * step;
    const top = frame.top + Math.floor(index / side) * step;
    const value = (meanInk(bitmap, left, top, step) / 255) * image.fullInk;
    return isWhole ? Math.round(value) : Math.round(value * 1000) / 1000;
  });
}

interface Frame {
  readonly left: number;
  readonly top: number;
  readonly size: number;
}

/** A square around all ink, with the margin that pictures of this size usually have. */
function frameAround({ side, ink }: Bitmap, cells: number): Frame | undefined {
  let [left, top, right, bottom] = [side, side, -1, -1];
  ink.forEach((value, index) => {
    if (value < 64) return;
    const x = index % side;
    const y = Math.floor(index / side);
    left = Math.min(left, x);
    right = Math.max(right, x);
    top = Math.min(top, y);
    bottom = Math.max(bottom, y);
  });
  if (right < 0) return undefined;
  const [width, height] = [right - left + 1, bottom - top + 1];
  const share = cells >= 16 ? 20 / 28 : 1;
  const size = Math.max(width, height) / share;
  return { left: left + width / 2 - size / 2, top: top + height / 2 - size / 2, size };
}

/** The square at (left, top); outside the drawing there is no ink. */
function meanInk({ side, ink }: Bitmap, left: number, top: number, size: number): number {
  const [x0, y0] = [Math.round(left), Math.round(top)];
  const [x1, y1] = [
    Math.max(x0 + 1, Math.round(left + size)),
    Math.max(y0 + 1, Math.round(top + size)),
  ];
  let sum = 0;
  for (let y = Math.max(0, y0); y < Math.min(side, y1); y++) {
    for (let x = Math.max(0, x0); x < Math.min(side, x1); x++) sum += ink[y * side + x] ?? 0;
  }
  return sum / ((x1 - x0) * (y1 - y0));
}
