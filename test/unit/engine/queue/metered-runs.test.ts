import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { newModel } from "../../../support/fakes/queued-model.ts";

describe("what a model's queue meters", () => {
  it("is each run with its requests and rows, once", async () => {
    const { infer, answer, metered, sent, train } = newModel({}, { isBuilt: true });
    await train();
    metered.runs.length = 0;
    const results = Array.from({ length: 70 }, (_, at) => infer(at < 10 ? [1, 2] : [1]));
    while (sent.length > 0) answer();
    await Promise.all(results);
    const sum = (of: (run: (typeof metered.runs)[number]) => number) =>
      metered.runs.reduce((total, run) => total + of(run), 0);
    assert.ok(metered.runs.length < 70, "none were joined");
    assert.equal(
      sum(({ requests }) => requests),
      70,
    );
    assert.equal(
      sum(({ awaited }) => awaited),
      70,
    );
    assert.equal(
      sum(({ rows }) => rows),
      80,
    );
    assert.equal(
      sum(({ awaitedRows }) => awaitedRows),
      80,
    );
  });

  it("tells requests that no client waits for any more", async () => {
    const { infer, answer, metered, nextTurn } = newModel();
    const leaving = new AbortController();
    const left = infer([1, 2, 3], { signal: leaving.signal });
    nextTurn();
    leaving.abort(new Error("left"));
    await assert.rejects(left, /left/);
    answer();
    assert.deepEqual(
      metered.answered.map(({ isAwaited }) => isAwaited),
      [false],
    );
    const [run] = metered.runs;
    assert.deepEqual([run?.requests, run?.awaited, run?.rows, run?.awaitedRows], [1, 0, 3, 0]);
  });

  it("counts a request as one where requests are not rows, and by its first dimension where it is alone", async () => {
    const apart = newModel({}, { mayJoin: false });
    const one = apart.infer([1, 2, 3]);
    apart.nextTurn();
    apart.answer();
    await one;
    assert.equal(apart.metered.runs[0]?.rows, 1);
    const together = newModel();
    const alone = together.infer([1, 2, 3], { alone: true });
    together.nextTurn();
    together.answer();
    await alone;
    assert.equal(together.metered.runs[0]?.rows, 3);
  });
});
