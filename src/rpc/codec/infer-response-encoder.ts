import type { Tensor } from "../../base/tensor.ts";
import type { InferAnswer } from "./infer-message.ts";
import { type PackedContents, packContents } from "./packed-contents.ts";
import { answerForm } from "./tensor-codec.ts";
import { int64Bytes, isOwnChunk, varintBytes, WireWriter } from "./wire-writer.ts";

/** Tags of the length-delimited fields in these messages, by number. */
const tagOf = (field: number) => field * 8 + 2;

const frameHeadBytes = 5;

interface MeasuredOutput {
  readonly tensor: Tensor;
  readonly nameBytes: number;
  readonly shapeBytes: number;
  readonly contents: PackedContents | undefined;
  readonly contentsBytes: number;
  /** The size of the whole InferOutputTensor. */
  readonly sizeBytes: number;
}

/** A ModelInferResponse in its gRPC frame, byte for byte the same as from protobuf-es. Write the chunks in
 *  order; those of large tensors are the tensors' own data. */
export function encodeInferResponse(answer: InferAnswer): Uint8Array[] {
  const { modelName, modelVersion, id, outputs } = answer;
  const isRaw = answerForm(outputs, answer.form) === "raw";
  const modelNameBytes = Buffer.byteLength(modelName);
  const modelVersionBytes = Buffer.byteLength(modelVersion);
  const idBytes = Buffer.byteLength(id);
  let sizeBytes = textField(modelNameBytes) + textField(modelVersionBytes) + textField(idBytes);
  let chunkBytes = 0;
  const measured = outputs.map((tensor) => measure(tensor, isRaw));
  // Loops by index, here and below: until V8 has optimized iterators away, they allocate an object per step.
  for (let at = 0; at < outputs.length; at++) {
    const { tensor, sizeBytes: outputBytes, contents } = measured[at] as MeasuredOutput;
    sizeBytes += contentField(outputBytes);
    if (isRaw) sizeBytes += contentField(tensor.data.length);
    if (contents?.tag === "repeated") {
      for (const piece of contents.pieces) if (isOwnChunk(piece)) chunkBytes += piece.length;
    } else {
      const data = contents?.data ?? tensor.data;
      if (isOwnChunk(data)) chunkBytes += data.length;
    }
  }
  const writer = new WireWriter(frameHeadBytes + sizeBytes - chunkBytes);
  writer.byte(0); // Not compressed.
  writer.uint32BigEndian(sizeBytes);
  writer.string(tagOf(1), modelName, modelNameBytes);
  writer.string(tagOf(2), modelVersion, modelVersionBytes);
  writer.string(tagOf(3), id, idBytes);
  for (let at = 0; at < measured.length; at++) writeOutput(writer, measured[at] as MeasuredOutput);
  for (let at = 0; isRaw && at < outputs.length; at++) {
    const { data } = outputs[at] as Tensor;
    writer.byte(tagOf(6));
    writer.varint(data.length);
    writer.data(data);
  }
  return writer.finish();
}

function measure(tensor: Tensor, isRaw: boolean): MeasuredOutput {
  const { name, datatype, shape } = tensor;
  const nameBytes = Buffer.byteLength(name);
  let shapeBytes = 0;
  for (let at = 0; at < shape.length; at++) shapeBytes += int64Bytes(shape[at] as number);
  const contents = isRaw ? undefined : packContents(tensor);
  const contentsBytes = contents === undefined ? 0 : contentsSize(contents);
  let sizeBytes = textField(nameBytes) + textField(datatype.length) + textField(shapeBytes);
  if (contents !== undefined) sizeBytes += contentField(contentsBytes);
  return { tensor, nameBytes, shapeBytes, contents, contentsBytes, sizeBytes };
}

function writeOutput(writer: WireWriter, output: MeasuredOutput): void {
  const { tensor, contents } = output;
  const { name, datatype, shape } = tensor;
  writer.byte(tagOf(5));
  writer.varint(output.sizeBytes);
  writer.string(tagOf(1), name, output.nameBytes);
  writer.string(tagOf(2), datatype, datatype.length);
  if (shape.length > 0) {
    writer.byte(tagOf(3));
    writer.varint(output.shapeBytes);
    for (let at = 0; at < shape.length; at++) writer.int64(shape[at] as number);
  }
  if (contents === undefined) return;
  writer.byte(tagOf(5));
  writer.varint(output.contentsBytes);
  if (contents.tag === "repeated") {
    for (const piece of contents.pieces) writer.data(piece);
    return;
  }
  if (contents.data.length > 0) {
    writer.byte(tagOf(contents.field));
    writer.varint(contents.data.length);
  }
  writer.data(contents.data);
}

function contentsSize(contents: PackedContents): number {
  if (contents.tag === "packed") return textField(contents.data.length);
  return contents.pieces.reduce((sum, { length }) => sum + length, 0);
}

/** Bytes of a field that is omitted if empty. */
function textField(contentBytes: number): number {
  return contentBytes === 0 ? 0 : contentField(contentBytes);
}

/** Bytes of a field with its tag and length. */
function contentField(contentBytes: number): number {
  return 1 + varintBytes(contentBytes) + contentBytes;
}
