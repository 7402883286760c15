import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { ProtobufCursor, wireType } from "../graph/protobuf-cursor.ts";

/** One field of a protobuf message, by its positions in the file. */
export interface Field {
  readonly number: number;
  /** Position of its tag. */
  readonly start: number;
  /** Position of what follows the tag and the length. */
  readonly content: number;
  readonly end: number;
  /** Whether it has a length: text, bytes, a message or a packed list. */
  readonly isBytes: boolean;
  /** The value of an integer; 0 for all other fields. Rounded beyond 2^53. */
  readonly value: number;
}

/** As much as the cursor can hold. */
const maxHeldBytes = 64 * 1024;
/** Shared by all files, one after the other: what a load leaves behind would count as the model's memory. */
const buffer = Buffer.allocUnsafeSlow(maxHeldBytes);

/** A part of the file. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/** Reads an ONNX file's messages by their positions, skipping weights. Blocks. Must be closed. Throws
 *  RuntimeError "invalid-argument" for content that is not protobuf. */
export class ModelReader {
  readonly sizeBytes: number;
  readonly #source: number | Uint8Array;
  readonly #cursor: ProtobufCursor;

  /** For a file, or for a model in memory. */
  constructor(model: string | Uint8Array) {
    const isFile = typeof model === "string";
    const source = isFile ? openSync(model, "r") : model;
    this.sizeBytes = typeof source === "number" ? fstatSync(source).size : source.byteLength;
    this.#source = source;
    const name = isFile ? model : "the model";
    this.#cursor = new ProtobufCursor(source, { name, sizeBytes: this.sizeBytes, buffer });
  }

  /** The fields of the message from `start` to `end`, in order. */
  *fields(start: number, end: number): Generator<Field> {
    const cursor = this.#cursor;
    let position = start;
    while (position < end) {
      cursor.position = position;
      if (!cursor.holds()) cursor.hold();
      const tag = cursor.tag(end);
      let content = cursor.position;
      let value = 0;
      switch (tag % 8) {
        case wireType.varint:
          value = cursor.signedVarint(end);
          break;
        case wireType.fixed32:
          cursor.skip(4, end);
          break;
        case wireType.fixed64:
          cursor.skip(8, end);
          break;
        case wireType.bytes: {
          const length = cursor.length(end);
          content = cursor.position;
          cursor.skip(length, end);
          break;
        }
        default:
          throw cursor.corrupt(`a field has the wire type ${tag % 8}`);
      }
      const isBytes = tag % 8 === wireType.bytes;
      const field = { number: Math.floor(tag / 8), start: position, content, value, isBytes };
      position = cursor.position;
      yield { ...field, end: position };
    }
  }

  /** A copy of a part of the file. */
  bytes(start: number, end: number): Buffer<ArrayBuffer> {
    const length = end - start;
    if (length > maxHeldBytes) {
      const bytes = Buffer.allocUnsafeSlow(length);
      this.read(bytes, start);
      return bytes;
    }
    this.#cursor.position = start;
    if (!this.#cursor.holds(length)) this.#cursor.hold();
    return Buffer.from(this.#cursor.bytes(length));
  }

  /** For a field that holds text. */
  text({ content, end }: Field): string {
    return this.bytes(content, end).toString();
  }

  /** Fills `target` from the file, starting at `start`. */
  read(target: Uint8Array, start: number): void {
    if (typeof this.#source !== "number") {
      target.set(this.#source.subarray(start, start + target.byteLength));
      return;
    }
    for (let filled = 0; filled < target.byteLength; ) {
      const left = target.byteLength - filled;
      const count = readSync(this.#source, target, filled, left, start + filled);
      if (count === 0) throw this.#cursor.corrupt("it shrank while it was read");
      filled += count;
    }
  }

  close(): void {
    if (typeof this.#source === "number") closeSync(this.#source);
  }
}
