/** A typed array's constructor, for views of bytes that exist. */
interface ViewType<Elements> {
  readonly BYTES_PER_ELEMENT: number;
  new (buffer: ArrayBufferLike, byteOffset: number, length: number): Elements;
}

/** The elements in `data`, which is copied only if it is not aligned: typed arrays must start at a multiple of
 *  their element's size, and a piece of a message may not. Whole elements only. */
export function alignedView<Elements>(data: Uint8Array, type: ViewType<Elements>): Elements {
  const size = type.BYTES_PER_ELEMENT;
  // A slice of a Buffer would not be a copy.
  const aligned = data.byteOffset % size === 0 ? data : new Uint8Array(data);
  return new type(aligned.buffer, aligned.byteOffset, aligned.byteLength / size);
}

/** The bytes of a typed array, not copied. */
export function bytesOf({ buffer, byteOffset, byteLength }: ArrayBufferView): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}
