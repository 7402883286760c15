import type { Writable } from "node:stream";
import { RuntimeError } from "../errors.ts";
import { type Datatype, elementBytes, elementCount } from "../tensor.ts";

// Frames between the server and a host, little-endian:
//
//   0  uint32  bytes of the payload
//   4  uint16  magic
//   6  uint8   kind
//   7  uint8   check: all bytes of the header come to 0 under exclusive or
//   8  uint32  call: an answer carries the number of its question
//  12  uint32  model, by the server's numbering
//
// The payload is JSON for the rare kinds and `TensorMessage` for runs. Both ends are the same build, so
// there is no version; anything unexpected means that the other end is broken. The check is for lengths
// above all: one that lies would make this end wait for bytes that never come.

export const frameKind = {
  ready: 1,
  load: 2,
  loaded: 3,
  run: 4,
  ran: 5,
  release: 6,
  released: 7,
  failed: 8,
} as const;

export type FrameKind = (typeof frameKind)[keyof typeof frameKind];

export interface FrameHead {
  readonly kind: FrameKind;
  readonly call: number;
  readonly model: number;
}

export interface Frame extends FrameHead {
  /** In a buffer of its own that starts at a multiple of 8 bytes. */
  readonly payload: Uint8Array;
}

/** Tensors by position: both ends know the model's inputs and outputs. */
export interface TensorMessage {
  /** Positions of the wanted outputs, in order; empty in answers. */
  readonly wanted: readonly number[];
  readonly tensors: readonly IndexedTensor[];
}

export interface IndexedTensor {
  readonly index: number;
  readonly datatype: Datatype;
  readonly shape: readonly number[];
  /** As in `Tensor`; after decoding a view into the frame, at a multiple of 8 bytes. */
  readonly data: Uint8Array;
}

export const maxPayloadBytes = 2 ** 30;

const headerBytes = 16;
const magic = 0x504d;
const maxKind = Math.max(...Object.values(frameKind));
const datatypes = Object.keys(elementBytes) as readonly Datatype[];
const maxRank = 0xffff;
/** Up to here one copy costs less than a write of several buffers. */
const copyBytes = 8 * 1024;
const padding = new Uint8Array(8);

/** Writes one frame; the chunks are its payload and are not copied if they are big. Throws RuntimeError
 *  "invalid-argument" and writes nothing if the payload is over the limit. */
export function writeFrame(
  stream: Writable,
  head: FrameHead,
  chunks: readonly Uint8Array[] = [],
): void {
  let payloadBytes = 0;
  for (const chunk of chunks) payloadBytes += chunk.byteLength;
  if (payloadBytes > maxPayloadBytes) {
    throw new RuntimeError(
      "invalid-argument",
      `tensors of ${payloadBytes} bytes together are over the limit of ${maxPayloadBytes}`,
    );
  }
  const header = Buffer.alloc(headerBytes);
  header.writeUInt32LE(payloadBytes, 0);
  header.writeUInt16LE(magic, 4);
  header.writeUInt8(head.kind, 6);
  header.writeUInt32LE(head.call, 8);
  header.writeUInt32LE(head.model, 12);
  header.writeUInt8(exclusiveOr(header), 7);
  if (payloadBytes <= copyBytes) {
    stream.write(Buffer.concat([header, ...chunks]));
    return;
  }
  stream.cork();
  stream.write(header);
  for (const chunk of chunks) if (chunk.byteLength > 0) stream.write(chunk);
  stream.uncork();
}

/** Puts frames together from the chunks of a stream. */
export class FrameReader {
  readonly #onFrame: (frame: Frame) => void;
  readonly #header = Buffer.alloc(headerBytes);
  #headerFilled = 0;
  #payload: Buffer | undefined;
  #payloadFilled = 0;

  constructor(onFrame: (frame: Frame) => void) {
    this.#onFrame = onFrame;
  }

  /** Calls back once for each frame that `chunk` completes. Throws Error if the stream is no stream of
   *  frames; then nothing after it can be read either. */
  push(chunk: Buffer): void {
    let offset = 0;
    while (offset < chunk.length) {
      if (this.#payload === undefined) {
        const copied = chunk.copy(this.#header, this.#headerFilled, offset);
        this.#headerFilled += copied;
        offset += copied;
        if (this.#headerFilled < headerBytes) return;
        this.#payload = this.#startPayload();
        this.#payloadFilled = 0;
      }
      const copied = chunk.copy(this.#payload, this.#payloadFilled, offset);
      this.#payloadFilled += copied;
      offset += copied;
      if (this.#payloadFilled === this.#payload.length) this.#finish(this.#payload);
    }
  }

  #startPayload(): Buffer {
    const header = this.#header;
    const kind = header.readUInt8(6);
    const payloadBytes = header.readUInt32LE(0);
    if (header.readUInt16LE(4) !== magic || exclusiveOr(header) !== 0) {
      throw new Error("bytes that are no frame");
    }
    if (kind < 1 || kind > maxKind) throw new Error(`a frame of unknown kind ${kind}`);
    if (payloadBytes > maxPayloadBytes) throw new Error(`a frame of ${payloadBytes} bytes`);
    // Not from the shared pool: a view of it would not start at a multiple of 8.
    return Buffer.allocUnsafeSlow(payloadBytes);
  }

  #finish(payload: Buffer): void {
    const frame: Frame = {
      kind: this.#header.readUInt8(6) as FrameKind,
      call: this.#header.readUInt32LE(8),
      model: this.#header.readUInt32LE(12),
      // No Buffer: its slice() shares memory where that of a Uint8Array copies.
      payload: new Uint8Array(payload.buffer, payload.byteOffset, payload.byteLength),
    };
    this.#headerFilled = 0;
    this.#payload = undefined;
    this.#onFrame(frame);
  }
}

/** The payload of a run or of its answer, as chunks for `writeFrame`: a head with all numbers (wanted
 *  count, tensor count, wanted positions, then for each tensor its index, datatype, rank, bytes and
 *  dimensions), then the data, each tensor from a multiple of 8 bytes on. */
export function encodeTensors({ wanted, tensors }: TensorMessage): Uint8Array[] {
  const tensorsStart = align8(8 + 4 * wanted.length);
  let headBytes = tensorsStart;
  for (const tensor of tensors) headBytes += 16 + 8 * tensor.shape.length;
  const head = Buffer.alloc(headBytes);
  head.writeUInt32LE(wanted.length, 0);
  head.writeUInt32LE(tensors.length, 4);
  for (const [position, index] of wanted.entries()) head.writeUInt32LE(index, 8 + 4 * position);
  const chunks: Uint8Array[] = [head];
  let offset = tensorsStart;
  for (const { index, datatype, shape, data } of tensors) {
    if (shape.length > maxRank) {
      throw new RuntimeError("invalid-argument", `a tensor has ${shape.length} dimensions`);
    }
    head.writeUInt32LE(index, offset);
    head.writeUInt16LE(datatypes.indexOf(datatype), offset + 4);
    head.writeUInt16LE(shape.length, offset + 6);
    head.writeDoubleLE(data.byteLength, offset + 8);
    offset += 16;
    for (const dimension of shape) offset = head.writeDoubleLE(dimension, offset);
    chunks.push(data);
    const gap = align8(data.byteLength) - data.byteLength;
    if (gap > 0) chunks.push(padding.subarray(0, gap));
  }
  return chunks;
}

/** Reads what `encodeTensors` wrote. The tensors' data are views into `payload`. Throws an error of any
 *  kind if it is something else. */
export function decodeTensors(payload: Uint8Array): TensorMessage {
  const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
  const wantedCount = view.getUint32(0, true);
  const tensorCount = view.getUint32(4, true);
  const wanted: number[] = [];
  // A count that lies runs into the end of the view, which throws.
  for (let at = 0; at < wantedCount; at++) wanted.push(view.getUint32(8 + 4 * at, true));
  let offset = align8(8 + 4 * wantedCount);
  const heads: Omit<IndexedTensor & { byteLength: number }, "data">[] = [];
  for (let at = 0; at < tensorCount; at++) {
    const index = view.getUint32(offset, true);
    const datatype = datatypes[view.getUint16(offset + 4, true)];
    if (datatype === undefined) throw new Error("a tensor of unknown datatype");
    const rank = view.getUint16(offset + 6, true);
    const byteLength = view.getFloat64(offset + 8, true);
    offset += 16;
    const shape: number[] = [];
    for (let axis = 0; axis < rank; axis++, offset += 8) shape.push(view.getFloat64(offset, true));
    const size = elementBytes[datatype];
    const count = elementCount(shape, "a tensor in a frame");
    if (size !== undefined && byteLength !== count * size)
      throw new Error("a tensor of wrong size");
    heads.push({ index, datatype, shape, byteLength });
  }
  const tensors = heads.map(({ byteLength, ...head }) => {
    const end = offset + byteLength;
    if (!(byteLength >= 0 && end <= payload.byteLength))
      throw new Error("a tensor that is cut off");
    const data = payload.subarray(offset, end);
    offset = align8(end);
    return { ...head, data };
  });
  if (offset !== payload.byteLength) throw new Error("bytes after the last tensor");
  return { wanted, tensors };
}

export function encodeJson(value: unknown): Uint8Array[] {
  return [Buffer.from(JSON.stringify(value))];
}

/** The value is what the other end of the same build wrote; its shape is not checked again. */
export function decodeJson<T>(payload: Uint8Array): T {
  return JSON.parse(Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength).toString());
}

function exclusiveOr(header: Buffer): number {
  let words = 0;
  for (let at = 0; at < headerBytes; at += 4) words ^= header.readInt32LE(at);
  const halves = words ^ (words >>> 16);
  return (halves ^ (halves >>> 8)) & 0xff;
}

function align8(bytes: number): number {
  return Math.ceil(bytes / 8) * 8;
}
