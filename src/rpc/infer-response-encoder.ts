import type { Tensor } from "../tensor.ts";
import type { InferAnswer } from "./infer-message.ts";
import { type PackedContents, packContents } from "./packed-contents.ts";
import { answerForm } from "./tensor-codec.ts";
import { int64Bytes, isOwnChunk, varintBytes, WireWriter } from "./wire-writer.ts";

/** Tags of the length-delimited fields that messages here have, by number. */
const tagOf = (field: number) => field * 8 + 2;

const frameHeadBytes = 5;

interface MeasuredOutput {
  readonly tensor: Tensor;
  readonly nameBytes: number;
  readonly shapeBytes: number;
  readonly contents: PackedContents | undefined;
  readonly contentsBytes: number;
  /** Of the whole InferOutputTensor. */
  readonly sizeBytes: number;
}

/** A ModelInferResponse in its gRPC frame, byte by byte what protobuf-es makes of it. The chunks are to be
 *  written in order; those of large tensors are the tensors' own data. */
export function encodeInferResponse(answer: InferAnswer): Uint8Array[] {
  const isRaw = answerForm(answer.outputs, answer.form) === "raw";
  const outputs: MeasuredOutput[] = [];
  const modelNameBytes = Buffer.byteLength(answer.modelName);
  const modelVersionBytes = Buffer.byteLength(answer.modelVersion);
  const idBytes = Buffer.byteLength(answer.id);
  let sizeBytes = textField(modelNameBytes) + textField(modelVersionBytes) + textField(idBytes);
  let chunkBytes = 0;
  for (const tensor of answer.outputs) {
    const output = measure(tensor, isRaw);
    outputs.push(output);
    sizeBytes += contentField(output.sizeBytes);
    if (isRaw) sizeBytes += contentField(tensor.data.length);
    const data = output.contents?.data ?? tensor.data;
    if (isOwnChunk(data)) chunkBytes += data.length;
  }
  const writer = new WireWriter(frameHeadBytes + sizeBytes - chunkBytes);
  writer.byte(0); // Not compressed.
  writer.uint32BigEndian(sizeBytes);
  writer.string(tagOf(1), answer.modelName, modelNameBytes);
  writer.string(tagOf(2), answer.modelVersion, modelVersionBytes);
  writer.string(tagOf(3), answer.id, idBytes);
  for (const output of outputs) writeOutput(writer, output);
  if (isRaw) {
    for (const { data } of answer.outputs) {
      writer.byte(tagOf(6));
      writer.varint(data.length);
      writer.data(data);
    }
  }
  return writer.finish();
}

function measure(tensor: Tensor, isRaw: boolean): MeasuredOutput {
  const nameBytes = Buffer.byteLength(tensor.name);
  let shapeBytes = 0;
  for (const dimension of tensor.shape) shapeBytes += int64Bytes(dimension);
  const contents = isRaw ? undefined : packContents(tensor);
  const contentsBytes = contents === undefined ? 0 : contentsSize(contents);
  let sizeBytes = textField(nameBytes) + textField(tensor.datatype.length) + textField(shapeBytes);
  if (contents !== undefined) sizeBytes += contentField(contentsBytes);
  return { tensor, nameBytes, shapeBytes, contents, contentsBytes, sizeBytes };
}

function writeOutput(writer: WireWriter, output: MeasuredOutput): void {
  const { tensor, contents } = output;
  writer.byte(tagOf(5));
  writer.varint(output.sizeBytes);
  writer.string(tagOf(1), tensor.name, output.nameBytes);
  writer.string(tagOf(2), tensor.datatype, tensor.datatype.length);
  if (tensor.shape.length > 0) {
    writer.byte(tagOf(3));
    writer.varint(output.shapeBytes);
    for (const dimension of tensor.shape) writer.int64(dimension);
  }
  if (contents === undefined) return;
  writer.byte(tagOf(5));
  writer.varint(output.contentsBytes);
  if (contents.tag === "packed" && contents.data.length > 0) {
    writer.byte(tagOf(contents.field));
    writer.varint(contents.data.length);
  }
  writer.data(contents.data);
}

function contentsSize(contents: PackedContents): number {
  return contents.tag === "packed" ? textField(contents.data.length) : contents.data.length;
}

/** Bytes of a field that is left out if it is empty. */
function textField(contentBytes: number): number {
  return contentBytes === 0 ? 0 : contentField(contentBytes);
}

/** Bytes of a field with its tag and length. */
function contentField(contentBytes: number): number {
  return 1 + varintBytes(contentBytes) + contentBytes;
}
