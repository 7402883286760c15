import { create } from "@bufbuild/protobuf";
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import {
  type NpFloat32Sequence,
  NpFloat32SequenceSchema,
  type Vector1D,
  Vector1DSchema,
} from "../../../gen/caikit/common_pb.ts";

const { number: valuesNumber } = NpFloat32SequenceSchema.field.values;

/** An embedding as a message. In binary form its numbers are copied as they lie in memory, which takes a hundredth of
 *  the time: to protobuf-es, they are a field that it does not know. JSON would not have that field. */
export function vectorMessage(vector: Float32Array, isJson: boolean): Vector1D {
  const value = isJson
    ? create(NpFloat32SequenceSchema, { values: Array.from(vector) })
    : packed(vector);
  return create(Vector1DSchema, { data: { case: "dataNpfloat32sequence", value } });
}

function packed(vector: Float32Array): NpFloat32Sequence {
  const sequence = create(NpFloat32SequenceSchema);
  const bytes = new Uint8Array(vector.buffer, vector.byteOffset, vector.byteLength);
  const data = new BinaryWriter().bytes(bytes).finish();
  sequence.$unknown = [{ no: valuesNumber, wireType: WireType.LengthDelimited, data }];
  return sequence;
}
