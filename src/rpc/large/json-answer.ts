import { setImmediate as turn } from "node:timers/promises";
import { create, toJson } from "@bufbuild/protobuf";
import {
  InferTensorContentsSchema,
  ModelInferResponse_InferOutputTensorSchema,
  ModelInferResponseSchema,
} from "../../../gen/inference/inference_pb.ts";
import type { Tensor } from "../../base/tensor.ts";
import type { InferAnswer } from "../codec/infer-message.ts";
import { answerForm } from "../codec/tensor-codec.ts";
import { encodeContents } from "../codec/tensor-contents.ts";
import { isLong, longElement, piecesOf, slicesOf } from "../codec/tensor-slices.ts";

/** A part of the answer: text, or what is made as it is sent. */
type Part = Buffer | LongPart;

interface LongPart {
  /** Undefined where that takes to make it. */
  readonly sizeBytes: number | undefined;
  slices(): AsyncGenerator<Buffer>;
}

/** A ModelInferResponse in the JSON of protobuf, letter by letter what protobuf-es makes of it. */
export class JsonAnswer {
  readonly #parts: readonly Part[];

  constructor(answer: InferAnswer) {
    this.#parts = partsOf(answer);
  }

  /** Undefined where nobody knows before it is made. */
  get sizeBytes(): number | undefined {
    let sum = 0;
    for (const part of this.#parts) {
      const sizeBytes = "slices" in part ? part.sizeBytes : part.length;
      if (sizeBytes === undefined) return undefined;
      sum += sizeBytes;
    }
    return sum;
  }

  /** The event loop turns between slices. */
  async *slices(): AsyncGenerator<Buffer> {
    for (const part of this.#parts) {
      if ("slices" in part) yield* part.slices();
      else yield part;
    }
  }
}

function partsOf(answer: InferAnswer): Part[] {
  const { modelName, modelVersion, id, outputs } = answer;
  const isRaw = answerForm(outputs, answer.form) === "raw";
  const head = toJson(
    ModelInferResponseSchema,
    create(ModelInferResponseSchema, { modelName, modelVersion, id }),
  );
  const parts = [Buffer.from(opened(head)), Buffer.from('"outputs":[')] as Part[];
  for (const [index, tensor] of outputs.entries()) {
    if (index > 0) parts.push(Buffer.from(","));
    parts.push(...outputParts(tensor, isRaw));
  }
  parts.push(Buffer.from("]"));
  if (isRaw) {
    parts.push(Buffer.from(',"rawOutputContents":['));
    for (const [index, tensor] of outputs.entries()) {
      parts.push(Buffer.from(index > 0 ? ',"' : '"'), base64Part(tensor.data), Buffer.from('"'));
    }
    parts.push(Buffer.from("]"));
  }
  parts.push(Buffer.from("}"));
  return parts;
}

function outputParts(tensor: Tensor, isRaw: boolean): Part[] {
  const { name, datatype } = tensor;
  const shape = tensor.shape.map(BigInt);
  const schema = ModelInferResponse_InferOutputTensorSchema;
  const contents = isRaw || isLong(tensor) ? {} : { contents: encodeContents(tensor) };
  const head = toJson(schema, create(schema, { name, datatype, shape, ...contents }));
  if (isRaw || !isLong(tensor)) return [Buffer.from(JSON.stringify(head))];
  const field = Object.keys(encodeContents({ ...tensor, data: new Uint8Array(0) }))[0];
  return [
    Buffer.from(`${opened(head)}"contents":{"${field}":[`),
    { sizeBytes: undefined, slices: () => elementSlices(tensor) },
    Buffer.from("]}}"),
  ];
}

/** An object to which members are to be added. */
function opened(object: unknown): string {
  const text = JSON.stringify(object).slice(0, -1);
  return text === "{" ? text : `${text},`;
}

function base64Part(data: Uint8Array): LongPart {
  return {
    sizeBytes: 4 * Math.ceil(data.length / 3),
    slices: () => base64Slices(Buffer.from(data.buffer, data.byteOffset, data.length)),
  };
}

async function* base64Slices(content: Buffer): AsyncGenerator<Buffer> {
  for (const piece of piecesOf(content, "base64")) {
    yield Buffer.from(piece.toString("base64"), "latin1");
    await turn();
  }
}

/** Elements as protobuf writes them, with commas between them. */
async function* elementSlices(tensor: Tensor): AsyncGenerator<Buffer> {
  let comma = "";
  for (const data of slicesOf(tensor)) {
    const content = longElement(tensor, data);
    if (content === undefined) {
      yield Buffer.from(`${comma}${elementsText({ ...tensor, data })}`);
      await turn();
    } else {
      yield Buffer.from(`${comma}"`);
      yield* base64Slices(content);
      yield Buffer.from('"');
    }
    comma = ",";
  }
}

function elementsText(tensor: Tensor): string {
  const contents = encodeContents(tensor);
  if (tensor.datatype === "BYTES") {
    // In JavaScript, base64 would take a hundred times as long.
    const elements = contents.bytesContents ?? [];
    return elements.map((bytes) => `"${Buffer.from(bytes).toString("base64")}"`).join(",");
  }
  const json = toJson(InferTensorContentsSchema, create(InferTensorContentsSchema, contents));
  const [elements] = Object.values(json as Record<string, unknown>);
  return JSON.stringify(elements).slice(1, -1);
}
