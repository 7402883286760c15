import { type Datatype, elementBytes } from "../../src/base/tensor.ts";

/** A tensor in the protocol's terms. `data` has the raw form: little-endian, row-major, not padded. */
export interface ZooTensor {
  readonly name: string;
  readonly datatype: Datatype;
  readonly shape: readonly number[];
  readonly data: Uint8Array;
  /** Elements that all mean NaN, where integers are the bits of a float. */
  readonly nanCodes?: readonly number[];
}

/** An element of FP16 and BF16 is its bits, one of BYTES its bytes. */
export type ZooElement = number | bigint | boolean | Uint8Array;

type Read = (view: DataView, offset: number) => ZooElement;

const reads: Record<Exclude<Datatype, "BYTES">, Read> = {
  BOOL: (view, offset) => view.getUint8(offset) !== 0,
  INT8: (view, offset) => view.getInt8(offset),
  INT16: (view, offset) => view.getInt16(offset, true),
  INT32: (view, offset) => view.getInt32(offset, true),
  INT64: (view, offset) => view.getBigInt64(offset, true),
  UINT8: (view, offset) => view.getUint8(offset),
  UINT16: (view, offset) => view.getUint16(offset, true),
  UINT32: (view, offset) => view.getUint32(offset, true),
  UINT64: (view, offset) => view.getBigUint64(offset, true),
  FP16: (view, offset) => view.getUint16(offset, true),
  BF16: (view, offset) => view.getUint16(offset, true),
  FP32: (view, offset) => view.getFloat32(offset, true),
  FP64: (view, offset) => view.getFloat64(offset, true),
};

/** The elements of a tensor, read without any code of ours. */
export function elementsOf({ datatype, data }: ZooTensor): ZooElement[] {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  const size = elementBytes[datatype];
  if (datatype === "BYTES" || size === undefined) {
    const elements: Uint8Array[] = [];
    for (let at = 0; at < data.byteLength; ) {
      const end = at + 4 + view.getUint32(at, true);
      elements.push(data.subarray(at + 4, end));
      at = end;
    }
    return elements;
  }
  const read = reads[datatype];
  return Array.from({ length: data.byteLength / size }, (_, index) => read(view, index * size));
}
