import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { MessageBuffers } from "../../../../src/rpc/grpc/message-buffers.ts";
import { GrpcMessageReader, wholeMessage } from "../../../../src/rpc/grpc/message-reader.ts";
import { fuzzSeed } from "../../../support/attacks/fuzz-run.ts";
import { Random } from "../../../support/attacks/mutate.ts";
import { grpcFrame } from "../../../support/clients/raw-http.ts";

const seed = fuzzSeed(process.env["MODELPORT_FUZZ_SEED"]);

describe(`a reader of gRPC messages (seed ${seed})`, () => {
  it("finds the same messages however the body is cut", () => {
    const random = new Random(seed);
    for (let round = 0; round < 200; round++) {
      const sent = Array.from({ length: 1 + random.below(4) }, () =>
        Buffer.alloc(random.below(200), random.below(256)),
      );
      const body = Buffer.concat(sent.map((message, index) => grpcFrame(message, index % 2)));
      const reader = new GrpcMessageReader(1_000, new MessageBuffers());
      const received = [];
      for (let at = 0; at < body.length; ) {
        const end = at + 1 + random.below(60);
        received.push(...reader.push(body.subarray(at, end)));
        at = end;
      }
      reader.end();
      assert.deepEqual(
        received,
        sent.map((message, index) => ({
          isCompressed: index % 2 === 1,
          bytes: new Uint8Array(message),
        })),
      );
    }
  });

  it("copies nothing of a message that comes in one piece", () => {
    const chunk = grpcFrame(Buffer.alloc(70_000));
    const [message] = new GrpcMessageReader(100_000, new MessageBuffers()).push(chunk);
    assert.equal(message?.bytes.buffer, chunk.buffer);
  });

  it("reserves no more than twice what has arrived", () => {
    const reserved: number[] = [];
    class Buffers extends MessageBuffers {
      override take(sizeBytes: number) {
        reserved.push(sizeBytes);
        return super.take(sizeBytes);
      }
    }
    const reader = new GrpcMessageReader(100_000, new Buffers());
    const frame = grpcFrame(Buffer.alloc(100_000));
    assert.deepEqual(reader.push(frame.subarray(0, 49_000)), []);
    assert.deepEqual(reserved, []);
    assert.deepEqual(reader.push(frame.subarray(49_000, 51_000)), []);
    assert.deepEqual(reserved, [100_000]);
    assert.equal(reader.push(frame.subarray(51_000)).length, 1);
    assert.deepEqual(reserved, [100_000]);
  });

  it("puts a message together in a new buffer, wherever it is cut", () => {
    const content = Buffer.from(Array.from({ length: 100_000 }, (_, at) => at % 251));
    const frame = Buffer.concat([grpcFrame(content), grpcFrame(content), grpcFrame(Buffer.of(7))]);
    for (const first of [5, 6, 40_000, 60_000, 100_005, 100_008]) {
      for (const second of [first + 1, first + 59_000, 200_010]) {
        const reader = new GrpcMessageReader(100_000, new MessageBuffers());
        const cuts = [0, first, second, frame.length];
        const messages = cuts.flatMap((cut, at) => reader.push(frame.subarray(cut, cuts[at + 1])));
        reader.end();
        assert.deepEqual(
          messages.map(({ bytes }) => Buffer.from(bytes)),
          [content, content, Buffer.of(7)],
        );
      }
    }
  });

  it("puts a message together in a buffer that lay idle, and gives that back once", () => {
    const buffers = new MessageBuffers();
    buffers.giveBack(buffers.take(100_000));
    const kept = buffers.idleBytes;
    const content = Buffer.from(Array.from({ length: 100_000 }, (_, at) => at % 251));
    const frame = Buffer.concat([grpcFrame(content), grpcFrame(Buffer.of(7))]);
    for (const cut of [5, 6, 90_000, 100_005, 100_008]) {
      const reader = new GrpcMessageReader(100_000, buffers);
      const messages = [];
      messages.push(...reader.push(frame.subarray(0, cut)));
      if (cut < 100_005) assert.equal(buffers.idleBytes, 0);
      messages.push(...reader.push(frame.subarray(cut)));
      reader.end();
      assert.deepEqual(
        messages.map(({ bytes }) => Buffer.from(bytes)),
        [content, Buffer.of(7)],
      );
      reader.release();
      reader.release();
      assert.equal(buffers.idleBytes, kept);
    }
  });

  it("gives back the buffer of a message that does not become complete", () => {
    const buffers = new MessageBuffers();
    buffers.giveBack(buffers.take(100_000));
    const kept = buffers.idleBytes;
    const reader = new GrpcMessageReader(100_000, buffers);
    reader.push(grpcFrame(Buffer.alloc(100_000)).subarray(0, 50));
    assert.equal(buffers.idleBytes, 0);
    reader.abandon();
    reader.abandon();
    assert.equal(buffers.idleBytes, kept);
  });

  it("refuses a message by its head alone", () => {
    const reader = new GrpcMessageReader(10, new MessageBuffers());
    assert.throws(() => reader.push(Buffer.of(0, 0, 0, 0, 11)), {
      rawMessage: "message size 11 is larger than MAX_MESSAGE_BYTES (10)",
    });
  });

  it("refuses a body that ends within a head or a message", () => {
    // One that ends just between them counts as a body without a message, as it does for Connect.
    for (const body of [Buffer.of(0), Buffer.of(0, 0, 0, 0, 2, 1)]) {
      const reader = new GrpcMessageReader(10, new MessageBuffers());
      assert.deepEqual(reader.push(body), []);
      assert.throws(() => reader.end(), { rawMessage: "protocol error: incomplete envelope" });
    }
  });

  it("refuses flags that say neither compressed nor not, however they come", () => {
    for (const flags of [2, 3, 128, 255]) {
      const bytes = grpcFrame(Buffer.from("abc"), flags);
      const message = new RegExp(`flags ${flags}, expected 0, or 1`);
      assert.throws(() => wholeMessage(bytes, 1_000), { message });
      const reader = new GrpcMessageReader(1_000, new MessageBuffers());
      reader.push(bytes.subarray(0, 3));
      assert.throws(() => reader.push(bytes.subarray(3)), { message });
    }
  });
});
