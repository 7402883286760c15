import { closeSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { RuntimeError } from "../../../base/errors.ts";
import { fromFileError } from "../../../base/files/file-errors.ts";
import { openRegularFileSync } from "../../../base/files/regular-file.ts";
import { OnnxGraphBuilder } from "./build-graph.ts";
import { checkDataFile } from "./check-data-file.ts";
import { DataEntry } from "./data-entry.ts";
import { isDataLocation } from "./data-location.ts";
import {
  attributeList,
  type GraphMessage,
  isOfGraph,
  isSingle,
  isText,
  type MessageName,
  submessages,
} from "./message-kinds.ts";
import type { OnnxGraph } from "./model-graph.ts";
import { ProtobufCursor, wireType } from "./protobuf-cursor.ts";
import { inlineBytes, newTally, shapeBytes, type TensorTally } from "./tensor-bytes.ts";
import { integerValue, packedValues, rawValues } from "./tensor-values.ts";

/** The content of an ONNX file, without weights. */
export interface OnnxStructure {
  /** Bytes of the weights as stored, in the file and beside it. */
  readonly weightBytes: number;
  /** Including those of subgraphs and functions. */
  readonly nodeCount: number;
  /** Undefined if it is too big to keep. */
  readonly graph: OnnxGraph | undefined;
  /** What a load holds of the file itself for a moment, on top of what the engine takes: a model that names
   *  data files is loaded from a copy with other names. */
  readonly copiedBytes: number;
  /** Paths of the files beside it that have weights. */
  readonly weightFiles: readonly string[];
}

/** Bounds the work: far above any real model, and one or two seconds in steps of a millisecond. */
const maxFields = 20_000_000;
/** Protobuf's own limit for nested messages. */
const maxNesting = 100;
const maxDimensionBytes = 4096;
const maxPathBytes = 1024;
/** Longer names, and numbers in longer lists, say nothing about shapes. */
const maxTextBytes = 1024;
const maxListBytes = 1024;
/** How many texts of a list are kept. */
const maxShortBytes = 2;
/** Exporters may write one data file per tensor; a scan keeps all their names. */
const maxDataFiles = 20_000;

const maxRank = 64;
/** TensorProto.DataLocation. */
const dataPlace = { inline: 0, external: 1 } as const;

/** Reads the structure of the ONNX model `file` and of its external data files. Weights are skipped, so the
 *  time depends on the number of nodes. Blocks. Safe on any bytes. Throws RuntimeError "invalid-argument"
 *  (not an ONNX model, cut off), "failed-precondition" (the file or one of its data files is missing or not
 *  readable) or "temporarily-unavailable". `findDataFile` returns where the data file of a normalized
 *  relative name is; by default beside the file. */
export async function scanOnnxFile(
  file: string,
  findDataFile = (location: string) => join(dirname(file), location),
): Promise<OnnxStructure> {
  try {
    const { descriptor, sizeBytes } = openRegularFileSync(file);
    try {
      const cursor = new ProtobufCursor(descriptor, { name: file, sizeBytes });
      const scan = new OnnxScan(file, cursor);
      scan.walk();
      scan.checkDataFiles(findDataFile);
      return scan.structure();
    } finally {
      closeSync(descriptor);
    }
  } catch (error) {
    throw fromFileError(error, file);
  }
}

/** As `scanOnnxFile`, for a model in memory. `name` stands for it in messages. */
export function scanOnnxBytes(
  bytes: Uint8Array,
  { name, findDataFile }: { name: string; findDataFile: (location: string) => string },
): OnnxStructure {
  const cursor = new ProtobufCursor(bytes, { name, sizeBytes: bytes.byteLength });
  const scan = new OnnxScan(name, cursor);
  scan.walk();
  scan.checkDataFiles(findDataFile);
  return scan.structure();
}

class OnnxScan {
  readonly #file: string;
  readonly #cursor: ProtobufCursor;
  /** Data file, as the model names it -> the last byte that the model needs from it. */
  readonly #dataFiles = new Map<string, number>();
  readonly #weightFiles: string[] = [];
  readonly #builder: OnnxGraphBuilder;
  #stack: Open[] = [];
  #tensor = newTally();
  #entry = new DataEntry();
  #graphs = 0;
  #nodes = 0;
  #weightBytes = 0;

  constructor(file: string, cursor: ProtobufCursor) {
    this.#file = file;
    this.#cursor = cursor;
    this.#builder = new OnnxGraphBuilder(file);
  }

  walk(): void {
    const cursor = this.#cursor;
    if (cursor.sizeBytes === 0) throw cursor.corrupt("it is empty");
    this.#stack = [{ message: "model", end: cursor.sizeBytes, seen: 0 }];
    for (let fields = 0; ; fields++) {
      let top = this.#stack.at(-1);
      while (top !== undefined && cursor.position === top.end) {
        this.#leave(top.message);
        top = this.#stack.at(-1);
      }
      if (top === undefined) break;
      if (fields === maxFields) throw cursor.corrupt(`it has more than ${maxFields} fields`);
      if (!cursor.holds()) cursor.hold();
      const tag = cursor.tag(top.end);
      this.#field(top, { number: Math.floor(tag / 8), wire: tag % 8 });
    }
    if (this.#graphs === 0) throw cursor.corrupt("it has no graph");
  }

  structure(): OnnxStructure {
    return {
      weightBytes: this.#weightBytes,
      nodeCount: this.#nodes,
      graph: this.#builder.graph(),
      copiedBytes: this.#dataFiles.size > 0 ? this.#cursor.sizeBytes : 0,
      weightFiles: this.#weightFiles,
    };
  }

  #field(top: Open, { number, wire }: { number: number; wire: number }): void {
    const { message, end } = top;
    const cursor = this.#cursor;
    if (number === 0) throw cursor.corrupt("a field has the number 0");
    switch (wire) {
      case wireType.varint: {
        if (message === "tensor") this.#tensorNumber(number, end);
        else {
          const value = cursor.signedVarint(end);
          if (this.#isKept(message)) this.#builder.number(message, number, value);
        }
        return;
      }
      case wireType.fixed32:
      case wireType.fixed64:
        if (message === "attribute" && wire === wireType.fixed32 && this.#isKept(message)) {
          this.#builder.float(number, cursor.float32(end));
          return;
        }
        cursor.skip(wire === wireType.fixed32 ? 4 : 8, end);
        if (message === "tensor") this.#tensor.typedElements += 1;
        return;
      case wireType.bytes: {
        const length = cursor.length(end);
        const next = submessages[message][number];
        if (next !== undefined) {
          if (isSingle(message, number)) this.#countSingle(top, number);
          this.#enter(next, cursor.position + length);
        } else if (message === "tensor" && number !== 8) this.#tensorBytes(number, length);
        else if (message === "externalData") this.#externalEntry(number, length);
        else this.#graphBytes(message, number, length);
        return;
      }
      default:
        throw cursor.corrupt(`a field has the wire type ${wire}`);
    }
  }

  #enter(message: MessageName, end: number): void {
    if (this.#stack.length === maxNesting) {
      throw this.#cursor.corrupt(`it is nested more than ${maxNesting} deep`);
    }
    this.#stack.push({ message, end, seen: 0 });
    if (message === "tensor") this.#tensor = newTally();
    else if (message === "externalData") this.#entry = new DataEntry();
    else if (message === "graph") this.#graphs++;
    else if (message === "node") this.#nodes++;
    if (isOfGraph(message)) this.#builder.enter(message);
  }

  #countSingle(top: Open, field: number): void {
    const bit = 1 << field;
    if ((top.seen & bit) !== 0) {
      throw this.#cursor.corrupt(`a message has field ${field} twice, expected once`);
    }
    top.seen |= bit;
  }

  #leave(message: MessageName): void {
    if (message === "tensor") this.#countTensor();
    else if (message === "externalData") {
      const fault = this.#entry.addTo(this.#tensor.external);
      if (fault !== undefined) throw this.#cursor.corrupt(fault);
    }
    if (isOfGraph(message)) this.#builder.leave(message, this.#tensor);
    this.#stack.pop();
  }

  #isKept(message: MessageName): message is GraphMessage {
    return isOfGraph(message) && this.#builder.isListening;
  }

  #tensorNumber(number: number, end: number): void {
    const cursor = this.#cursor;
    const tensor = this.#tensor;
    if (number === 1) this.#tensorDimension(cursor.varint(end));
    else if (number === 2) tensor.datatype = cursor.int32(end);
    else if (number === 14) {
      const place = cursor.int32(end);
      // An entry other than a location is an unknown field, and changes nothing.
      if (place === dataPlace.external) tensor.isExternal = true;
      else if (place === dataPlace.inline) tensor.isExternal = false;
    } else {
      const value = cursor.signedVarint(end);
      tensor.typedElements += 1;
      const isInteger = number === 5 || number === 7 || number === 11;
      if (isInteger && tensor.typedElements <= maxListBytes) this.#addIntegers([value]);
    }
  }

  #tensorDimension(size: number): void {
    this.#tensor.elements *= size;
    if (this.#tensor.dims.length < maxRank) this.#tensor.dims.push(size);
  }

  #tensorBytes(number: number, length: number): void {
    const cursor = this.#cursor;
    const end = cursor.position + length;
    const tensor = this.#tensor;
    if (number === 1) {
      if (length > maxDimensionBytes) throw cursor.corrupt("a tensor has too many dimensions");
      if (!cursor.holds(length)) cursor.hold();
      while (cursor.position < end) this.#tensorDimension(cursor.varint(end));
      return;
    }
    if (length <= maxListBytes && tensor.rawBytes === 0) this.#readValues(number, end);
    if (number === 9) tensor.rawBytes += length;
    else if (number === 6) {
      tensor.strings++;
      tensor.characterBytes += length;
    }
    // Packed numbers: an element takes 4 bytes (floats), 8 (doubles), or at least 1.
    else if (number === 4) tensor.typedElements += length / 4;
    else if (number === 10) tensor.typedElements += length / 8;
    else if (number === 5 || number === 7 || number === 11) tensor.typedElements += length;
    cursor.skip(end - cursor.position, end);
  }

  /** An element of a short list, from which shapes may follow. */
  #readValues(number: number, end: number): void {
    const cursor = this.#cursor;
    const tensor = this.#tensor;
    const length = end - cursor.position;
    if (!cursor.holds(length)) cursor.hold();
    if (number === 9) this.#addValues(rawValues(tensor.datatype, cursor.bytes(length)));
    else if (number === 4 || number === 10) {
      this.#addValues(packedValues(cursor.bytes(length), number === 10));
    } else if (number === 5 || number === 7 || number === 11) {
      const integers: number[] = [];
      while (cursor.position < end) integers.push(cursor.signedVarint(end));
      this.#addIntegers(integers);
    }
  }

  #addValues(values: readonly number[] | undefined): void {
    const tensor = this.#tensor;
    if (values === undefined) return;
    tensor.values ??= [];
    for (const value of values) tensor.values.push(value);
  }

  #addIntegers(integers: readonly number[]): void {
    const { datatype } = this.#tensor;
    this.#addValues(integers.map((integer) => integerValue(datatype, integer)));
  }

  /** Names in all messages of the graph except tensors, and a tensor's name. */
  #graphBytes(message: MessageName, number: number, length: number): void {
    const cursor = this.#cursor;
    const end = cursor.position + length;
    const isKept = this.#isKept(message);
    const isShort = length <= maxTextBytes;
    if (isKept && isShort && isText(message, number)) {
      if (!cursor.holds(length)) cursor.hold();
      this.#builder.text(message, number, cursor.text(length));
    } else if (isKept && isText(message, number) && !isValueOfAttribute(message, number)) {
      // A nameless value must keep its place, or later names would shift.
      this.#builder.giveUp();
      cursor.skip(length, end);
    } else if (isKept && message === "attribute") this.#attributeList(number, length);
    else if (isKept && isShort && message === "sparseTensor" && number === 3) {
      if (!cursor.holds(length)) cursor.hold();
      while (cursor.position < end) this.#builder.number(message, 3, cursor.varint(end));
    } else cursor.skip(length, end);
  }

  /** A packed list, or an element of a list of texts. */
  #attributeList(number: number, length: number): void {
    const cursor = this.#cursor;
    const end = cursor.position + length;
    const isPacked = number === attributeList.floats || number === attributeList.integers;
    const isAll = number === attributeList.integers && this.#builder.wantsAll;
    if (isPacked && (length <= maxListBytes || isAll)) {
      while (cursor.position < end) {
        if (!cursor.holds()) cursor.hold();
        if (number === attributeList.floats) this.#builder.float(number, cursor.float32(end));
        else this.#builder.number("attribute", number, cursor.signedVarint(end));
      }
      return;
    }
    if (number === attributeList.floats) this.#builder.countListed(length / 4);
    else if (number === attributeList.integers) this.#builder.countListed(length);
    else if (number === attributeList.texts) {
      this.#builder.countListed(1);
      if (length > 0 && length <= maxShortBytes) {
        if (!cursor.holds(length)) cursor.hold();
        this.#builder.shortText(cursor.text(length));
        return;
      }
    }
    cursor.skip(length, end);
  }

  #externalEntry(number: number, length: number): void {
    const cursor = this.#cursor;
    if (length > maxPathBytes) throw cursor.corrupt("the name of a data file is too long");
    if (!cursor.holds(length)) cursor.hold();
    this.#entry.take(number, cursor.bytes(length));
  }

  #countTensor(): void {
    const tensor = this.#tensor;
    tensor.sizeBytes = tensor.isExternal ? this.#externalBytes(tensor) : inlineBytes(tensor);
    this.#weightBytes += tensor.sizeBytes;
  }

  #externalBytes(tensor: TensorTally): number {
    const { location = "" } = tensor.external;
    const local = normalize(location);
    if (!isDataLocation(location)) {
      throw new RuntimeError(
        "invalid-argument",
        `${this.#file} has weights in '${location}': a data file must lie in the model's directory`,
      );
    }
    const offset = externalNumber(tensor.external.offset) ?? 0;
    const bytes = externalNumber(tensor.external.length) ?? shapeBytes(tensor);
    if (Number.isNaN(offset + bytes)) {
      throw this.#cursor.corrupt(
        `an offset or length in its data file ${location} is not a number`,
      );
    }
    this.#dataFiles.set(local, Math.max(this.#dataFiles.get(local) ?? 0, offset + bytes));
    if (this.#dataFiles.size > maxDataFiles) {
      throw this.#cursor.corrupt(`it has more than ${maxDataFiles} data files`);
    }
    return bytes;
  }

  /** Records where they are. */
  checkDataFiles(find: (location: string) => string): void {
    for (const [location, wantedBytes] of this.#dataFiles) {
      const path = find(location);
      this.#weightFiles.push(path);
      checkDataFile({ path, location, modelFile: this.#file, bytes: wantedBytes });
    }
  }
}

/** A message that is being read. */
interface Open {
  readonly message: MessageName;
  readonly end: number;
  /** Bits for the fields seen so far that may occur only once. */
  seen: number;
}

function isValueOfAttribute(message: MessageName, field: number): boolean {
  return message === "attribute" && field === 4;
}

function externalNumber(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  return /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
}
