import { type Datatype, elementBytes } from "../../../src/base/tensor.ts";

/** A bit pattern for FP16 and BF16, text for BYTES. */
export type TensorElement = number | bigint | boolean | string;

type Write = (view: DataView, offset: number, element: TensorElement) => void;

const writes: Record<Exclude<Datatype, "BYTES">, Write> = {
  BOOL: (view, offset, element) => view.setUint8(offset, element === true ? 1 : 0),
  INT8: (view, offset, element) => view.setInt8(offset, Number(element)),
  INT16: (view, offset, element) => view.setInt16(offset, Number(element), true),
  INT32: (view, offset, element) => view.setInt32(offset, Number(element), true),
  INT64: (view, offset, element) => view.setBigInt64(offset, BigInt(element), true),
  UINT8: (view, offset, element) => view.setUint8(offset, Number(element)),
  UINT16: (view, offset, element) => view.setUint16(offset, Number(element), true),
  UINT32: (view, offset, element) => view.setUint32(offset, Number(element), true),
  UINT64: (view, offset, element) => view.setBigUint64(offset, BigInt(element), true),
  FP16: (view, offset, element) => view.setUint16(offset, Number(element), true),
  BF16: (view, offset, element) => view.setUint16(offset, Number(element), true),
  FP32: (view, offset, element) => view.setFloat32(offset, Number(element), true),
  FP64: (view, offset, element) => view.setFloat64(offset, Number(element), true),
};

/** The raw form of these elements, written without any code of ours. */
export function packElements(datatype: Datatype, elements: readonly TensorElement[]): Uint8Array {
  if (datatype === "BYTES") {
    const pieces = elements.flatMap((element) => {
      const text = Buffer.from(String(element));
      const length = Buffer.alloc(4);
      length.writeUInt32LE(text.byteLength);
      return [length, text];
    });
    return new Uint8Array(Buffer.concat(pieces));
  }
  const size = elementBytes[datatype];
  const packed = new Uint8Array(elements.length * size);
  const view = new DataView(packed.buffer);
  for (const [at, element] of elements.entries()) writes[datatype](view, at * size, element);
  return packed;
}
