import assert from "node:assert/strict";
import { PassThrough } from "node:stream";
import { describe, it } from "node:test";
import {
  decodeTensors,
  encodeJson,
  encodeTensors,
  type Frame,
  FrameReader,
  frameKind,
  maxPayloadBytes,
  writeFrame,
} from "../../../../src/engine/wire/host-protocol.ts";
import { fuzzRandom } from "../../../support/attacks/fuzz-seed.ts";
import { mutateBytes, type Random } from "../../../support/attacks/mutate.ts";

const rounds = 20_000;

/** A stream as a healthy end writes it: some frames of different kinds. */
function validStream(): Buffer {
  const stream = new PassThrough();
  writeFrame(stream, { kind: frameKind.ready, call: 0, model: 0 }, encodeJson({ memoryBytes: 1 }));
  writeFrame(stream, { kind: frameKind.ran, call: 1, model: 1 }, encodeTensors(tensorMessage));
  writeFrame(stream, { kind: frameKind.released, call: 2, model: 1 }, encodeJson({}));
  return stream.read() as Buffer;
}

const tensorMessage: Parameters<typeof encodeTensors>[0] = {
  wanted: [0, 1],
  runMs: 0,
  computeMs: 0,
  freeAtMs: 0,
  startedAtMs: 0,
  peakBytes: 0,
  memoryBytes: 0,
  tensors: [
    { index: 0, datatype: "FP32", shape: [1, 3], parts: [Buffer.alloc(12, 1)] },
    { index: 1, datatype: "BYTES", shape: [1], parts: [Buffer.from("\x05\0\0\0words")] },
  ],
};

/** Feeds bytes in chunks of random size; the frames that came before whatever ended the stream. */
function read(bytes: Buffer, random: Random): { frames: Frame[]; error: unknown } {
  const frames: Frame[] = [];
  const reader = new FrameReader((frame) => frames.push(frame));
  try {
    for (let offset = 0; offset < bytes.length; ) {
      const end = offset + 1 + random.below(64);
      reader.push(bytes.subarray(offset, end));
      offset = end;
    }
    return { frames, error: undefined };
  } catch (error) {
    return { frames, error };
  }
}

describe("a stream of frames that was damaged", () => {
  it("ends in an Error or in frames within the limits, and never takes memory that it does not hold", (t) => {
    const random = fuzzRandom(t);
    const valid = validStream();
    const outcomes = { refused: 0, read: 0 };
    const before = process.memoryUsage().rss;
    for (let round = 0; round < rounds; round++) {
      const { frames, error } = read(mutateBytes(valid, random), random);
      assert.ok(error === undefined || error instanceof Error, `round ${round}`);
      outcomes[error === undefined ? "read" : "refused"]++;
      for (const { payload } of frames) {
        assert.ok(payload.byteLength <= maxPayloadBytes && payload.byteOffset === 0);
      }
    }
    const grownBytes = process.memoryUsage().rss - before;
    t.diagnostic(
      `${JSON.stringify(outcomes)}, ${(grownBytes / 2 ** 20).toFixed(0)} MiB more in use`,
    );
    assert.ok(outcomes.refused > rounds / 10 && outcomes.read > rounds / 100);
    assert.ok(grownBytes < 256 * 2 ** 20, `${grownBytes} bytes`);
  });

  it("is refused for any single byte of a header that changed, lengths above all", () => {
    const valid = validStream();
    for (let at = 0; at < 16; at++) {
      for (let flip = 1; flip < 256; flip++) {
        const liar = Buffer.from(valid);
        liar[at] = (liar[at] ?? 0) ^ flip;
        const frames: Frame[] = [];
        const reader = new FrameReader((frame) => frames.push(frame));
        assert.throws(() => reader.push(liar), Error, `byte ${at} changed by ${flip}`);
        assert.equal(frames.length, 0);
      }
    }
  });

  it("of bytes at random is refused within its first frame", (t) => {
    const random = fuzzRandom(t);
    for (let round = 0; round < 2000; round++) {
      const noise = Buffer.from(
        Array.from({ length: 16 + random.below(64) }, () => random.below(256)),
      );
      const { frames, error } = read(noise, random);
      assert.ok(error instanceof Error, `round ${round}: ${noise.toString("hex")}`);
      assert.equal(frames.length, 0);
    }
  });
});

describe("tensors in a frame that was damaged", () => {
  it("are refused, or lie within their frame and fit their shapes", (t) => {
    const random = fuzzRandom(t);
    const valid = Buffer.concat(encodeTensors(tensorMessage));
    const outcomes = { refused: 0, read: 0 };
    for (let round = 0; round < rounds; round++) {
      const payload = new Uint8Array(mutateBytes(valid, random));
      try {
        for (const { data } of decodeTensors(payload).tensors) {
          assert.ok(data.buffer === payload.buffer);
          assert.ok(data.byteOffset + data.byteLength <= payload.byteLength);
        }
        outcomes.read++;
      } catch (error) {
        if (error instanceof assert.AssertionError) throw error;
        assert.ok(error instanceof Error, `round ${round}`);
        outcomes.refused++;
      }
    }
    t.diagnostic(JSON.stringify(outcomes));
    assert.ok(outcomes.refused > rounds / 10 && outcomes.read > rounds / 100);
  });
});
