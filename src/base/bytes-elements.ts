// BYTES tensors as they travel: each element is its length as a little-endian uint32, then its content. Without
// Node's Buffer, since the page uses it too. All readers expect bytes that `checkTensorBytes` accepts.

/** What precedes the content of an element. */
export const lengthBytes = 4;

/** A view for `elementEnd`. */
export function elementView(data: Uint8Array): DataView {
  return new DataView(data.buffer, data.byteOffset, data.byteLength);
}

/** Where the element ends that begins at `start`. */
export function elementEnd(view: DataView, start: number): number {
  return start + lengthBytes + view.getUint32(start, true);
}

/** Whether `test` accepts the content of every element, given where it begins and ends; stops at the first
 *  that it does not accept. */
export function everyElement(
  data: Uint8Array,
  test: (start: number, end: number) => boolean,
): boolean {
  const view = elementView(data);
  for (let at = 0; at < data.length; ) {
    const end = elementEnd(view, at);
    if (!test(at + lengthBytes, end)) return false;
    at = end;
  }
  return true;
}

/** The contents of all elements, made by `read` from where each begins and ends. */
export function mapElements<Value>(
  data: Uint8Array,
  read: (start: number, end: number) => Value,
): Value[] {
  const values: Value[] = [];
  everyElement(data, (start, end) => {
    values.push(read(start, end));
    return true;
  });
  return values;
}

/** The contents of all elements, as views of `data`. */
export function unpackElements<Bytes extends Uint8Array>(data: Bytes): Bytes[] {
  // A Buffer's parts are Buffers.
  return mapElements(data, (start, end) => data.subarray(start, end) as Bytes);
}

/** The reverse. */
export function packElements(elements: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const sizeBytes = elements.reduce((sum, element) => sum + lengthBytes + element.length, 0);
  const packed = new Uint8Array(sizeBytes);
  const view = elementView(packed);
  let at = 0;
  for (const element of elements) {
    view.setUint32(at, element.length, true);
    packed.set(element, at + lengthBytes);
    at += lengthBytes + element.length;
  }
  return packed;
}
