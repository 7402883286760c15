import assert from "node:assert/strict";
import { describe, it, mock, type TestContext } from "node:test";
import { RuntimeError } from "../../../../src/base/errors.ts";
import type { TensorSpec } from "../../../../src/base/tensor.ts";
import type { RunSettings } from "../../../../src/config/run-settings.ts";
import type { RunTable } from "../../../../src/engine/contract/run-table.ts";
import { RunAdmission } from "../../../../src/engine/run-memory/admission.ts";
import { RunBudget } from "../../../../src/engine/run-memory/budget.ts";
import { ModelRuns } from "../../../../src/engine/run-memory/model-runs.ts";
import { newModel, valuesOf } from "../../../support/fakes/queued-model.ts";

const MiB = 1024 * 1024;
const inputs: readonly TensorSpec[] = [{ name: "x", datatype: "UINT8", shape: [-1, 1] }];

/** Its runs take 8 MiB a row, and are let take 10, and 1 besides. */
const table: RunTable = {
  rows: [1, 64],
  rowInputs: ["x"],
  axes: [],
  bytes: [8 * MiB, 512 * MiB],
};

/** Models in hosts of their own, which share a budget. */
function newHosts(totalMiB: number) {
  const budget = new RunBudget({ totalBytes: totalMiB * MiB, now: () => 0 });
  const allowed: number[] = [];
  const add = (
    changes: Partial<RunSettings> = {},
    {
      usual = { rows: 1, bytes: (8 * MiB) as number | undefined },
      tabulate = async (): Promise<RunTable | undefined> => table,
      allow = (_: number): Promise<void> | undefined => undefined,
    } = {},
  ) => {
    const runs = new ModelRuns(usual, tabulate);
    const share = budget.share();
    const model = newModel(changes, {
      cheapRows: 1,
      admission: (onRoom) =>
        new RunAdmission({
          share,
          runs,
          inputs,
          onRoom,
          keptOf: () => 0,
          allow: (bytes) => {
            allowed.push(bytes / MiB);
            return allow(bytes);
          },
        }),
    });
    return { ...model, runs, share };
  };
  return { budget, add, allowed };
}

function values(count: number): number[] {
  return Array.from({ length: count }, (_, at) => at);
}

async function turn(): Promise<void> {
  await new Promise(setImmediate);
}

describe("the admission of runs", () => {
  it("joins no more requests than there is memory for", async () => {
    const { add } = newHosts(45);
    const { infer, train, answer, sizes, nextTurn, runs } = add({ maxBatchSize: 32 });
    await runs.prepare();
    await train();
    const first = infer([0]);
    const others = values(9).map((value) => infer([value]));
    nextTurn();
    const seen: (number | undefined)[] = [];
    while (sizes().length > 0) {
      seen.push(sizes()[0]);
      answer();
    }
    assert.deepEqual(seen, [1, 4, 4, 1]);
    assert.deepEqual(await valuesOf(first), [0]);
    assert.deepEqual(
      await Promise.all(others.map(valuesOf)),
      values(9).map((value) => [value]),
    );
  });

  it("makes the table for joined requests, too, where each by itself is as the load's runs", async () => {
    const { add } = newHosts(1000);
    const { infer, train, answer, sizes, nextTurn } = add(
      { maxBatchSize: 32 },
      { usual: { rows: 3, bytes: 24 * MiB } },
    );
    await train();
    await turn();
    void infer([0]);
    for (const value of values(9)) void infer([value]);
    nextTurn();
    answer();
    assert.deepEqual(sizes(), [9]);
  });

  it("lets a run wait for those in other hosts, and small ones pass", async () => {
    const { add, budget } = newHosts(50);
    const [one, two, tiny] = [add(), add(), add({}, { usual: { rows: 64, bytes: 1000 } })];
    await Promise.all([one.runs.prepare(), two.runs.prepare()]);
    void one.infer(values(4));
    const waits = two.infer(values(2));
    void tiny.infer(values(5));
    assert.deepEqual(
      [one, two, tiny].map(({ sent }) => sent.length),
      [1, 0, 1],
    );
    assert.deepEqual([budget.waitingCount, Math.round(budget.admittedBytes / MiB)], [1, 41]);
    one.answer();
    assert.equal(two.sent.length, 1);
    two.answer();
    assert.deepEqual(await valuesOf(waits), [0, 1]);
    assert.deepEqual([budget.waitingCount, budget.admittedBytes], [0, 0]);
  });

  it("refuses at once, with its figures, what can never fit", async () => {
    const { add, budget } = newHosts(50);
    const { infer, runs, sent } = add();
    await runs.prepare();
    await assert.rejects(infer(values(7)), {
      kind: "over-budget",
      message:
        "a run of these shapes needs about 72 MiB, and all runs together may take 50 MiB: " +
        "send smaller inputs or raise RUN_MEMORY_BYTES",
    });
    assert.equal(sent.length, 0);
    assert.equal(budget.refusedCount, 1);
    void infer(values(5));
    assert.equal(sent.length, 1, "what is only just too much is tried, with all that there is");
    assert.equal(budget.admittedBytes, 50 * MiB);
  });

  it("gives up a run that waits when its caller leaves, and lets the next one go", async () => {
    const { add, budget } = newHosts(50);
    const [one, two] = [add(), add()];
    await Promise.all([one.runs.prepare(), two.runs.prepare()]);
    void one.infer(values(3));
    const abort = new AbortController();
    const left = two.infer(values(4), { signal: abort.signal });
    const next = two.infer(values(1));
    assert.equal(two.sent.length, 0);
    abort.abort(new Error("gone"));
    await assert.rejects(left, { message: "gone" });
    assert.deepEqual(two.sizes(), [1]);
    two.answer();
    assert.deepEqual(await valuesOf(next), [0]);
    assert.equal(budget.waitingCount, 0);
  });

  it("keeps to the limit of the time that a request may wait", async (t: TestContext) => {
    mock.timers.enable({ apis: ["setTimeout"] });
    t.after(() => mock.timers.reset());
    const { add, budget } = newHosts(50);
    const [one, two] = [add(), add({ queueTimeoutMicroseconds: 5_000 })];
    void one.infer(values(1));
    void one.infer(values(1));
    const held = budget.share().take({ runBytes: 38 * MiB, inputBytes: 0 }, undefined);
    assert.ok(held);
    const waits = two.infer(values(1));
    const late = performance.now() + 5;
    while (performance.now() <= late);
    mock.timers.tick(5);
    await assert.rejects(waits, { kind: "overloaded", message: /waited/ });
    assert.equal(budget.waitingCount, 0);
  });

  it("waits for the table where the shapes ask for one, and for the host to be let take so much", async () => {
    const { add, allowed } = newHosts(200);
    const made = Promise.withResolvers<RunTable>();
    const raised = Promise.withResolvers<void>();
    const caps = [raised.promise, undefined];
    const { infer, sent } = add({}, { tabulate: () => made.promise, allow: () => caps.shift() });
    const result = infer(values(10));
    assert.equal(sent.length, 0);
    made.resolve(table);
    await turn();
    assert.equal(sent.length, 0);
    raised.resolve();
    await turn();
    assert.deepEqual(allowed.map(Math.round), [101, 101]);
    assert.equal(sent[0]?.isMeasured, true);
    sent.shift()?.receiver.reject(new RuntimeError("run-failed", "no"));
    await assert.rejects(result, { kind: "run-failed" });
  });

  it("tries a run that failed for want of memory once more, with all that there is", async () => {
    const { add, budget } = newHosts(50);
    const { infer, fail, sent, answer, runs } = add();
    await runs.prepare();
    const result = infer(values(2));
    fail(
      new RuntimeError("over-budget", "the run needs more memory than its engine host may take"),
    );
    assert.equal(sent.length, 1);
    assert.equal(budget.admittedBytes, 50 * MiB);
    answer(undefined, 0.1, 40 * MiB);
    assert.deepEqual(await valuesOf(result), [0, 1]);
    void infer(values(2));
    assert.equal(budget.admittedBytes, 50 * MiB, "learnt: 2.5 times what the shapes said");
  });

  it("refuses what failed with all that there is", async () => {
    const { add } = newHosts(50);
    const { infer, fail, sent, runs } = add();
    await runs.prepare();
    const result = infer(values(4));
    fail(new RuntimeError("over-budget", "too little"));
    fail(new RuntimeError("over-budget", "still too little"));
    await assert.rejects(result, { message: "still too little" });
    await assert.rejects(infer(values(4)), { message: /needs about/ });
    void infer(values(3));
    assert.equal(sent.length, 1);
  });

  it("does not refuse others for a small run that failed with all that there is, whose host is told to give back memory", async () => {
    const { add } = newHosts(200);
    const { infer, fail, answer, share, runs } = add();
    await runs.prepare();
    let presses = 0;
    share.onPressure = () => presses++;
    const result = infer(values(2));
    fail(new RuntimeError("over-budget", "too little"));
    assert.equal(presses, 1, "before the second attempt");
    fail(new RuntimeError("over-budget", "still too little"));
    await assert.rejects(result, { message: "still too little" });
    const next = infer(values(4));
    answer();
    assert.deepEqual(await valuesOf(next), values(4));
  });

  it("tries with all that there is what earlier runs alone speak against", async () => {
    const { add, budget } = newHosts(100);
    const { infer, answer, runs } = add();
    await runs.prepare();
    const greedy = infer(values(1));
    answer(undefined, 0.1, 80 * MiB);
    await valuesOf(greedy);
    const next = infer(values(6));
    assert.equal(budget.admittedBytes, 100 * MiB, "750 MiB, if all runs are like that one");
    answer(undefined, 0.1, 50 * MiB);
    assert.deepEqual(await valuesOf(next), values(6));
  });

  it("has the memory back of runs whose host is gone", async () => {
    const { add, budget } = newHosts(50);
    const [one, two] = [add(), add()];
    await Promise.all([one.runs.prepare(), two.runs.prepare()]);
    const lost = one.infer(values(4));
    void two.infer(values(4));
    one.share.close();
    assert.equal(two.sent.length, 1);
    one.fail(new RuntimeError("host-lost", "dead"));
    await assert.rejects(lost, { kind: "host-lost" });
    assert.equal(Math.round(budget.admittedBytes / MiB), 41);
  });
});
