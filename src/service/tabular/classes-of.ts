import type { Tensor } from "../../base/tensor.ts";
import { convertTensor } from "./convert-tensor.ts";

/** Of two classes, the second one counts from here on if only its share is known. */
const half = 0.5;

/** The number of the class with the largest share in each row, the first one of equals, FP32 of shape [rows]. A row with
 *  one share is of the second of two classes if it is more than one half. */
export function classesOf(shares: Tensor): Tensor {
  const { data, shape } = convertTensor(shares, "FP64");
  const values = new Float64Array(data.buffer, data.byteOffset, data.length / 8);
  const [rows = 0, ...others] = shape;
  const width = others.reduce((product, size) => product * size, 1);
  const classes = new Float32Array(rows);
  for (let row = 0; row < rows; row++) {
    const shares = values.subarray(row * width, (row + 1) * width);
    classes[row] = width === 1 ? Number((shares[0] as number) > half) : largest(shares);
  }
  return { ...shares, datatype: "FP32", shape: [rows], data: new Uint8Array(classes.buffer) };
}

function largest(shares: Float64Array): number {
  let at = 0;
  for (let each = 1; each < shares.length; each++) {
    if ((shares[each] as number) > (shares[at] as number)) at = each;
  }
  return at;
}
