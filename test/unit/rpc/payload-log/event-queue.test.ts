import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type CallRecord, readRecord } from "../../../../src/rpc/payload-log/call-record.ts";
import { Envelopes } from "../../../../src/rpc/payload-log/envelopes.ts";
import { EventQueue, type SentRecords } from "../../../../src/rpc/payload-log/event-queue.ts";
import { isInference } from "../../../../src/rpc/payload-log/logged-rpc.ts";
import { CopiedPayload, SharedPayload } from "../../../../src/rpc/payload-log/payload-copy.ts";
import { Sampler } from "../../../../src/rpc/payload-log/sampler.ts";

const KiB = 1024;

function openQueue(limits: { maxBytes?: number; maxEvents?: number } = {}) {
  const sent: SentRecords[] = [];
  const queue = new EventQueue({
    maxBytes: 1024 * KiB,
    maxEvents: 1_000,
    send: (records) => sent.push(records),
    ...limits,
  });
  return { queue, sent };
}

const head = { type: "t", encoding: "", sizeBytes: 3 };
const callOf = (id: string): CallRecord => ({
  id,
  beganMs: 1,
  endedMs: 2,
  model: "m",
  rpc: "s/M",
  protocol: "grpc",
  headers: { a: "é" },
  request: head,
  answer: head,
});
const pieces = (...texts: string[]) => {
  const all = texts.map((text) => Buffer.from(text));
  return { pieces: all, sizeBytes: Buffer.concat(all).length };
};

function recordsIn({ records }: SentRecords) {
  const buffer = Buffer.from(records.buffer, records.byteOffset, records.length);
  const found: [string, string, string][] = [];
  for (let at = 0; at < buffer.length; ) {
    const { call, request, answer, end } = readRecord(buffer, at);
    assert.deepEqual(call, callOf(call.id));
    found.push([call.id, request.toString(), answer.toString()]);
    at = end;
  }
  return found;
}

describe("the queue of a payload log", () => {
  it("hands over records together, as they were", () => {
    const { queue, sent } = openQueue();
    queue.add(callOf("1"), pieces("ab", "c"), pieces("d"));
    queue.add(callOf("2"), pieces(), pieces("é".repeat(300 * KiB)));
    queue.add(callOf("3"));
    queue.flush();
    queue.flush();
    assert.deepEqual(
      sent.flatMap(recordsIn).map(([id]) => id),
      ["1", "2", "3"],
    );
    assert.deepEqual(sent[0] && recordsIn(sent[0]), [["1", "abc", "d"]]);
    assert.equal(queue.events, 6);
    assert.equal(
      queue.bytes,
      sent.reduce((sum, { records }) => sum + records.length, 0),
    );
    // No buffer has much more memory than was counted.
    for (const { records } of sent) assert.ok(records.buffer.byteLength <= 2 * records.length);
    for (const { records, events } of sent) queue.done(records.length, events);
    assert.deepEqual([queue.bytes, queue.events], [0, 0]);
  });

  it("drops what does not fit, in bytes or in number, and counts it", () => {
    const small = openQueue({ maxBytes: 4 * KiB });
    small.queue.add(callOf("1"), pieces("x".repeat(3 * KiB)));
    small.queue.add(callOf("2"), pieces("x".repeat(3 * KiB)));
    assert.ok(small.queue.hasRoom && small.queue.bytes <= 4 * KiB);
    assert.equal(small.queue.dropped.get("queue_full"), 2);
    assert.equal(small.queue.hold(2 * KiB), false);

    const few = openQueue({ maxEvents: 3 });
    for (const id of ["1", "2"]) few.queue.add(callOf(id));
    assert.equal(few.queue.events, 2);
    assert.equal(few.queue.dropped.get("queue_full"), 2);
    few.queue.flush();
    assert.deepEqual(few.sent.flatMap(recordsIn).length, 1);
  });
});

describe("a payload that is kept", () => {
  it("has its start, in the room of the queue, whatever its pieces are", () => {
    const { queue } = openQueue();
    const copy = new CopiedPayload(queue, 5_000);
    const chunk = Buffer.from("x");
    for (let at = 0; at < 7_000; at++) copy.add(chunk);
    chunk.fill("y");
    assert.deepEqual([copy.sizeBytes, copy.wholeBytes, copy.isDropped], [5_000, 7_000, false]);
    assert.equal(Buffer.concat(copy.pieces).toString(), "x".repeat(5_000));
    assert.ok(queue.bytes >= 5_000 && queue.bytes <= 8 * KiB);
    copy.letGo();
    assert.equal(queue.bytes, 0);
    const shared = new SharedPayload(3);
    for (const text of ["ab", "cd", ""]) shared.add(Buffer.from(text));
    assert.equal(Buffer.concat(shared.pieces).toString(), "abc");
    assert.equal(shared.wholeBytes, 4);
  });

  it("is dropped, and holds nothing, when the queue has no more room", () => {
    const { queue } = openQueue({ maxBytes: 2 * KiB });
    const copy = new CopiedPayload(queue, 64 * KiB);
    for (let at = 0; at < 10; at++) copy.add(Buffer.alloc(KiB));
    assert.deepEqual([copy.isDropped, copy.sizeBytes, copy.wholeBytes], [true, 0, 10 * KiB]);
    assert.equal(queue.bytes, 0);
  });
});

describe("envelopes", () => {
  it("are messages, wherever they are cut; ends of streams are none", () => {
    const envelope = (flags: number, text: string) => {
      const bytes = Buffer.from(`.....${text}`);
      bytes[0] = flags;
      bytes.writeUInt32BE(bytes.length - 5, 1);
      return bytes;
    };
    const parts = [envelope(0, "abc"), envelope(1, ""), envelope(1, "de"), envelope(2, "{}")];
    const stream = Buffer.concat([...parts, envelope(0x80, "status")]);
    for (let size = 1; size <= stream.length; size++) {
      const seen: [string, boolean][] = [];
      const envelopes = new Envelopes(
        () => new SharedPayload(100),
        (message, isCompressed) => {
          seen.push([Buffer.concat(message?.pieces ?? []).toString(), isCompressed]);
        },
      );
      for (let at = 0; at < stream.length; at += size) {
        envelopes.push(stream.subarray(at, at + size));
      }
      assert.deepEqual(seen, [
        ["abc", false],
        ["", true],
        ["de", true],
      ]);
    }
  });
});

describe("the sample of a payload log", () => {
  it("has its share, and is the same for the same seed", () => {
    const picks = (share: number, seed?: number) => {
      const sampler = new Sampler(share, seed);
      return Array.from({ length: 20_000 }, () => sampler.next());
    };
    assert.deepEqual(picks(0.1, 7), picks(0.1, 7));
    assert.notDeepEqual(picks(0.1, 7), picks(0.1, 8));
    const count = picks(0.1, 7).filter(Boolean).length;
    assert.ok(count > 1_850 && count < 2_150, `${count}`);
    // Of calls that alternate between two models, both are picked.
    const odd = picks(0.5, 7).filter((isPicked, at) => isPicked && at % 2 === 1).length;
    assert.ok(odd > 4_700 && odd < 5_300, `${odd}`);
    assert.ok(picks(1).every(Boolean) && !picks(0).some(Boolean));
  });

  it("is of inferences alone", () => {
    for (const rpc of [
      "inference.GRPCInferenceService/ModelInfer",
      "inference.GRPCInferenceService/ModelStreamInfer",
      "caikit.runtime.Nlp.NlpService/EmbeddingTaskPredict",
      "POST /v2/models/:model/infer",
      "POST /v1/models/:model",
      "POST /invocations",
      "POST /embed",
    ]) {
      assert.ok(isInference(rpc), rpc);
    }
    for (const rpc of [
      "unknown",
      "inference.GRPCInferenceService/ModelMetadata",
      "mmesh.ModelRuntime/loadModel",
      "GET /v2/models/:model",
      "POST /v2/repository/index",
      "POST /debug/heap",
    ]) {
      assert.ok(!isInference(rpc), rpc);
    }
  });
});
