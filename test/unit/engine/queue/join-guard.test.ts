import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { RuntimeError } from "../../../../src/base/errors.ts";
import type { IndexedTensor } from "../../../../src/engine/wire/host-protocol.ts";
import { newModel, rows } from "../../../support/fakes/queued-model.ts";

type Model = (values: readonly number[]) => readonly number[];

const forever = new AbortController().signal;
const double: Model = (values) => values.map((value) => (2 * value) & 0xff);
const reversed: Model = (values) => double(values).toReversed();

/** Right for fewer rows than that. */
function mixesFrom(count: number): Model {
  return (values) => (values.length < count ? double(values) : reversed(values));
}

/** A queue whose callers all get the double of what they send, if it is right. */
function newService() {
  const queued = newModel();
  const { queue, sent, answer, fail } = queued;
  const joined: number[] = [];
  let sentRequests = 0;
  let wrong = 0;
  let failed = 0;

  /** One caller, who does with buffers what callers do: they hold something else once it is answered. */
  const call = (value: number, signal: AbortSignal = forever) => {
    const tensors = rows(value);
    queue.run(
      { wanted: [0], tensors },
      { signal, alone: false },
      {
        resolve: (results) => {
          if (results[0]?.data[0] !== double([value])[0]) wrong++;
          for (const { data } of [...results, ...tensors]) data.fill(99);
        },
        reject: () => failed++,
      },
    );
  };

  /** The host answers to all that there is. */
  const drain = (model: Model, { runMs = 0.1, error = undefined as Refusal | undefined } = {}) => {
    while (sent.length > 0) {
      const values = valuesOf(sent[0]?.tensors[0]?.parts);
      if (values.length > 1) joined.push(values.length);
      const refusal = error?.(values);
      if (refusal !== undefined) fail(refusal);
      else answer(() => rows(...model(values)) as IndexedTensor[], runMs);
    }
  };

  /** `callers` call at once, `rounds` times, each time with other values. */
  const serve = (
    model: Model,
    { rounds = 30, callers = 70, ...host }: Parameters<typeof drain>[1] & Traffic = {},
  ) => {
    for (let round = 0; round < rounds; round++) {
      for (let caller = 0; caller < callers; caller++) call(1 + (++sentRequests % 100));
      drain(model, host);
    }
  };

  return { ...queued, call, drain, serve, joined, counts: () => ({ wrong, failed }) };
}

type Refusal = (values: readonly number[]) => RuntimeError | undefined;
interface Traffic {
  readonly rounds?: number;
  readonly callers?: number;
}

function valuesOf(parts: readonly Uint8Array[] | undefined): number[] {
  return (parts ?? []).flatMap((part) => [...part]);
}

describe("the guard of joined runs", () => {
  it("compares the first of each size with single runs, and finds right what is right", () => {
    const { serve, joined, counts, ends, compared } = newService();
    serve(double);
    assert.deepEqual(counts(), { wrong: 0, failed: 0 });
    assert.deepEqual(ends, []);
    // The rehearsal, and two runs of each of six sizes.
    assert.ok(compared.same >= 13, `${compared.same}`);
    assert.equal(compared.different, 0);
    assert.ok(joined.filter((size) => size > 16).length > 20);
  });

  it("answers from single runs until a size is known to be right, so that nobody gets a wrong answer", () => {
    for (const from of [9, 17, 33, 64]) {
      const { serve, joined, counts, ends, compared } = newService();
      serve(mixesFrom(from));
      assert.deepEqual(counts(), { wrong: 0, failed: 0 });
      assert.equal(ends.length, 1);
      assert.equal(ends[0]?.isWrong, true);
      assert.match(ends[0]?.reason ?? "", /of \d\d? rows differed from single runs in output 'y'$/);
      assert.equal(compared.different, 1);
      const before = joined.length;
      serve(mixesFrom(from), { rounds: 2 });
      assert.equal(joined.length, before, "nothing is joined any more");
    }
  });

  it("checks what takes long when its callers have been answered", () => {
    const { serve, counts, ends } = newService();
    serve(mixesFrom(16), { runMs: 60 });
    assert.equal(ends.length, 1);
    assert.equal(ends[0]?.isWrong, true);
    // A few joined runs of that size were under way at most.
    assert.ok(counts().wrong <= 3 * 32, `${counts().wrong}`);
  });

  it("goes on to check a run now and then, when nobody waits, and finds what has become wrong", () => {
    const { serve, counts, ends, compared } = newService();
    serve(double, { rounds: 100 });
    const usual = compared.same;
    serve(double, { rounds: 100 });
    assert.ok(compared.same > usual, "checks go on");
    assert.ok(compared.same <= usual + 2, "but get rare");
    serve(reversed, { rounds: 600 });
    assert.equal(ends.length, 1);
    const { wrong } = counts();
    serve(reversed, { rounds: 10 });
    assert.equal(counts().wrong, wrong);
  });

  it("is not misled by callers that leave in the midst of a check", () => {
    const { call, drain, answer, sent, serve, counts, ends, compared } = newService();
    for (let round = 0; round < 60; round++) {
      const abort = new AbortController();
      for (let value = 1; value <= 40; value++) call(value, value % 3 ? forever : abort.signal);
      for (let turn = 0; turn < round % 20 && sent.length > 0; turn++) {
        answer((tensors) => rows(...double(valuesOf(tensors.map(({ data }) => data)))));
      }
      abort.abort(new Error("gone"));
      drain(double);
    }
    assert.deepEqual(ends, []);
    assert.equal(counts().wrong, 0);
    serve(double);
    assert.ok(compared.same >= 13);
    assert.equal(compared.different, 0);
  });

  it("tries strangers of other values where the model cannot take those of a rehearsal", () => {
    const { serve, joined, counts, ends } = newService();
    const known = new Set(Array.from({ length: 101 }, (_, at) => at).filter((at) => at % 3 !== 0));
    const error: Refusal = (values) =>
      values.every((value) => known.has(value)) ? undefined : new RuntimeError("run-failed", "no");
    serve(double, { error });
    assert.deepEqual(ends, []);
    assert.equal(counts().wrong, 0);
    assert.ok(joined.length > 0);
  });

  it("gives up where joined runs fail and single ones do not", () => {
    for (const [kind, isWrong] of [
      ["run-failed", true],
      ["over-budget", false],
    ] as const) {
      const { serve, counts, ends } = newService();
      const error: Refusal = (values) =>
        values.length > 1 ? new RuntimeError(kind, "too many rows") : undefined;
      serve(double, { error });
      assert.deepEqual(counts(), { wrong: 0, failed: 0 });
      assert.equal(ends.length, 1, kind);
      assert.equal(ends[0]?.isWrong, isWrong);
    }
  });
});
