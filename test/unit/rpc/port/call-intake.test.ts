import assert from "node:assert/strict";
import { EventEmitter } from "node:events";
import { constants, type ServerHttp2Stream } from "node:http2";
import { describe, it } from "node:test";
import { setImmediate as nextTurn } from "node:timers/promises";
import { CallIntake } from "../../../../src/rpc/port/call-intake.ts";

function fakeStream(session: object | undefined) {
  return Object.assign(new EventEmitter(), { session, closed: false, destroyed: false });
}

function offer(intake: CallIntake, stream: object, handle: () => void): void {
  intake.spread(handle)(stream as ServerHttp2Stream, {}, 0, []);
}

describe("an intake of calls", () => {
  it("hands on a few at once and the others over the next turns, in their order", async () => {
    const intake = new CallIntake();
    const session = {};
    const handled: number[] = [];
    for (let number = 0; number < 200; number++) {
      offer(intake, fakeStream(session), () => handled.push(number));
    }
    const atOnce = handled.length;
    assert.ok(atOnce > 0 && atOnce < 100, `${atOnce} at once`);
    for (let turn = 0; turn < 20 && handled.length < 200; turn++) await nextTurn();
    assert.deepEqual(
      handled,
      Array.from({ length: 200 }, (_, number) => number),
    );
  });

  it("begins fewer in a turn where each takes long", async () => {
    const intake = new CallIntake();
    const session = {};
    const perTurn: number[] = [0];
    const work = () => {
      perTurn[perTurn.length - 1] = (perTurn.at(-1) ?? 0) + 1;
      // As decoding does, it comes after the stream was handed on, in the same turn.
      queueMicrotask(() => {
        const endMs = performance.now() + 2;
        while (performance.now() < endMs);
      });
    };
    for (let number = 0; number < 100; number++) offer(intake, fakeStream(session), work);
    const handled = () => perTurn.reduce((sum, count) => sum + count, 0);
    for (let turn = 0; turn < 200 && handled() < 100; turn++) {
      await nextTurn();
      perTurn.push(0);
    }
    assert.equal(handled(), 100);
    // Eight that arrive begin together; others begin until 5 ms are over, and the last of them takes longer.
    assert.ok(Math.max(...perTurn) <= 12, `handled in each turn: ${perTurn.join(" ")}`);
  });

  it("never hands on what was closed while it waited, and hears its error", async () => {
    const intake = new CallIntake();
    const session = {};
    const streams = Array.from({ length: 200 }, () => fakeStream(session));
    let handled = 0;
    for (const stream of streams) offer(intake, stream, () => handled++);
    const atOnce = handled;
    for (const stream of streams.slice(atOnce)) {
      stream.closed = true;
      stream.emit("error", new Error("reset"));
    }
    for (let turn = 0; turn < 20; turn++) await nextTurn();
    assert.equal(handled, atOnce);
  });

  it("resets streams with large headers that would have to wait beside many of their kind", async () => {
    const intake = new CallIntake();
    const session = {};
    const head = ["x-filler", "y".repeat(48 * 1024)];
    const codes: number[] = [];
    let handled = 0;
    const offerLarge = () => {
      const stream = Object.assign(fakeStream(session), {
        close(code: number) {
          stream.closed = true;
          codes.push(code);
        },
      });
      intake.spread(() => handled++)(stream as unknown as ServerHttp2Stream, {}, 0, head);
    };
    for (let number = 0; number < 1000; number++) offerLarge();
    assert.ok(codes.length > 800, `${codes.length} were reset`);
    assert.deepEqual(new Set(codes), new Set([constants.NGHTTP2_REFUSED_STREAM]));
    for (let turn = 0; turn < 20; turn++) await nextTurn();
    assert.equal(handled + codes.length, 1000);
    const before = codes.length;
    for (let number = 0; number < 80; number++) offerLarge();
    assert.equal(codes.length, before, "there is room again");
  });

  it("tells whoever it hands a stream on to of an end that came while it waited", async () => {
    const intake = new CallIntake();
    const session = {};
    const streams = Array.from({ length: 100 }, () =>
      Object.assign(fakeStream(session), { readableEnded: false }),
    );
    let ends = 0;
    for (const stream of streams) {
      offer(intake, stream, () => stream.on("end", () => ends++));
    }
    for (const stream of streams) {
      stream.readableEnded = true;
      stream.emit("end");
    }
    for (let turn = 0; turn < 20; turn++) await nextTurn();
    assert.equal(ends, 100);
  });

  it("hears the error of a stream whose connection failed as it was opened, and hands it on to nobody", () => {
    const intake = new CallIntake();
    for (let number = 0; number < 200; number++) {
      const stream = Object.assign(fakeStream(undefined), { destroyed: true });
      offer(intake, stream, () => assert.fail("it was handed on"));
      stream.emit("error", new Error("protocol error"));
    }
  });

  it("lets connections take turns", async () => {
    const intake = new CallIntake();
    const order: string[] = [];
    const flood = {};
    for (let number = 0; number < 1_000; number++) {
      offer(intake, fakeStream(flood), () => order.push("flood"));
    }
    offer(intake, fakeStream({}), () => order.push("other"));
    await nextTurn();
    assert.ok(order.includes("other"), "in the very next turn, which cannot hold the whole flood");
    assert.ok(order.length < 500);
    for (let turn = 0; turn < 100 && order.length < 1_001; turn++) await nextTurn();
    assert.equal(order.length, 1_001);
  });
});
