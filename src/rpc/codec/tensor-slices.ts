import { elementEnd, elementView, lengthBytes } from "../../base/bytes-elements.ts";
import { elementBytes, type Tensor } from "../../base/tensor.ts";

// Long tensors, a slice at a time: whoever writes or reads one lets the event loop turn in between.

/** Elements of a slice: a few milliseconds, mostly for digits. */
const sliceElements = 8_192;
/** Of strings, whose elements have any length. */
const sliceBytes = 128 * 1024;
/** Of one string: three bytes are four letters of base64. */
const pieceBytes = 3 * 64 * 1024;

/** Whether a tensor takes more than a slice. */
export function isLong({ datatype, data }: Tensor): boolean {
  const size = elementBytes[datatype];
  return size === undefined ? data.length > sliceBytes : data.length > sliceElements * size;
}

/** Whole elements, as views. */
export function* slicesOf({ datatype, data }: Tensor): Generator<Uint8Array> {
  const size = elementBytes[datatype];
  if (size !== undefined) {
    const step = sliceElements * size;
    for (let at = 0; at < data.length; at += step) yield data.subarray(at, at + step);
    return;
  }
  const view = elementView(data);
  let start = 0;
  let count = 0;
  for (let at = 0; at < data.length; ) {
    const end = elementEnd(view, at);
    // A long element is a slice by itself.
    if (end - at > sliceBytes && at > start) {
      yield data.subarray(start, at);
      start = at;
      count = 0;
    }
    at = end;
    count++;
    const isFull = at - start >= sliceBytes || count === sliceElements;
    if (!isFull && at < data.length) continue;
    yield data.subarray(start, at);
    start = at;
    count = 0;
  }
}

/** Of an element of BYTES that is a slice by itself, its bytes. */
export function longElement({ datatype }: Tensor, slice: Uint8Array): Buffer | undefined {
  const contentBytes = slice.length - lengthBytes;
  if (elementBytes[datatype] !== undefined || contentBytes < sliceBytes) return undefined;
  if (elementEnd(elementView(slice), 0) !== slice.length) return undefined;
  return Buffer.from(slice.buffer, slice.byteOffset + lengthBytes, contentBytes);
}

/** Pieces of one string. No character of UTF-8 is cut, and base64 can be put together. */
export function* piecesOf(content: Buffer, form: "text" | "base64"): Generator<Buffer> {
  for (let start = 0; start < content.length; ) {
    let end = Math.min(start + pieceBytes, content.length);
    if (form === "text" && end < content.length) end = startOfCharacter(content, end);
    yield content.subarray(start, end);
    start = end;
  }
}

/** At or up to three bytes before `at`; `at` itself in what is not UTF-8. */
function startOfCharacter(content: Buffer, at: number): number {
  for (let start = at; start > at - 4; start--) {
    if (((content[start] as number) & 0xc0) !== 0x80) return start;
  }
  return at;
}
