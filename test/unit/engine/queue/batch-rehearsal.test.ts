import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { RuntimeError } from "../../../../src/base/errors.ts";
import type { RunRequest } from "../../../../src/engine/queue/batch-join.ts";
import { Rehearsal } from "../../../../src/engine/queue/batch-rehearsal.ts";
import type { Comparison, Probe } from "../../../../src/engine/queue/probe.ts";
import type { IndexedTensor } from "../../../../src/engine/wire/host-protocol.ts";

type Model = (values: readonly number[]) => readonly number[];

function int32(values: readonly number[]): IndexedTensor {
  const data = new Uint8Array(Int32Array.from(values).buffer);
  return { index: 0, datatype: "INT32", shape: [values.length], data };
}

function valuesOf(tensors: readonly IndexedTensor[]): number[] {
  return [...new Int32Array(new Uint8Array(tensors[0]?.data ?? []).buffer)];
}

function requestOf(...values: number[]): RunRequest {
  return { wanted: [0], tensors: [int32(values)] };
}

function answerTo({ requests }: Probe, model: Model): IndexedTensor[] {
  return [int32(model(requests.flatMap(({ tensors }) => valuesOf(tensors))))];
}

/** Rehearses a request of `values` on `model`. */
function rehearse(
  model: Model,
  values: readonly number[],
  { maxRows = 64, neighbours = [] as readonly RunRequest[] } = {},
) {
  const outcomes: Comparison[] = [];
  const rehearsal = new Rehearsal({
    request: requestOf(...values),
    rows: values.length,
    alone: [int32(model(values))],
    maxRows,
    manner: "changed",
    onEnd: (outcome) => outcomes.push(outcome),
  });
  const probes: Probe[] = [];
  while (rehearsal.hasProbe) {
    const waiting = neighbours.map((request) => ({ request }));
    const probe = rehearsal.nextProbe(waiting);
    if (probe === undefined) break;
    probes.push(probe);
    probe.answered(answerTo(probe, model));
  }
  return { probes, outcomes };
}

const sum = (values: readonly number[]) => values.reduce((a, b) => a + b, 0);

describe("a rehearsal", () => {
  it("finds nothing wrong with rows that are kept apart, in runs of several sizes", () => {
    const { probes, outcomes } = rehearse((values) => values.map((value) => 3 * value), [5, 6]);
    assert.deepEqual(
      probes.map(({ rows }) => rows),
      [3, 6, 8],
    );
    assert.deepEqual(outcomes, [{ tag: "same" }]);
  });

  it("sees what looks at other rows, wherever these are and whatever the values", () => {
    const mixing: Record<string, Model> = {
      total: (values) => values.map(() => sum(values)),
      "sum so far": (values) => values.map((_, at) => sum(values.slice(0, at + 1))),
      "sum from here": (values) => values.map((_, at) => sum(values.slice(at))),
      "the first": (values) => values.map((value) => value - (values[0] ?? 0)),
      "the last": (values) => values.map((value) => value - (values.at(-1) ?? 0)),
      "the greatest distance": (values) =>
        values.map((v) => Math.max(...values) - Math.min(...values) + v),
      "its place": (values) => values.map((value, at) => value + at),
      "how many": (values) => values.map((value) => value + values.length),
      "five at least": (values) => (values.length < 5 ? values : values.toReversed()),
    };
    for (const [name, model] of Object.entries(mixing)) {
      for (const values of [[7], [0], [0, 0], [1, 1], [-3], [4, 9, 2]]) {
        const { outcomes } = rehearse(model, values);
        if (name === "five at least" && values.length > 2) continue;
        assert.equal(outcomes[0]?.tag, "different", `${name} of ${values}`);
        assert.equal(outcomes.length, 1);
      }
    }
  });

  it("says so if the outputs do not have the rows of the inputs", () => {
    const { outcomes } = rehearse((values) => [sum(values)], [7]);
    assert.deepEqual(outcomes, [{ tag: "different", output: undefined, rows: 2 }]);
  });

  it("keeps to the rows that a run may have", () => {
    for (const maxRows of [2, 3, 4, 5]) {
      const { probes } = rehearse((values) => values, [5], { maxRows });
      for (const { rows } of probes) assert.ok(rows <= maxRows, `${rows} of ${maxRows}`);
      assert.ok(probes.length >= 2);
    }
  });

  it("has real neighbours stand behind the request where such wait and can join", () => {
    const other = { wanted: [1], tensors: [int32([8])] };
    const { probes } = rehearse((values) => values, [5], {
      neighbours: [other, requestOf(41), requestOf(42, 43)],
    });
    const [, three, many] = probes.map(({ requests }) =>
      requests.flatMap(({ tensors }) => valuesOf(tensors)),
    );
    assert.equal(three?.[2], 41);
    assert.deepEqual(many?.slice(3, 6), [41, 42, 43]);
  });

  it("says so if a run fails, and does not mind what becomes of the others", () => {
    const outcomes: Comparison[] = [];
    const rehearsal = new Rehearsal({
      request: requestOf(1),
      rows: 1,
      alone: [int32([1])],
      maxRows: 8,
      manner: "shuffled",
      onEnd: (outcome) => outcomes.push(outcome),
    });
    const first = rehearsal.nextProbe([]);
    const second = rehearsal.nextProbe([]);
    const error = new RuntimeError("run-failed", "no");
    first?.failed(error);
    second?.answered([int32([9, 9, 9])]);
    assert.deepEqual(outcomes, [{ tag: "failed", error }]);
    assert.equal(rehearsal.hasProbe, false);
  });

  it("does not depend on buffers that serve other requests by then", () => {
    const request = requestOf(5);
    const alone = [int32([5])];
    const outcomes: Comparison[] = [];
    const rehearsal = new Rehearsal({
      ...{ request, alone, rows: 1, maxRows: 8, manner: "changed" },
      onEnd: (outcome) => outcomes.push(outcome),
    });
    request.tensors[0]?.data.fill(9);
    alone[0]?.data.fill(8);
    for (let probe = rehearsal.nextProbe([]); probe; probe = rehearsal.nextProbe([])) {
      probe.answered(answerTo(probe, (values) => values));
    }
    assert.deepEqual(outcomes, [{ tag: "same" }]);
  });
});
