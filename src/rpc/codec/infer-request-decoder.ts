import { create, type DescMessage, fromBinary, mergeFromBinary } from "@bufbuild/protobuf";
import {
  type ModelInferRequest,
  type ModelInferRequest_InferInputTensor,
  ModelInferRequest_InferInputTensorSchema,
  type ModelInferRequest_InferRequestedOutputTensor,
  ModelInferRequest_InferRequestedOutputTensorSchema,
  ModelInferRequestSchema,
} from "../../../gen/inference/inference_pb.ts";
import { InferLimits, refuseMany } from "../guard/infer-limits.ts";
import { refuseCostlyMessage } from "../guard/protobuf-counter.ts";
import { refuseLongText } from "../guard/refuse-long-text.ts";
import {
  type InferInput,
  type InferMessage,
  type InferOutput,
  PackedStrings,
  type TypedContents,
} from "./infer-message.ts";
import {
  readPacked32,
  readPacked64,
  readPackedBools,
  readPackedFloats,
} from "./packed-elements.ts";
import { irregular, WireReader, wireType } from "./wire-reader.ts";

/** Decodes a ModelInferRequest. Raw tensors, and typed ones where possible, are views of `bytes`. Throws what
 *  protobuf-es throws. */
export function decodeInferRequest(bytes: Uint8Array): InferMessage {
  const regular = decodeRegularRequest(bytes);
  if (regular !== undefined) return regular;
  refuseCostlyMessage(ModelInferRequestSchema, bytes);
  return fromBinary(ModelInferRequestSchema, bytes);
}

/** The same for messages in the form that encoders usually write, with fields in any order. Undefined if a
 *  tensor's contents come in parts or not packed, or the message is malformed. */
export function decodeRegularRequest(bytes: Uint8Array): InferMessage | undefined {
  try {
    return readRequest(new WireReader(bytes));
  } catch (reason) {
    if (reason === irregular) return undefined;
    throw reason;
  }
}

// Below, a repeated scalar field overrides the earlier one, as in every protobuf decoder: ModelMesh appends the
// model's id to a message that may already have one.

const noParameters: ModelInferRequest["parameters"] = {};
const none: readonly never[] = [];

function readRequest(reader: WireReader): InferMessage {
  let modelName = "";
  let modelVersion = "";
  let id = "";
  let withParameters: ModelInferRequest | undefined;
  let inputs: InferInput[] | undefined;
  let outputs: InferOutput[] | undefined;
  let rawInputContents: Uint8Array[] | undefined;
  const limits = new InferLimits();
  reader.onElements = (count) => limits.elements(count);
  const end = reader.bytes.length;
  while (reader.position < end) {
    const start = reader.position;
    const tag = reader.uint32(end);
    const field = tag >>> 3;
    if (!isContent(tag, 7)) {
      limits.extra();
      reader.skip(tag, end);
      continue;
    }
    switch (field) {
      case 1:
        modelName = readText(reader, end, "model_name");
        break;
      case 2:
        modelVersion = readText(reader, end, "model_version");
        break;
      case 3:
        id = readText(reader, end, "id");
        break;
      case 4:
        limits.extra();
        refuseLongParameter(reader, end);
        reader.position = reader.contentEnd(end);
        withParameters ??= create(ModelInferRequestSchema);
        mergeField(
          ModelInferRequestSchema,
          withParameters,
          reader.bytes.subarray(start, reader.position),
        );
        break;
      case 5:
        inputs = append(inputs, readInput(reader, reader.contentEnd(end), limits));
        break;
      case 6:
        outputs = append(outputs, readOutput(reader, reader.contentEnd(end), limits));
        break;
      case 7:
        rawInputContents = append(rawInputContents, reader.view(end));
        break;
    }
  }
  const parameters = withParameters?.parameters ?? noParameters;
  return {
    modelName,
    modelVersion,
    id,
    parameters,
    inputs: inputs ?? none,
    outputs: outputs ?? none,
    rawInputContents: rawInputContents ?? none,
  };
}

/** A text that is not a tensor. Throws "invalid_argument" if it is too long. */
function readText(reader: WireReader, end: number, what: string): string {
  const { position } = reader;
  refuseLongText(what, reader.contentEnd(end) - reader.position);
  reader.position = position;
  return reader.string(end);
}

/** Parameters of the message, an input or an output: a text in them may be as long as all of them. */
function refuseLongParameter(reader: WireReader, end: number): void {
  const { position } = reader;
  refuseLongText("a parameter", reader.contentEnd(end) - reader.position);
  reader.position = position;
}

/** Arrays that start with their first element reserve space for one; empty ones reserve space for seventeen. */
function append<Item>(list: Item[] | undefined, item: Item): Item[] {
  if (list === undefined) return [item];
  refuseMany(list.length);
  list.push(item);
  return list;
}

function readInput(reader: WireReader, end: number, limits: InferLimits): InferInput {
  let name = "";
  let datatype = "";
  let shape: number[] | undefined;
  let contents: TypedContents | undefined;
  let withParameters: ModelInferRequest_InferInputTensor | undefined;
  while (reader.position < end) {
    const start = reader.position;
    const tag = reader.uint32(end);
    if (tag === unpackedShape) {
      shape = append(shape, reader.int64(end));
      continue;
    }
    if (!isContent(tag, 5)) {
      limits.extra();
      reader.skip(tag, end);
      continue;
    }
    switch (tag >>> 3) {
      case 1:
        name = readText(reader, end, "the name of an input");
        break;
      case 2:
        datatype = readText(reader, end, "the datatype of an input");
        break;
      case 3:
        shape = readShape(reader, reader.contentEnd(end), shape);
        break;
      case 4:
        limits.extra();
        refuseLongParameter(reader, end);
        reader.position = reader.contentEnd(end);
        withParameters ??= create(ModelInferRequest_InferInputTensorSchema);
        mergeField(
          ModelInferRequest_InferInputTensorSchema,
          withParameters,
          reader.bytes.subarray(start, reader.position),
        );
        break;
      case 5:
        // A second one would have to be merged into the first.
        if (contents !== undefined) throw irregular;
        contents = readContents(reader, reader.contentEnd(end), limits);
        break;
    }
  }
  const parameters = withParameters?.parameters;
  return { name, datatype, shape: shape ?? none, parameters, contents };
}

const maxDimensions = 1_000;

/** Packed dimensions, appended to those that were read before. */
function readShape(reader: WireReader, end: number, before: readonly number[] = none): number[] {
  let count = before.length;
  for (let at = reader.position; at < end; at++) if ((reader.bytes[at] as number) < 0x80) count++;
  // No model has that many; reserving memory for a longer list would cost more than reading it.
  if (count > maxDimensions) throw irregular;
  const shape = new Array<number>(count);
  for (let at = 0; at < before.length; at++) shape[at] = before[at] as number;
  for (let at = before.length; reader.position < end; at++) shape[at] = reader.int64(end);
  return shape;
}

const unpackedShape = (3 << 3) | wireType.varint;

function readOutput(reader: WireReader, end: number, limits: InferLimits): InferOutput {
  let name = "";
  let withParameters: ModelInferRequest_InferRequestedOutputTensor | undefined;
  while (reader.position < end) {
    const start = reader.position;
    const tag = reader.uint32(end);
    if (!isContent(tag, 2)) {
      limits.extra();
      reader.skip(tag, end);
    } else if (tag >>> 3 === 1) name = readText(reader, end, "the name of an output");
    else {
      limits.extra();
      refuseLongParameter(reader, end);
      reader.position = reader.contentEnd(end);
      withParameters ??= create(ModelInferRequest_InferRequestedOutputTensorSchema);
      const field = reader.bytes.subarray(start, reader.position);
      mergeField(ModelInferRequest_InferRequestedOutputTensorSchema, withParameters, field);
    }
  }
  return withParameters === undefined ? { name } : { name, parameters: withParameters.parameters };
}

type Writable<Type> = { -readonly [Key in keyof Type]: Type[Key] };

function readContents(reader: WireReader, end: number, limits: InferLimits): TypedContents {
  const contents: Writable<TypedContents> = {
    boolContents: none,
    intContents: none,
    int64Contents: none,
    uintContents: none,
    uint64Contents: none,
    fp32Contents: none,
    fp64Contents: none,
    bytesContents: none,
  };
  let seen = 0;
  while (reader.position < end) {
    const tag = reader.uint32(end);
    if (!isContent(tag, 8)) {
      limits.extra();
      reader.skip(tag, end);
      continue;
    }
    const field = tag >>> 3;
    if (field === 8) {
      // One that follows other fields would have to be joined to those before.
      if (contents.bytesContents !== none) throw irregular;
      contents.bytesContents = readStrings(reader, end, limits);
      continue;
    }
    // The second part of a field would have to be joined to the first.
    if ((seen & (1 << field)) !== 0) throw irregular;
    seen |= 1 << field;
    const packedEnd = reader.contentEnd(end);
    switch (field) {
      case 1:
        contents.boolContents = readPackedBools(reader, packedEnd);
        break;
      case 2:
        contents.intContents = readPacked32(reader, packedEnd, Int32Array);
        break;
      case 3:
        contents.int64Contents = readPacked64(reader, packedEnd, BigInt64Array);
        break;
      case 4:
        contents.uintContents = readPacked32(reader, packedEnd, Uint32Array);
        break;
      case 5:
        contents.uint64Contents = readPacked64(reader, packedEnd, BigUint64Array);
        break;
      case 6:
        contents.fp32Contents = readPackedFloats(reader, packedEnd, Float32Array);
        break;
      case 7:
        contents.fp64Contents = readPackedFloats(reader, packedEnd, Float64Array);
        break;
    }
  }
  return contents;
}

const stringTag = 8 * 8 + wireType.bytes;
/** To copy so many one by one costs less than a view of them. */
const fewBytes = 64;

/** The strings from the first one's content on. */
function readStrings(reader: WireReader, end: number, limits: InferLimits): PackedStrings {
  const start = reader.position;
  let count = 0;
  let sizeBytes = 0;
  do {
    const contentEnd = reader.contentEnd(end);
    sizeBytes += 4 + contentEnd - reader.position;
    reader.position = contentEnd;
    count++;
    limits.string();
  } while (reader.takes(stringTag, end));
  const data = new Uint8Array(sizeBytes);
  const view = new DataView(data.buffer);
  reader.position = start;
  let offset = 0;
  for (let at = 0; at < count; at++) {
    if (at > 0) reader.takes(stringTag, end);
    const contentEnd = reader.contentEnd(end);
    const length = contentEnd - reader.position;
    view.setUint32(offset, length, true);
    if (length > fewBytes) {
      data.set(reader.bytes.subarray(reader.position, contentEnd), offset + 4);
    } else {
      for (let from = reader.position, to = offset + 4; from < contentEnd; ) {
        data[to++] = reader.bytes[from++] as number;
      }
    }
    offset += 4 + length;
    reader.position = contentEnd;
  }
  return new PackedStrings(count, data);
}

/** Whether `tag` is a known length-delimited field, from 1 to `lastField`; false for unknown fields. Throws
 *  `irregular` if a known field has another type. */
function isContent(tag: number, lastField: number): boolean {
  const field = tag >>> 3;
  if (field > lastField) return false;
  if (field === 0 || (tag & 7) !== wireType.bytes) throw irregular;
  return true;
}

/** Merges one field, with its tag, into `message`. */
function mergeField<Desc extends DescMessage>(
  schema: Desc,
  message: ReturnType<typeof create<Desc>>,
  field: Uint8Array,
): void {
  try {
    mergeFromBinary(schema, message, field);
  } catch {
    throw irregular;
  }
}
