import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { RuntimeError } from "../../../../src/base/errors.ts";
import type { FeedUpdate, ModelRow } from "../../../../src/service/contract/runtime-feed.ts";
import { watchFixture } from "../../../support/fakes/watch-fixture.ts";

const states = (row: ModelRow | undefined) => row?.history.map(({ state }) => state);
const kinds = ({ events }: FeedUpdate) => events.map(({ kind }) => kind);
const rowOf = ({ rows }: FeedUpdate, name: string) => rows.find((row) => row.name === name);

describe("the row of a model", () => {
  it("follows a load: its states, bytes, host and time", () => {
    const { watch, add, finishLoad } = watchFixture();
    const record = add("m");
    const queued = rowOf(watch.snapshot(), "m");
    assert.deepEqual(states(queued), ["queued"]);
    assert.deepEqual([queued?.predictedBytes, queued?.heldBytes, queued?.loadMs], [0, 0, 0]);
    assert.equal(queued?.hostPid, undefined);
    finishLoad(record, 77);
    const row = rowOf(watch.snapshot(), "m");
    assert.deepEqual(states(row), ["queued", "loading", "ready"]);
    assert.deepEqual([row?.predictedBytes, row?.reportedBytes, row?.heldBytes], [100, 77, 77]);
    assert.deepEqual([row?.type, row?.path, row?.format], ["mt:onnx", "m.onnx", "onnx"]);
    assert.deepEqual([row?.loads, row?.loadFailures, row?.hostPid], [1, 0, 1]);
    assert.ok((row?.loadMs ?? 0) >= 1);
  });

  it("says whether requests are joined, and that they are no longer, without a step in the model's life", (t) => {
    let nowMs = 1_000;
    t.mock.method(performance, "now", () => nowMs);
    const { watch, add, finishLoad } = watchFixture();
    const record = add("m");
    assert.equal(rowOf(watch.snapshot(), "m")?.joining, undefined);
    const model = finishLoad(record);
    const joining = (state: "proven" | "off") => ({ state, reason: `it is ${state}` });
    model.joining = joining("proven");
    nowMs += 1_000;
    assert.deepEqual(rowOf(watch.snapshot(), "m")?.joining, joining("proven"));
    model.joining = joining("off");
    nowMs += 1_000;
    const { rows, revision } = watch.snapshot();
    assert.deepEqual(rows[0]?.joining, joining("off"));
    record.loseHost(new RuntimeError("host-lost", "the host died (SIGKILL)"));
    assert.deepEqual(watch.since(revision)?.rows[0]?.joining, joining("off"), "as it was last");
  });

  it("goes when the model is unloaded, which is an event", () => {
    const { watch, add, finishLoad, unload } = watchFixture();
    const record = add("m");
    finishLoad(record);
    const before = watch.snapshot();
    assert.deepEqual(kinds(before), ["model-loaded"]);
    unload(record);
    const update = watch.since(before.revision);
    assert.deepEqual(update?.rows, []);
    assert.deepEqual(update?.removed, [record.generation]);
    assert.deepEqual(
      update?.events.map(({ kind, model }) => [kind, model]),
      [["model-unloaded", { name: "m", version: "", generation: record.generation }]],
    );
    assert.deepEqual(watch.snapshot().rows, []);
  });

  it("tells of a lost host why, and of the recovery", () => {
    const { watch, add, finishLoad } = watchFixture();
    const record = add("m");
    finishLoad(record);
    record.loseHost(new RuntimeError("host-lost", "the host died (SIGKILL)"));
    const lost = watch.snapshot();
    assert.equal(rowOf(lost, "m")?.history.at(-1)?.reason, "the host died (SIGKILL)");
    assert.equal(lost.events.at(-1)?.reason, "the host died (SIGKILL)");
    assert.equal(rowOf(lost, "m")?.hostPid, undefined);
    finishLoad(record);
    const { events, rows } = watch.snapshot();
    assert.deepEqual(kinds({ events } as FeedUpdate), [
      "model-loaded",
      "host-lost",
      "model-recovered",
    ]);
    assert.deepEqual(states(rows[0]), ["queued", "loading", "ready", "reloading", "ready"]);
    assert.equal(rows[0]?.loads, 1, "a recovery is no load");
  });

  it("of a failed load stays, with the reason, until the next load of the same id", () => {
    const { watch, add, finishLoad, fail } = watchFixture();
    const record = add("m");
    record.source = {
      format: "onnx",
      file: "/m.onnx",
      identity: "m",
      filesIdentity: "m",
      diskBytes: 1,
      estimatedBytes: 100,
      plausibleBytes: 100,
      leastBytes: 100,
      isClear: true,
    };
    record.reserve(100);
    fail(record, new RuntimeError("load-failed", "no such operator"));
    const failed = watch.snapshot();
    assert.deepEqual(states(failed.rows[0]), ["queued", "loading", "failed"]);
    assert.equal(failed.rows[0]?.history.at(-1)?.reason, "no such operator");
    assert.equal(failed.rows[0]?.heldBytes, 0);
    assert.deepEqual(kinds(failed), ["load-failed"]);
    const next = add("m");
    assert.deepEqual(watch.since(failed.revision)?.removed, [record.generation]);
    finishLoad(next);
    const row = rowOf(watch.snapshot(), "m");
    assert.deepEqual([row?.generation, row?.loads, row?.loadFailures], [next.generation, 1, 1]);
  });

  it("of a load that was refused or whose time ran out stays as well", () => {
    const { watch, registry, add, fail } = watchFixture();
    fail(add("big"), new RuntimeError("over-budget", "needs more than there is"));
    const slow = add("slow");
    slow.source = {
      format: "onnx",
      file: "/slow.onnx",
      identity: "slow",
      filesIdentity: "slow",
      diskBytes: 1,
      estimatedBytes: 100,
      plausibleBytes: 100,
      leastBytes: 100,
      isClear: true,
    };
    slow.reserve(100);
    slow.startUnloading(100, new RuntimeError("deadline-exceeded", "not loaded in time"));
    registry.remove(slow);
    const update = watch.snapshot();
    assert.deepEqual(kinds(update), ["load-refused", "load-failed"]);
    assert.deepEqual(states(rowOf(update, "slow")), ["queued", "loading", "unloading", "failed"]);
    assert.equal(rowOf(update, "slow")?.heldBytes, 0);
    assert.equal(rowOf(update, "slow")?.history.at(-1)?.reason, "not loaded in time");
  });

  it("of a load that was given up goes at once, and counts as no failure", () => {
    const { watch, add, fail, finishLoad } = watchFixture();
    fail(add("m"), new RuntimeError("cancelled", "cancelled by its caller"));
    assert.deepEqual(kinds(watch.snapshot()), ["load-cancelled"]);
    assert.deepEqual(watch.snapshot().rows, []);
    finishLoad(add("m"));
    assert.equal(rowOf(watch.snapshot(), "m")?.loadFailures, 0);
  });

  it("is kept for a hundred failures, and not for more", () => {
    const { watch, add, fail } = watchFixture();
    for (let at = 0; at < 130; at++) fail(add(`m${at}`), new RuntimeError("load-failed", "no"));
    const { rows } = watch.snapshot();
    assert.deepEqual([rows.length, rows[0]?.name, rows.at(-1)?.name], [100, "m30", "m129"]);
  });

  it("says no more than the last twenty states", () => {
    const { watch, add, finishLoad } = watchFixture();
    const record = add("m");
    finishLoad(record);
    for (let at = 0; at < 30; at++) {
      record.loseHost(new RuntimeError("host-lost", "the host died"));
      finishLoad(record);
    }
    assert.equal(rowOf(watch.snapshot(), "m")?.history.length, 20);
  });
});

describe("the figures", () => {
  it("of the runtime add up, and count connections and watchers", () => {
    const { watch, add, finishLoad } = watchFixture();
    watch.countConnections(() => 3);
    finishLoad(add("a"), 400);
    const loading = add("b");
    loading.reserve(300);
    const stop = watch.watch();
    const { runtime } = watch.snapshot();
    assert.deepEqual(
      [runtime?.capacityBytes, runtime?.usedBytes, runtime?.reservedBytes],
      [1_000_000, 400, 300],
    );
    assert.deepEqual([runtime?.connections, runtime?.watchers], [3, 1]);
    assert.equal(runtime?.hosts[0]?.pid, 7);
    assert.equal(runtime?.versions.node, process.versions.node);
    assert.match(runtime?.versions.engine ?? "", /^onnxruntime \d+\.\d+\.\d+$/);
    stop();
    stop();
    assert.equal(watch.snapshot().runtime?.watchers, 0);
  });

  it("of models and of all together count what is measured", async () => {
    const { watch, add, finishLoad } = watchFixture();
    const record = add("m");
    finishLoad(record);
    const release = record.leases.acquire();
    record.statistics.noteSuccess(1);
    record.statistics.noteFailure(1, new RuntimeError("invalid-argument", "no such input"), false);
    record.statistics.noteFailure(1, new RuntimeError("run-failed", "no"), false);
    const stop = watch.watch();
    const { runtime, rows } = watch.snapshot();
    stop();
    release();
    for (const traffic of [runtime?.traffic, rows[0]?.traffic]) {
      assert.deepEqual([traffic?.succeededTotal, traffic?.failedTotal], [1, 1]);
      assert.ok(traffic?.latency !== undefined);
    }
    assert.equal(rows[0]?.leases, 1);
  });

  it("come anew while somebody watches, with the delay of the event loop", async () => {
    const { watch } = watchFixture();
    const stop = watch.watch();
    const before = watch.snapshot();
    assert.equal(before.runtime?.loopDelay, undefined);
    await watch.nextChange();
    const update = watch.since(before.revision);
    stop();
    assert.deepEqual([update?.rows, update?.events], [[], []]);
    assert.ok((update?.runtime?.timeMs ?? 0) > (before.runtime?.timeMs ?? 0));
    const { p50Ms = -1, p99Ms = -1, maxMs = -1 } = update?.runtime?.loopDelay ?? {};
    assert.ok(p50Ms >= 0 && p99Ms >= p50Ms && maxMs >= p99Ms);
  });
});

describe("what watchers of the same revision are told", () => {
  it("is one object", () => {
    const { watch, add } = watchFixture();
    // Without a watcher figures are taken anew for each snapshot, if not at every moment.
    const stop = watch.watch();
    const { revision } = watch.snapshot();
    add("m");
    const update = watch.since(revision);
    assert.equal(update?.rows.length, 1);
    assert.equal(watch.since(revision), update);
    assert.equal(watch.snapshot(), watch.snapshot());
    stop();
  });

  it("has the events of the runtime itself, numbered without a gap", () => {
    const { watch, add, finishLoad } = watchFixture();
    watch.note("runtime-ready");
    finishLoad(add("m"));
    watch.note("modelmesh-took-over");
    const update = watch.snapshot();
    assert.deepEqual(kinds(update), ["runtime-ready", "model-loaded", "modelmesh-took-over"]);
    assert.deepEqual(
      update.events.map(({ number }) => number),
      [1, 2, 3],
    );
  });

  it("is a snapshot after more events than are kept", () => {
    const { watch } = watchFixture();
    const { revision } = watch.snapshot();
    watch.note("runtime-ready");
    assert.equal(watch.since(revision)?.events.length, 1);
    for (let at = 0; at < 1_000; at++) watch.note("runtime-ready");
    assert.equal(watch.since(revision), undefined);
    assert.equal(watch.snapshot().events.length, 1_000);
  });
});
