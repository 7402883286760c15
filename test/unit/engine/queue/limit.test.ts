import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import { defaultRunSettings, type RunSettings } from "../../../../src/config/run-settings.ts";
import { QueueLimit } from "../../../../src/engine/queue/limit.ts";

/** The limit for a model whose requests leave one at a time, `everyMs` apart. */
function limitAt(t: TestContext, everyMs: number, settings: Partial<RunSettings> = {}): QueueLimit {
  let nowMs = 0;
  // Of two mocks of one method, the first would be left behind: they are restored in their order.
  t.mock.restoreAll();
  t.mock.method(performance, "now", () => nowMs);
  const limit = new QueueLimit({ ...defaultRunSettings, ...settings });
  for (let departures = 0; departures < 3; departures++) {
    limit.noteDeparture(1, true);
    nowMs += everyMs;
  }
  return limit;
}

/** So many may wait at most. */
function mostIn(limit: QueueLimit): number {
  let count = 0;
  while (count < 10_000 && limit.refusal(count) === undefined) count++;
  return count;
}

describe("the limit of a model's queue", () => {
  it("is its number as long as its pace is not known, and where it is fast", (t) => {
    assert.equal(mostIn(new QueueLimit(defaultRunSettings)), defaultRunSettings.maxQueueSize);
    assert.equal(mostIn(limitAt(t, 0.1)), defaultRunSettings.maxQueueSize);
    assert.equal(mostIn(limitAt(t, 0.1, { maxQueueSize: 5 })), 5);
  });

  it("is the time that they would wait, where that is less", (t) => {
    const limit = limitAt(t, 10);
    assert.equal(mostIn(limit), 201);
    assert.equal(
      limit.refusal(201)?.message,
      "201 inferences of this model are queued already, about 2010 ms of work; " +
        "beyond 64 of them the limit is 2000 ms",
    );
  });

  it("leaves room for a client with 64 requests under way, however slow the model is", (t) => {
    const limit = limitAt(t, 1_000);
    assert.equal(mostIn(limit), 64);
    assert.equal(limit.excess(64), undefined);
    assert.equal(limit.excess(65)?.kept, 64);
  });

  it("is strict where it was set", (t) => {
    const limit = limitAt(t, 1_000, { maxQueueWaitMs: 3_500 });
    assert.equal(mostIn(limit), 4);
    assert.equal(limit.excess(7), undefined);
    assert.equal(limit.excess(8)?.kept, 3);
    assert.equal(mostIn(limitAt(t, 10_000, { maxQueueWaitMs: 3_500 })), 2);
  });

  it("is none where it is 0", (t) => {
    const limit = limitAt(t, 1_000, { maxQueueWaitMs: 0, maxQueueSize: 0 });
    assert.equal(mostIn(limit), 10_000);
    assert.equal(limit.excess(10_000), undefined);
  });
});
