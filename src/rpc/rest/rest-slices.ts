import { setImmediate as turn } from "node:timers/promises";
import { elementBytes, type Tensor } from "../../base/tensor.ts";
import { areUtf8, type BytesForm } from "./rest-strings.ts";
import { encodeData } from "./rest-tensor.ts";

// Long tensors as JSON, a slice at a time: the event loop turns in between.

/** Elements of a slice: a few milliseconds, mostly for digits. */
const sliceElements = 8_192;
/** Of strings, whose elements have any length. */
const sliceBytes = 128 * 1024;

/** Whether a tensor takes more than a slice. */
export function isLongAsJson({ datatype, data }: Tensor): boolean {
  const size = elementBytes[datatype];
  return size === undefined ? data.length > sliceBytes : data.length > sliceElements * size;
}

/** `wanted`, or "base64" where an element of BYTES is not UTF-8. */
export async function bytesFormOf(tensor: Tensor, wanted: BytesForm): Promise<BytesForm> {
  if (tensor.datatype !== "BYTES" || wanted === "base64") return wanted;
  for (const slice of slicesOf(tensor)) {
    if (!areUtf8(slice)) return "base64";
    await turn();
  }
  return "text";
}

/** The elements of `tensor` in JSON, with commas between them and no brackets around them. Throws as
 *  `encodeData`. */
export async function* dataSlices(tensor: Tensor, bytesForm: BytesForm): AsyncGenerator<Buffer> {
  let isFirst = true;
  for (const data of slicesOf(tensor)) {
    const elements = encodeData({ ...tensor, data }, bytesForm).data;
    const text = JSON.stringify(elements).slice(1, -1);
    yield Buffer.from(isFirst ? text : `,${text}`);
    isFirst = false;
    await turn();
  }
}

function* slicesOf({ datatype, data }: Tensor): Generator<Uint8Array> {
  const size = elementBytes[datatype];
  if (size !== undefined) {
    const step = sliceElements * size;
    for (let at = 0; at < data.length; at += step) yield data.subarray(at, at + step);
    return;
  }
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  let start = 0;
  let count = 0;
  for (let at = 0; at < data.length; ) {
    at += 4 + view.getUint32(at, true);
    count++;
    const isFull = at - start >= sliceBytes || count === sliceElements;
    if (!isFull && at < data.length) continue;
    yield data.subarray(start, at);
    start = at;
    count = 0;
  }
}
