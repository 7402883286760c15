import type { Writable } from "node:stream";
import { RuntimeError } from "../../base/errors.ts";
import { type Datatype, elementBytes, elementCount } from "../../base/tensor.ts";
import type { PayloadArena, StoredPayload, StoredPayloads } from "./payload-arena.ts";

// Frames between the server and a host, little-endian:
//
//   0  uint32  bytes of the payload
//   4  uint16  magic
//   6  uint8   kind, plus 128 if the payload lies in the arena: then here is only where, as two doubles, its
//              offset and its bytes
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
  warmUp: 9,
  warmed: 10,
  rest: 11,
  rested: 12,
} as const;

export type FrameKind = (typeof frameKind)[keyof typeof frameKind];

export interface FrameHead {
  readonly kind: FrameKind;
  readonly call: number;
  readonly model: number;
}

export interface Frame extends FrameHead {
  /** In a buffer of its own that starts at a multiple of 16 bytes, wherever it came from. */
  readonly payload: Uint8Array<ArrayBuffer>;
}

/** Tensors by position: both ends know the model's inputs and outputs. */
interface TensorMessage<T> {
  /** Positions of the wanted outputs, in order; empty in answers. */
  readonly wanted: readonly number[];
  /** In responses the run's CPU time in milliseconds, which shows its cost however busy the machine is; 0 in
   *  requests. */
  readonly runMs: number;
  /** In responses the engine's run by the clock, in milliseconds; 0 in requests. */
  readonly computeMs: number;
  /** In responses when the host had nothing else to do before this run, and when the engine began it, by
   *  `monotonicMs`; 0 in requests. */
  readonly freeAtMs: number;
  readonly startedAtMs: number;
  /** In responses the most that the host grew in bytes, if the request asked for it with any number other
   *  than 0; NaN where the system does not report it. */
  readonly peakBytes: number;
  /** In responses to such requests the host's private memory after the run; NaN likewise. */
  readonly memoryBytes: number;
  readonly tensors: readonly T[];
}

interface TensorHead {
  readonly index: number;
  readonly datatype: Datatype;
  readonly shape: readonly number[];
}

/** The form that `encodeTensors` takes. */
export interface OutgoingTensor extends TensorHead {
  /** The data, as in `Tensor`, in consecutive pieces. */
  readonly parts: readonly Uint8Array[];
}

/** The form that `decodeTensors` returns. */
export interface IndexedTensor extends TensorHead {
  /** As in `Tensor`; a view into the frame, at a multiple of 16 bytes. */
  readonly data: Uint8Array;
}

export const maxPayloadBytes = 2 ** 30;

const headerBytes = 16;
const storedFlag = 128;
const storedBytes = 16;
const magic = 0x504d;
const maxKind = Math.max(...Object.values(frameKind));
const datatypes = Object.keys(elementBytes) as readonly Datatype[];
const maxRank = 0xffff;
/** The counts, durations and memory figures at the start of a `TensorMessage`. */
const fixedHeadBytes = 56;
/** One tensor's numbers before its dimensions. */
const tensorHeadBytes = 16;
/** Up to this size one copy costs less than a write of several buffers. */
const copyBytes = 64 * 1024;
/** Tensors start at multiples of this. ONNX Runtime sums 16 bytes at a time, and the odd ones before the
 *  first multiple one by one: without alignment, the last bits of a result would depend on an input's
 *  position in a frame. */
const alignmentBytes = 16;
const padding = new Uint8Array(alignmentBytes);

/** Writes one frame with `chunks` as its payload. A big payload is stored in `arena`, if there is one with
 *  room, and not copied otherwise. Returns what was stored, which the caller must release. Throws
 *  RuntimeError "invalid-argument" and writes nothing if the payload is over the limit. */
export function writeFrame(
  stream: Writable,
  head: FrameHead,
  chunks: readonly Uint8Array[] = [],
  arena?: PayloadArena,
): StoredPayload | undefined {
  let payloadBytes = 0;
  for (const chunk of chunks) payloadBytes += chunk.byteLength;
  if (payloadBytes > maxPayloadBytes) {
    throw new RuntimeError(
      "invalid-argument",
      `the tensors take ${payloadBytes} bytes together, the limit is ${maxPayloadBytes}`,
    );
  }
  const stored = arena?.store(chunks, payloadBytes);
  if (stored !== undefined) {
    const place = new Float64Array([stored.offset, stored.sizeBytes]);
    writeChunks(stream, { ...head, flags: storedFlag }, [new Uint8Array(place.buffer)]);
    return stored;
  }
  writeChunks(stream, { ...head, flags: 0 }, chunks, payloadBytes);
  return undefined;
}

function writeChunks(
  stream: Writable,
  head: FrameHead & { readonly flags: number },
  chunks: readonly Uint8Array[],
  payloadBytes = storedBytes,
): void {
  const isCopied = payloadBytes <= copyBytes;
  const header = Buffer.allocUnsafe(headerBytes + (isCopied ? payloadBytes : 0));
  header.writeUInt32LE(payloadBytes, 0);
  header.writeUInt16LE(magic, 4);
  header.writeUInt8(head.kind | head.flags, 6);
  header.writeUInt8(0, 7);
  header.writeUInt32LE(head.call, 8);
  header.writeUInt32LE(head.model, 12);
  header.writeUInt8(exclusiveOr(header), 7);
  if (isCopied) {
    let offset = headerBytes;
    for (const chunk of chunks) {
      header.set(chunk, offset);
      offset += chunk.byteLength;
    }
    stream.write(header);
    return;
  }
  stream.cork();
  stream.write(header);
  for (const chunk of chunks) if (chunk.byteLength > 0) stream.write(chunk);
  stream.uncork();
}

/** Assembles frames from the chunks of a stream. */
export class FrameReader {
  readonly #onFrame: (frame: Frame) => void;
  readonly #stored: StoredPayloads | undefined;
  readonly #header = Buffer.alloc(headerBytes);
  #headerFilled = 0;
  #payload: Buffer<ArrayBuffer> | undefined;
  #payloadFilled = 0;

  /** `stored`: where payloads outside the stream may be. */
  constructor(onFrame: (frame: Frame) => void, stored?: StoredPayloads) {
    this.#onFrame = onFrame;
    this.#stored = stored;
  }

  /** Calls back once for each frame that `chunk` completes. Throws Error if the stream does not consist of
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

  #startPayload(): Buffer<ArrayBuffer> {
    const header = this.#header;
    const flaggedKind = header.readUInt8(6);
    const kind = flaggedKind & ~storedFlag;
    const payloadBytes = header.readUInt32LE(0);
    if (header.readUInt16LE(4) !== magic || exclusiveOr(header) !== 0) {
      throw new Error("bytes that are not a frame");
    }
    if (kind < 1 || kind > maxKind) throw new Error(`a frame of unknown kind ${kind}`);
    if (payloadBytes > maxPayloadBytes) throw new Error(`a frame of ${payloadBytes} bytes`);
    if (flaggedKind !== kind && (this.#stored === undefined || payloadBytes !== storedBytes)) {
      throw new Error("a frame with its payload in a missing arena");
    }
    // Not from the shared pool: a view of it would not start at a multiple of 16.
    return Buffer.allocUnsafeSlow(payloadBytes);
  }

  #finish(arrived: Buffer<ArrayBuffer>): void {
    const flaggedKind = this.#header.readUInt8(6);
    const stored = flaggedKind >= storedFlag ? this.#stored : undefined;
    const frame: Frame = {
      kind: (flaggedKind & ~storedFlag) as FrameKind,
      call: this.#header.readUInt32LE(8),
      model: this.#header.readUInt32LE(12),
      // Not a Buffer, whose slice() shares memory where that of a Uint8Array copies.
      payload: stored?.read(readPlace(arrived)) ?? new Uint8Array(arrived.buffer),
    };
    this.#headerFilled = 0;
    this.#payload = undefined;
    this.#onFrame(frame);
  }
}

/** The payload of a run or of its response, as chunks for `writeFrame`: a head with all numbers (wanted
 *  count, tensor count, times, memory, wanted positions, then each tensor's index, datatype, rank, bytes
 *  and dimensions), then the data, each tensor starting at a multiple of 16 bytes. */
export function encodeTensors(message: TensorMessage<OutgoingTensor>): Uint8Array[] {
  const { wanted, tensors } = message;
  let headBytes = align(fixedHeadBytes + 4 * wanted.length, 8);
  for (const { shape } of tensors) headBytes += tensorHeadBytes + 8 * shape.length;
  const head = new DataView(new ArrayBuffer(align(headBytes, alignmentBytes)));
  head.setUint32(0, wanted.length, true);
  head.setUint32(4, tensors.length, true);
  head.setFloat64(8, message.runMs, true);
  head.setFloat64(16, message.computeMs, true);
  head.setFloat64(24, message.freeAtMs, true);
  head.setFloat64(32, message.startedAtMs, true);
  head.setFloat64(40, message.peakBytes, true);
  head.setFloat64(48, message.memoryBytes, true);
  let offset = fixedHeadBytes;
  for (const index of wanted) {
    head.setUint32(offset, index, true);
    offset += 4;
  }
  offset = align(offset, 8);
  const chunks: Uint8Array[] = [new Uint8Array(head.buffer)];
  for (const { index, datatype, shape, parts } of tensors) {
    if (shape.length > maxRank) {
      throw new RuntimeError("invalid-argument", `a tensor has ${shape.length} dimensions`);
    }
    let dataBytes = 0;
    for (const part of parts) {
      dataBytes += part.byteLength;
      chunks.push(part);
    }
    head.setUint32(offset, index, true);
    head.setUint16(offset + 4, datatypes.indexOf(datatype), true);
    head.setUint16(offset + 6, shape.length, true);
    head.setFloat64(offset + 8, dataBytes, true);
    offset += tensorHeadBytes;
    for (const dimension of shape) {
      head.setFloat64(offset, dimension, true);
      offset += 8;
    }
    const gap = align(dataBytes, alignmentBytes) - dataBytes;
    if (gap > 0) chunks.push(padding.subarray(0, gap));
  }
  return chunks;
}

/** Reads what `encodeTensors` wrote. The tensors' data are views into `payload`. Throws an error of any kind
 *  if the payload is something else. */
export function decodeTensors(payload: Uint8Array): TensorMessage<IndexedTensor> {
  const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
  const wantedCount = view.getUint32(0, true);
  const tensorCount = view.getUint32(4, true);
  const runMs = view.getFloat64(8, true);
  const computeMs = view.getFloat64(16, true);
  const freeAtMs = view.getFloat64(24, true);
  const startedAtMs = view.getFloat64(32, true);
  const peakBytes = view.getFloat64(40, true);
  const memoryBytes = view.getFloat64(48, true);
  const wanted: number[] = [];
  let offset = fixedHeadBytes;
  // A wrong count runs into the end of the view, which throws.
  for (let at = 0; at < wantedCount; at++, offset += 4) wanted.push(view.getUint32(offset, true));
  offset = align(offset, 8);
  const heads: (TensorHead & { readonly dataBytes: number })[] = [];
  for (let at = 0; at < tensorCount; at++) {
    const index = view.getUint32(offset, true);
    const datatype = datatypes[view.getUint16(offset + 4, true)];
    if (datatype === undefined) throw new Error("a tensor of unknown datatype");
    const rank = view.getUint16(offset + 6, true);
    const dataBytes = view.getFloat64(offset + 8, true);
    offset += tensorHeadBytes;
    const shape: number[] = [];
    for (let axis = 0; axis < rank; axis++, offset += 8) shape.push(view.getFloat64(offset, true));
    const size = elementBytes[datatype];
    const count = elementCount(shape, "a tensor in a frame");
    if (size !== undefined && dataBytes !== count * size)
      throw new Error("a tensor of the wrong size");
    heads.push({ index, datatype, shape, dataBytes });
  }
  offset = align(offset, alignmentBytes);
  const tensors = heads.map(({ index, datatype, shape, dataBytes }) => {
    const end = offset + dataBytes;
    if (!(dataBytes >= 0 && end <= payload.byteLength)) throw new Error("a tensor that is cut off");
    const data = payload.subarray(offset, end);
    offset = align(end, alignmentBytes);
    return { index, datatype, shape, data };
  });
  if (offset !== payload.byteLength) throw new Error("bytes after the last tensor");
  return {
    wanted,
    runMs,
    computeMs,
    freeAtMs,
    startedAtMs,
    peakBytes,
    memoryBytes,
    tensors,
  };
}

export function encodeJson(value: unknown): Uint8Array[] {
  return [Buffer.from(JSON.stringify(value))];
}

/** The other end of the same build wrote the value; its shape is not checked again. */
export function decodeJson<T>(payload: Uint8Array): T {
  return JSON.parse(Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength).toString());
}

function readPlace(payload: Buffer): { readonly offset: number; readonly sizeBytes: number } {
  return { offset: payload.readDoubleLE(0), sizeBytes: payload.readDoubleLE(8) };
}

function exclusiveOr(header: Buffer): number {
  let words = 0;
  for (let at = 0; at < headerBytes; at += 4) words ^= header.readInt32LE(at);
  const halves = words ^ (words >>> 16);
  return (halves ^ (halves >>> 8)) & 0xff;
}

function align(bytes: number, step: number): number {
  return Math.ceil(bytes / step) * step;
}
