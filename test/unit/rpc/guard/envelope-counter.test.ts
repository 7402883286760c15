import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { EnvelopeCounter } from "../../../../src/rpc/guard/envelope-counter.ts";
import { grpcFrame } from "../../../support/clients/raw-http.ts";

describe("a counter of the messages of a stream", () => {
  const messages = [0, 1, 300, 3_000].map((size) => grpcFrame(Buffer.alloc(size, 0xff)));
  const body = Buffer.concat(messages);

  it("holds nothing between messages, in whatever pieces they come", () => {
    for (const pieceBytes of [1, 3, 5, 6, 1_000, body.length]) {
      const counter = new EnvelopeCounter();
      const ends = new Set<number>();
      let end = 0;
      for (const { length } of messages) {
        end += length;
        ends.add(end);
      }
      for (let at = 0; at < body.length; at += pieceBytes) {
        counter.push(body.subarray(at, at + pieceBytes));
        const seen = Math.min(at + pieceBytes, body.length);
        const start = Math.max(0, ...[...ends].filter((each) => each <= seen));
        assert.equal(counter.heldBytes, seen - start, `${seen} bytes, ${pieceBytes} at a time`);
      }
    }
  });

  it("believes heads of any size, and counts only what has come", () => {
    const counter = new EnvelopeCounter();
    counter.push(Buffer.from([0, 0xff, 0xff, 0xff, 0xff, 1, 2, 3]));
    assert.equal(counter.heldBytes, 8);
  });
});
