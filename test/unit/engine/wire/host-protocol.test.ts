import assert from "node:assert/strict";
import { PassThrough } from "node:stream";
import { describe, it } from "node:test";
import { elementBytes } from "../../../../src/base/tensor.ts";
import {
  decodeJson,
  decodeTensors,
  encodeJson,
  encodeTensors,
  type Frame,
  FrameReader,
  frameKind,
  type IndexedTensor,
  maxPayloadBytes,
  writeFrame,
} from "../../../../src/engine/wire/host-protocol.ts";

function written(write: (stream: PassThrough) => void): Buffer {
  const stream = new PassThrough({ highWaterMark: 2 ** 30 });
  write(stream);
  return (stream.read() as Buffer | null) ?? Buffer.alloc(0);
}

function readFrames(bytes: Buffer, chunkBytes: number): Frame[] {
  const frames: Frame[] = [];
  const reader = new FrameReader((frame) => frames.push(frame));
  for (let offset = 0; offset < bytes.length; offset += chunkBytes) {
    reader.push(bytes.subarray(offset, offset + chunkBytes));
  }
  return frames;
}

function payloadOf(chunks: readonly Uint8Array[]): Buffer {
  const whole = Buffer.concat(chunks);
  const own = Buffer.allocUnsafeSlow(whole.length);
  whole.copy(own);
  return own;
}

describe("frames", () => {
  const long = Buffer.alloc(100_000, "long");
  const bytes = written((stream) => {
    writeFrame(stream, { kind: frameKind.ready, call: 0, model: 0 });
    writeFrame(stream, { kind: frameKind.load, call: 1, model: 7 }, encodeJson({ file: "é" }));
    writeFrame(stream, { kind: frameKind.ran, call: 0xffff_ffff, model: 8 }, [
      long,
      Buffer.alloc(0),
      long,
    ]);
  });

  for (const chunkBytes of [1, 15, 16, 17, 4096, bytes.length]) {
    it(`arrive whole and in order in chunks of ${chunkBytes} bytes`, () => {
      const frames = readFrames(bytes, chunkBytes);
      assert.deepEqual(
        frames.map(({ kind, call, model }) => ({ kind, call, model })),
        [
          { kind: frameKind.ready, call: 0, model: 0 },
          { kind: frameKind.load, call: 1, model: 7 },
          { kind: frameKind.ran, call: 0xffff_ffff, model: 8 },
        ],
      );
      assert.equal(frames[0]?.payload.byteLength, 0);
      assert.deepEqual(decodeJson(frames[1]?.payload as Uint8Array), { file: "é" });
      assert.ok(Buffer.concat([long, long]).equals(frames[2]?.payload as Uint8Array));
    });
  }

  it("are copied out of the chunks, which may be used again", () => {
    const chunk = written((stream) =>
      writeFrame(stream, { kind: frameKind.load, call: 1, model: 1 }, [Buffer.from("kept")]),
    );
    const [frame] = readFrames(chunk, chunk.length);
    chunk.fill(0);
    assert.equal(Buffer.from(frame?.payload as Uint8Array).toString(), "kept");
  });

  it("start their payload in a buffer of its own", () => {
    for (const { payload } of readFrames(bytes, 1000)) {
      assert.equal(payload.byteOffset, 0);
      assert.equal(payload.buffer.byteLength, payload.byteLength);
    }
  });

  const corruptions: readonly [string, (header: Buffer) => void][] = [
    ["another magic", (header) => header.writeUInt16LE(0x4854, 4)],
    ["kind 0", (header) => header.writeUInt8(0, 6)],
    ["kind 255", (header) => header.writeUInt8(255, 6)],
    ["a payload over the limit", (header) => header.writeUInt32LE(maxPayloadBytes + 1, 0)],
  ];
  for (const [what, corrupt] of corruptions) {
    it(`are refused with ${what}, before the payload is waited for`, () => {
      const header = written((stream) =>
        writeFrame(stream, { kind: frameKind.ran, call: 1, model: 1 }),
      );
      corrupt(header);
      header[7] = 0;
      header[7] = header.reduce((check, byte) => check ^ byte);
      assert.throws(() => readFrames(header, header.length), Error);
    });
  }

  it("over the limit are not written at all", () => {
    const part = Buffer.allocUnsafeSlow(maxPayloadBytes / 64);
    const chunks = [...new Array<Buffer>(64).fill(part), Buffer.alloc(1)];
    const head = { kind: frameKind.run, call: 1, model: 1 };
    const bytes = written((stream) =>
      assert.throws(() => writeFrame(stream, head, chunks), { kind: "invalid-argument" }),
    );
    assert.equal(bytes.length, 0);
  });
});

describe("tensors in a frame", () => {
  const tensors: IndexedTensor[] = Object.entries(elementBytes).map(([datatype, size], index) => ({
    index,
    datatype: datatype as IndexedTensor["datatype"],
    shape: [3, 1],
    data: Buffer.alloc(3 * (size ?? 5), index + 1),
  }));

  /** To be sent in two pieces each. */
  const outgoing = tensors.map(({ data, ...head }) => ({
    ...head,
    parts: [data.subarray(0, 1), data.subarray(1)],
  }));

  it("keep index, datatype, shape and bytes, for every datatype, and the duration", () => {
    const numbers = {
      wanted: [2, 0, 70_000],
      runMs: 0.125,
      computeMs: 0.25,
      freeAtMs: 0,
      startedAtMs: 0,
      peakBytes: 4096,
      memoryBytes: 8192,
    };
    const payload = payloadOf(encodeTensors({ ...numbers, tensors: outgoing }));
    assert.deepEqual(decodeTensors(payload), { ...numbers, tensors });
  });

  it("start at multiples of 16 bytes, so that where a tensor lies changes no sum", () => {
    for (const wanted of [[], [1], [1, 2]]) {
      const payload = payloadOf(
        encodeTensors({
          wanted,
          runMs: 0,
          computeMs: 0,
          freeAtMs: 0,
          startedAtMs: 0,
          peakBytes: 0,
          memoryBytes: 0,
          tensors: outgoing,
        }),
      );
      for (const { data } of decodeTensors(payload).tensors) {
        assert.equal(data.byteOffset % 16, 0);
      }
    }
  });

  it("may be scalars, empty, or of dimensions beyond 32 bits", () => {
    const edge: IndexedTensor[] = [
      { index: 0, datatype: "FP64", shape: [], data: Buffer.alloc(8, 1) },
      { index: 1, datatype: "FP32", shape: [0, 2 ** 53 - 1], data: Buffer.alloc(0) },
      { index: 2, datatype: "BYTES", shape: [0], data: Buffer.alloc(0) },
    ];
    const sent = edge.map(({ data, ...head }) => ({ ...head, parts: [data] }));
    const decoded = decodeTensors(
      payloadOf(
        encodeTensors({
          wanted: [],
          runMs: 0,
          computeMs: 0,
          freeAtMs: 0,
          startedAtMs: 0,
          peakBytes: 0,
          memoryBytes: 0,
          tensors: sent,
        }),
      ),
    );
    assert.deepEqual(decoded.tensors, edge);
  });

  it("are not copied on the way into a frame", () => {
    const data = Buffer.alloc(64);
    const chunks = encodeTensors({
      wanted: [],
      runMs: 0,
      computeMs: 0,
      freeAtMs: 0,
      startedAtMs: 0,
      peakBytes: 0,
      memoryBytes: 0,
      tensors: [{ index: 0, datatype: "UINT8", shape: [64], parts: [data] }],
    });
    assert.ok(chunks.includes(data));
  });

  it("that do not fit their frame are refused, whatever is wrong with them", () => {
    const valid = payloadOf(
      encodeTensors({
        wanted: [1],
        runMs: 0,
        computeMs: 0,
        freeAtMs: 0,
        startedAtMs: 0,
        peakBytes: 0,
        memoryBytes: 0,
        tensors: outgoing,
      }),
    );
    for (let length = 0; length < valid.length; length++) {
      assert.throws(() => decodeTensors(payloadOf([valid.subarray(0, length)])), Error);
    }
    assert.throws(() => decodeTensors(payloadOf([valid, Buffer.alloc(8)])), Error);
    // Any 32-bit word of the head set to all ones is a lie: a count, an index is the exception.
    const liar = payloadOf([valid]);
    liar.writeUInt32LE(0xffff_ffff, 0);
    assert.throws(() => decodeTensors(liar), Error);
    valid.copy(liar);
    liar.writeUInt32LE(0xffff_ffff, 4);
    assert.throws(() => decodeTensors(liar), Error);
  });
});
