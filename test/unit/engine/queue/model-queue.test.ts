import assert from "node:assert/strict";
import { describe, it, mock, type TestContext } from "node:test";
import { RuntimeError } from "../../../../src/base/errors.ts";
import type { IndexedTensor } from "../../../../src/engine/wire/host-protocol.ts";
import { newModel, rows, valuesOf } from "../../../support/fakes/queued-model.ts";

describe("the queue of a model", () => {
  it("joins what waits while the host is busy, and gives everybody their own rows", async () => {
    const { infer, train, answer, sizes, nextTurn } = newModel();
    await train();
    const first = infer([1]);
    const others = [infer([2]), infer([3, 4]), infer([5])];
    nextTurn();
    assert.deepEqual(sizes(), [1, 4], "nobody waits for company");
    answer();
    answer();
    assert.deepEqual(await valuesOf(first), [1]);
    assert.deepEqual(await Promise.all(others.map(valuesOf)), [[2], [3, 4], [5]]);
  });

  it("keeps to the limit of rows, and runs bigger requests alone", async () => {
    const { infer, train, answer, sizes, nextTurn } = newModel({ maxBatchSize: 4 });
    await train();
    void infer([0]);
    for (const values of [[1, 1], [2], [3, 3], [4, 4, 4, 4, 4]]) void infer(values);
    nextTurn();
    assert.deepEqual(sizes(), [1, 3]);
    answer();
    assert.deepEqual(sizes(), [3, 2]);
    answer();
    assert.deepEqual(sizes(), [2, 5]);
  });

  it("joins nothing if nobody says that the model may, if it is set not to, or the request wants to be alone", async () => {
    for (const model of [newModel({}, { mayJoin: false }), newModel({ maxBatchSize: 1 })]) {
      await model.train();
      for (let value = 0; value < 5; value++) void model.infer([value]);
      model.nextTurn();
      assert.deepEqual(new Set(model.sizes()), new Set([1]));
    }
    const { infer, train, sizes, nextTurn } = newModel();
    await train();
    void infer([0]);
    void infer([1], { alone: true });
    void infer([2]);
    nextTurn();
    assert.deepEqual(sizes(), [1, 1, 1]);
  });

  it("joins only requests that ask for the same, and passes over the others", async () => {
    const { infer, train, answer, sent, nextTurn } = newModel();
    await train();
    void infer([0]);
    void infer([1]);
    void infer([2], { wanted: [1] });
    void infer([3]);
    nextTurn();
    answer();
    assert.deepEqual(
      sent.map(({ wanted, tensors }) => [wanted, tensors[0]?.parts.map(([value]) => value)]),
      [
        [[0], [1, 3]],
        [[1], [2]],
      ],
    );
  });

  it("drops cancelled requests from a batch before it is sent, and only their results after", async () => {
    const { infer, train, answer, sizes, nextTurn, host } = newModel();
    await train();
    const abort = new AbortController();
    void infer([0]);
    const kept = infer([1]);
    const dropped = infer([2], { signal: abort.signal });
    abort.abort(new Error("gone"));
    await assert.rejects(dropped, { message: "gone" });
    nextTurn();
    assert.deepEqual(sizes(), [1, 1]);
    const late = new AbortController();
    const lost = infer([3], { signal: late.signal });
    const beside = infer([4]);
    answer();
    assert.deepEqual(sizes(), [1, 2]);
    late.abort(new Error("late"));
    await assert.rejects(lost, { message: "late" });
    answer();
    assert.equal(host.front?.isWanted, true);
    answer();
    assert.deepEqual(await Promise.all([kept, beside].map(valuesOf)), [[1], [4]]);
  });

  it("runs a failed batch again one by one, so that only the bad request fails", async () => {
    const { infer, train, answer, fail, sizes, nextTurn } = newModel();
    await train();
    const first = infer([0]);
    const [good, bad, other] = [infer([1]), infer([2]), infer([3])];
    nextTurn();
    answer();
    assert.deepEqual(sizes(), [3]);
    fail(new RuntimeError("run-failed", "no row 2"));
    assert.deepEqual(sizes(), [1, 1]);
    answer();
    fail(new RuntimeError("run-failed", "no row 2"));
    answer();
    await assert.rejects(bad, { kind: "run-failed", message: "no row 2" });
    assert.deepEqual(await Promise.all([first, good, other].map(valuesOf)), [[0], [1], [3]]);
  });

  it("hands the loss of the host to every request of a batch", async () => {
    const { infer, train, answer, fail, sent, nextTurn } = newModel();
    await train();
    void infer([0]);
    const joined = [infer([1]), infer([2])];
    nextTurn();
    answer();
    fail(new RuntimeError("host-lost", "dead"));
    for (const result of joined) await assert.rejects(result, { kind: "host-lost" });
    assert.equal(sent.length, 0);
  });

  it("repeats what was joined if the outputs are not rows after all, and never joins again", async () => {
    const { infer, train, answer, sent, sizes, nextTurn } = newModel();
    await train();
    const results = [5, 6, 7].map((value) => infer([value]));
    nextTurn();
    assert.deepEqual(sizes(), [1, 2]);
    answer();
    answer(() => rows(1, 2, 3));
    assert.deepEqual(sizes(), [1, 1]);
    while (sent.length > 0) answer();
    assert.deepEqual(await Promise.all(results.map(valuesOf)), [[5], [6], [7]]);
    for (let value = 0; value < 10; value++) void infer([value]);
    nextTurn();
    assert.deepEqual(new Set(sizes()), new Set([1]));
  });

  it("never joins for a model that mixes its rows, which a rehearsal shows", async () => {
    // As a normalization over all rows would: every row less the first.
    const mix = (tensors: IndexedTensor[]) => {
      const values = [...(tensors[0]?.data ?? [])];
      return rows(...values.map((value) => (value - (values[0] ?? 0)) & 0xff));
    };
    const { infer, answer, sent, sizes, nextTurn, ends, compared } = newModel();
    const seen = new Set<number | undefined>();
    for (let round = 0; round < 20; round++) {
      const results = Array.from({ length: 20 }, () => infer([9]));
      while (sent.length > 0) {
        for (const size of sizes()) seen.add(size);
        answer(mix);
      }
      for (const result of results) assert.deepEqual(await valuesOf(result), [0]);
    }
    nextTurn();
    assert.deepEqual(seen, new Set([1, 2, 3, 8]), "the rehearsal, whose results nobody gets");
    assert.equal(ends.length, 1);
    assert.equal(ends[0]?.isWrong, true);
    assert.match(
      ends[0]?.reason ?? "",
      /^a joined run of \d rows differed from single runs in output 'y'$/,
    );
    assert.deepEqual(compared, { same: 0, different: 1 });
  });

  it("never joins for a model whose outputs are not rows", async () => {
    const { infer, answer, sent, sizes, nextTurn } = newModel();
    const sum = (tensors: IndexedTensor[]) =>
      rows([...(tensors[0]?.data ?? [])].reduce((a, b) => a + b));
    for (let round = 0; round < 4; round++) {
      void infer([1]);
      answer(sum);
    }
    const results = [5, 6, 7, 8].map((value) => infer([value]));
    while (sent.length > 0) answer(sum);
    assert.deepEqual(await Promise.all(results.map(valuesOf)), [[5], [6], [7], [8]]);
    for (let value = 0; value < 10; value++) void infer([value]);
    nextTurn();
    assert.deepEqual(new Set(sizes()), new Set([1]));
  });

  it("refuses requests over its limit with the figures, and takes more once there is room", async () => {
    const { infer, answer, sent } = newModel({ maxQueueSize: 2 });
    const taken = [infer([0]), infer([1]), infer([2])];
    await assert.rejects(infer([3]), {
      kind: "overloaded",
      message: "2 inferences of this model are queued already, its max_queue_size is 2",
    });
    answer();
    taken.push(infer([4]));
    while (sent.length > 0) answer();
    assert.deepEqual(await Promise.all(taken.map(valuesOf)), [[0], [1], [2], [4]]);
  });

  it("refuses at once what would wait too long, and sheds the last to come when that is seen", async (t) => {
    let nowMs = 0;
    t.mock.method(performance, "now", () => nowMs);
    const { infer, answer, sent, nextTurn } = newModel({ maxBatchSize: 0, maxQueueWaitMs: 100 });
    const early = Array.from({ length: 50 }, () => infer([0]));
    nextTurn();
    const outcomes = Promise.allSettled(early);
    nowMs += 10;
    answer();
    // 10 ms each: ten are kept, and one more is within the limit.
    const last = infer([1]);
    await assert.rejects(infer([1]), {
      kind: "overloaded",
      message:
        "11 inferences of this model are queued already, about 110 ms of work; " +
        "beyond 2 of them the limit is 100 ms",
    });
    while (sent.length > 0) {
      nowMs += 10;
      answer();
    }
    const refused = (await outcomes).filter(({ status }) => status === "rejected");
    assert.equal(refused.length, 50 - 3 - 10);
    assert.deepEqual(await valuesOf(last), [1]);
    const late = infer([2]);
    while (sent.length > 0) answer();
    assert.deepEqual(await valuesOf(late), [2]);
  });

  it("keeps requests back beyond its concurrency, the joined ones as well", async () => {
    const { infer, train, answer, sent, sizes, nextTurn } = newModel({ maxConcurrency: 3 });
    await train();
    const results = [0, 1, 2, 3, 4].map((value) => infer([value]));
    nextTurn();
    assert.deepEqual(sizes(), [1, 2]);
    answer();
    assert.deepEqual(sizes(), [2, 1]);
    while (sent.length > 0) answer();
    assert.deepEqual(await Promise.all(results.map(valuesOf)), [[0], [1], [2], [3], [4]]);
  });

  it("does not take a request whose signal has aborted already", async () => {
    const { infer, sent } = newModel();
    await assert.rejects(infer([1], { signal: AbortSignal.abort(new Error("gone")) }), {
      message: "gone",
    });
    assert.equal(sent.length, 0);
  });

  it("rejects what waits when it is cancelled, and leaves what the host has", async () => {
    const { queue, infer, answer } = newModel();
    const sent = infer([0]);
    const waiting = infer([1]);
    queue.cancel(new RuntimeError("aborted", "unloaded"));
    await assert.rejects(waiting, { kind: "aborted" });
    answer();
    assert.deepEqual(await valuesOf(sent), [0]);
  });

  it("leaves no listener on a signal that never aborts", async () => {
    const { queue, infer, answer, sent } = newModel();
    const { signal } = new AbortController();
    const add = mock.method(signal, "addEventListener");
    const remove = mock.method(signal, "removeEventListener");
    const done = infer([0], { signal });
    void infer([1], { signal });
    queue.cancel(new RuntimeError("aborted", "unloaded"));
    while (sent.length > 0) answer();
    await done;
    assert.equal(add.mock.callCount(), 2);
    assert.equal(remove.mock.callCount(), 2);
  });
});

describe("the clock of a model's queue", () => {
  function startClock(t: TestContext): (ms: number) => void {
    let nowMs = 1_000;
    t.mock.timers.enable({ apis: ["setTimeout"] });
    t.mock.method(performance, "now", () => nowMs);
    return (ms) => {
      nowMs += ms;
      t.mock.timers.tick(ms);
    };
  }

  it("refuses a request that has waited for too long, and no other", async (t) => {
    const pass = startClock(t);
    const { infer, answer, sizes, nextTurn } = newModel({
      queueTimeoutMicroseconds: 5_000,
      maxBatchSize: 1,
    });
    const first = infer([0]);
    void infer([1]);
    nextTurn();
    const old = infer([2]);
    pass(3);
    const young = infer([3]);
    pass(2);
    await assert.rejects(old, {
      kind: "overloaded",
      message: "the inference waited 5 ms for its turn, the model's limit is 5 ms",
    });
    answer();
    assert.deepEqual(await valuesOf(first), [0]);
    assert.equal(sizes().length, 2, "those in the host have not waited, and the young one follows");
    pass(3);
    answer();
    answer();
    assert.deepEqual(await valuesOf(young), [3]);
  });

  it("holds a request back for others only as long as it is told", async (t) => {
    const pass = startClock(t);
    const { infer, train, answer, sizes, nextTurn } = newModel({
      maxQueueDelayMicroseconds: 2_000,
      maxBatchSize: 4,
    });
    // While it is not known to gain anything, nothing is held back.
    void infer([9]);
    assert.deepEqual(sizes(), [1]);
    answer();
    await train(() => pass(2));
    void infer([0]);
    pass(1);
    void infer([1]);
    assert.deepEqual(sizes(), []);
    pass(1);
    assert.deepEqual(sizes(), [2]);
    for (const value of [2, 3, 4, 5]) void infer([value]);
    nextTurn();
    assert.deepEqual(sizes(), [2, 4], "a full batch does not wait");
  });
});
