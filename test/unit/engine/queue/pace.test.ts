import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { QueuePace } from "../../../../src/engine/queue/pace.ts";

/** `count` departures of `size` requests each, `everyMs` apart, the first at `fromMs`. */
function depart(
  pace: QueuePace,
  {
    count,
    size = 1,
    everyMs,
    fromMs = 0,
  }: Record<"count" | "everyMs", number> & Partial<Record<"size" | "fromMs", number>>,
): void {
  for (let at = 0; at < count; at++) pace.noteDeparture(size, true, fromMs + at * everyMs);
}

describe("the pace of a queue", () => {
  it("is not known before two departures with others waiting between them", () => {
    const pace = new QueuePace();
    assert.equal(pace.msPerRequest, undefined);
    pace.noteDeparture(1, false, 0);
    pace.noteDeparture(1, true, 1000);
    assert.equal(pace.msPerRequest, undefined);
    pace.noteDeparture(1, true, 1004);
    assert.equal(pace.msPerRequest, 4);
  });

  it("counts requests, not departures", () => {
    const pace = new QueuePace();
    depart(pace, { count: 20, size: 8, everyMs: 32 });
    assert.equal(pace.msPerRequest, 4);
  });

  it("follows a change within some dozens of departures", () => {
    const pace = new QueuePace();
    depart(pace, { count: 50, everyMs: 2 });
    depart(pace, { count: 60, everyMs: 10, fromMs: 110 });
    assert.ok((pace.msPerRequest ?? 0) > 9, `${pace.msPerRequest}`);
  });

  it("makes little of one long stop, and nothing of a time in which nobody waited", () => {
    const pace = new QueuePace();
    depart(pace, { count: 50, everyMs: 2 });
    pace.noteDeparture(1, true, 60_000);
    assert.ok((pace.msPerRequest ?? 0) < 4, `${pace.msPerRequest}`);
    const before = pace.msPerRequest;
    pace.noteEmpty();
    pace.noteDeparture(1, true, 120_000);
    assert.equal(pace.msPerRequest, before);
  });
});
