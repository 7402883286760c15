import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { newModel, valuesOf } from "../../../support/fakes/queued-model.ts";

/** One byte a row. */
const byBytes = { joinedBytes: 5, isBuilt: true };

describe("requests that are joined by their bytes", () => {
  it("share a run from the first one on, up to the bytes that it may have", async () => {
    const { infer, answer, sizes, nextTurn, compared } = newModel({}, byBytes);
    const first = infer([1]);
    const others = [infer([2]), infer([3, 4]), infer([5, 6]), infer([7])];
    nextTurn();
    assert.deepEqual(sizes(), [1, 5], "no rehearsal, and nothing is tried");
    answer();
    answer();
    assert.deepEqual(await valuesOf(first), [1]);
    assert.deepEqual(await Promise.all(others.slice(0, 3).map(valuesOf)), [[2], [3, 4], [5, 6]]);
    answer();
    assert.deepEqual(await valuesOf(others[3] as (typeof others)[0]), [7]);
    assert.deepEqual(compared, { same: 0, different: 0 });
  });

  it("run alone where they have more bytes, and are not held up by smaller ones", async () => {
    const { infer, answer, sizes, nextTurn } = newModel({}, byBytes);
    void infer([0]);
    void infer([1, 1, 1, 1, 1, 1]);
    void infer([2]);
    void infer([3]);
    nextTurn();
    assert.deepEqual(sizes(), [1, 6]);
    answer();
    assert.deepEqual(sizes(), [6, 2]);
  });

  it("keep to the limit of rows too, and to a limit of one", () => {
    const model = newModel({ maxBatchSize: 2 }, byBytes);
    for (const value of [0, 1, 2, 3]) void model.infer([value]);
    model.nextTurn();
    assert.deepEqual(model.sizes(), [1, 2]);
    const single = newModel({ maxBatchSize: 1 }, { ...byBytes, mayJoin: false });
    for (const value of [0, 1, 2]) void single.infer([value]);
    single.nextTurn();
    assert.deepEqual(single.sizes(), [1, 1]);
  });

  it("leave the run that waits for them when they are cancelled", async () => {
    const { infer, answer, sizes, nextTurn } = newModel({}, byBytes);
    const leaving = new AbortController();
    void infer([0]);
    void infer([1]);
    void infer([2]);
    const left = infer([3], { signal: leaving.signal });
    leaving.abort(new Error("left"));
    nextTurn();
    await assert.rejects(left, { message: "left" });
    answer();
    assert.deepEqual(sizes(), [2]);
  });

  it("are rehearsed first where the graph was not made here", async () => {
    const { infer, train, sizes, answer, nextTurn } = newModel({}, { joinedBytes: 5 });
    await train();
    void infer([0]);
    for (const value of [1, 2, 3, 4, 5, 6]) void infer([value]);
    nextTurn();
    answer();
    assert.deepEqual(sizes(), [5, 1]);
  });
});
