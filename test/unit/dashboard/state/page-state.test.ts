import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import {
  ModelState,
  type ModelStatusSchema,
  WatchResponseSchema,
} from "../../../../gen/modelport/v1/runtime_watch_pb.ts";
import { formatMs, formatRate } from "../../../../src/dashboard/page-figures.ts";
import { backoffMs } from "../../../../src/dashboard/state/backoff.ts";
import { modelRows, selectRows } from "../../../../src/dashboard/state/model-rows.ts";
import { modelHref, readRoute } from "../../../../src/dashboard/state/route.ts";
import { RuntimeStore } from "../../../../src/dashboard/state/runtime-store.ts";

type Status = MessageInitShape<typeof ModelStatusSchema>;

const message = (update: MessageInitShape<typeof WatchResponseSchema>["update"]) =>
  create(WatchResponseSchema, { update: update ?? { case: undefined } });
const snapshot = (models: Status[], runtime = { startedMs: 1n, timeMs: 1000n }) =>
  message({ case: "snapshot", value: { models, runtime } });
const row = (generation: bigint, id: string, more: Status = {}): Status => ({
  generation,
  id,
  state: ModelState.READY,
  ...more,
});
const traffic = (requestsPerSecond: number) => ({ requestsPerSecond, succeededTotal: 1n });

describe("the page's copy of the runtime", () => {
  it("applies changes to the snapshot, in their order", () => {
    const store = new RuntimeStore();
    store.apply(snapshot([row(1n, "a"), row(2n, "b")]));
    const changed = {
      models: [row(2n, "b", { leases: 3 }), row(3n, "c")],
      removedGenerations: [1n],
    };
    store.apply(message({ case: "delta", value: changed }));
    assert.deepEqual(
      store.models.value.map(({ id, leases }) => [id, leases]),
      [
        ["b", 3],
        ["c", 0],
      ],
    );
    store.apply(snapshot([row(9n, "z")]));
    assert.deepEqual(
      store.models.value.map(({ id }) => id),
      ["z"],
    );
  });

  it("keeps the latest events, newest first", () => {
    const store = new RuntimeStore();
    store.apply(message({ case: "snapshot", value: { events: [{ number: 1n }, { number: 2n }] } }));
    const events = Array.from({ length: 1500 }, (_, index) => ({ number: BigInt(index + 3) }));
    store.apply(message({ case: "delta", value: { events } }));
    assert.equal(store.events.value.length, 1000);
    assert.equal(store.events.value[0]?.number, 1502n);
  });

  it("remembers traffic of the same run of the server only", () => {
    const store = new RuntimeStore();
    const run = (startedMs: bigint, timeMs: bigint, rate: number) =>
      store.apply(snapshot([row(1n, "a", { traffic: traffic(rate) })], { startedMs, timeMs }));
    run(1n, 1000n, 5);
    run(1n, 2000n, 7);
    run(1n, 2000n, 99);
    assert.deepEqual(store.history.series(1n).requestsPerSecond, [5, 7]);
    assert.deepEqual(store.history.series(2n).p99, [null, null]);
    run(2n, 3000n, 1);
    assert.deepEqual(store.history.series(1n).requestsPerSecond, [1]);
  });

  it("lines up the figures of a model that came later with the time of all", () => {
    const store = new RuntimeStore();
    for (let second = 1; second <= 200; second++) {
      const models = second < 195 ? [] : [row(1n, "a", { traffic: traffic(second) })];
      store.apply(snapshot(models, { startedMs: 1n, timeMs: BigInt(second * 1000) }));
    }
    const { times, requestsPerSecond } = store.history.series(1n);
    assert.equal(times.length, 180);
    assert.deepEqual(requestsPerSecond.slice(-7), [0, 195, 196, 197, 198, 199, 200]);
    assert.equal(requestsPerSecond.length, 180);
  });
});

describe("rows of the table", () => {
  const store = new RuntimeStore();
  store.apply(
    snapshot([
      row(1n, "model-10", { heldBytes: 5n, traffic: traffic(1) }),
      row(2n, "model-9", { heldBytes: 7n, version: "2" }),
      row(3n, "gone", { state: ModelState.FAILED, reason: "no memory" }),
    ]),
  );
  const rows = modelRows(store.models.value, [
    { id: "gone", version: "", reason: "not loaded" },
    { id: "shelved", version: "1", reason: "not loaded" },
  ]);
  const names = (
    filter: string,
    key: Parameters<typeof selectRows>[2]["key"],
    descending = false,
  ) => selectRows(rows, filter, { key, descending }).map(({ id }) => id);

  it("are all generations, and what the repository has beside them", () => {
    assert.deepEqual(
      rows.map(({ id, state, reason }) => [id, state, reason]),
      [
        ["model-10", "ready", ""],
        ["model-9", "ready", ""],
        ["gone", "failed", "no memory"],
        ["shelved", "not loaded", "not loaded"],
      ],
    );
  });

  it("sort by figures, and names as people count", () => {
    assert.deepEqual(names("", "name"), ["gone", "model-9", "model-10", "shelved"]);
    assert.deepEqual(names("", "size", true), ["model-9", "model-10", "gone", "shelved"]);
    assert.deepEqual(names("", "rate", true), ["model-10", "gone", "model-9", "shelved"]);
  });

  it("are selected by every word of the filter", () => {
    assert.deepEqual(names("READY 9", "name"), ["model-9"]);
    assert.deepEqual(names("not loaded", "name"), ["shelved"]);
    assert.deepEqual(names("none such", "name"), []);
  });
});

describe("small things of the page", () => {
  it("routes lead back to the model that they were made of, whatever its id", () => {
    for (const [id, version] of [
      ["a/b c#ü%", "1"],
      ["digits", ""],
      ["..", "v/2"],
    ] as const) {
      assert.deepEqual(readRoute(modelHref(id, version)), { tag: "model", id, version });
    }
    for (const hash of ["", "#/", "#/models/", "#/models/%zz", "#main"]) {
      assert.deepEqual(readRoute(hash), { tag: "overview" }, hash);
    }
  });

  it("waits grow up to a limit, and differ", () => {
    const waits = [1, 2, 3, 10, 1000].map((attempt) => backoffMs(attempt, () => 1));
    assert.deepEqual(waits, [250, 500, 1000, 10_000, 10_000]);
    assert.equal(
      backoffMs(1, () => 0),
      188,
    );
  });

  it("shows a dash for a figure that is missing, and rates without a unit", () => {
    assert.deepEqual([undefined, 5].map(formatMs), ["–", "5 ms"]);
    assert.deepEqual([0, 0.5, 99.96, 12_345].map(formatRate), ["0", "0.50", "100", "12,345"]);
  });
});
