import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { packTexts } from "../../src/base/packed-texts.ts";
import type { Tensor } from "../../src/base/tensor.ts";
import type { LoadedModel } from "../../src/engine/contract/engine.ts";
import { failsAtRun } from "../support/models/failing-models.ts";
import { slowLoop } from "../support/models/heavy-models.ts";
import { mlp } from "../support/models/layered-models.ts";
import {
  addOne,
  identity,
  mixesRows,
  twoInputsTwoOutputs,
} from "../support/models/simple-models.ts";
import {
  forever,
  fp32,
  fp32Values,
  int64,
  patientSettings,
  startEngine,
} from "../support/servers/engine-fixture.ts";

const limitMs = 300_000;
/** Enough for every trial, up to the greatest batch. */
const requests = 3_000;

/** Sends `count` requests, 100 at a time, and returns their answers in order. */
async function inferAll(
  model: LoadedModel,
  count: number,
  request: (at: number) => { inputs: Tensor[]; outputs: string[] },
) {
  const answers: PromiseSettledResult<Tensor[]>[] = [];
  for (let from = 0; from < count; from += 100) {
    const length = Math.min(100, count - from);
    const some = Array.from({ length }, (_, at) => model.infer(request(from + at), forever));
    answers.push(...(await Promise.allSettled(some)));
  }
  return answers.map((answer) => {
    return answer.status === "fulfilled" ? answer.value : (answer.reason as Error);
  });
}

function outputsOf(answer: Tensor[] | Error | undefined): Tensor[] {
  if (!Array.isArray(answer)) throw answer;
  return answer;
}

describe("requests that are joined", { timeout: limitMs }, () => {
  it("get their own rows, to the bit, whatever sizes were joined", async (t) => {
    const { put, load } = await startEngine(t);
    const model = await load(await put("two.onnx", twoInputsTwoOutputs()));
    assert.equal(model.joining.state, "proven");
    const answers = await inferAll(model, requests, (at) => {
      const rows = 1 + (at % 3);
      const values = Array.from({ length: 3 * rows }, (_, index) => at + index / 8);
      const ones = values.map(() => 1);
      const inputs = [fp32("a", [rows, 3], values), fp32("b", [rows, 3], ones)];
      return { inputs, outputs: at % 7 === 0 ? ["difference"] : ["sum", "difference"] };
    });
    for (const [at, answer] of answers.entries()) {
      const rows = 1 + (at % 3);
      const values = Array.from({ length: 3 * rows }, (_, index) => at + index / 8);
      const results = outputsOf(answer);
      const names = at % 7 === 0 ? ["difference"] : ["sum", "difference"];
      assert.deepEqual(
        results.map(({ name, shape }) => [name, shape]),
        names.map((name) => [name, [rows, 3]]),
      );
      assert.deepEqual(
        fp32Values(results.at(-1)),
        values.map((value) => value - 1),
      );
      if (results.length === 2) {
        assert.deepEqual(
          fp32Values(results[0]),
          values.map((value) => value + 1),
        );
      }
    }
  });

  it("may hold text", async (t) => {
    const { put, load } = await startEngine(t);
    const model = await load(await put("text.onnx", identity("BYTES")));
    assert.equal(model.joining.state, "proven");
    const text = (at: number) => packTexts([`${at}`, "ü".repeat(at % 5)]);
    const answers = await inferAll(model, 500, (at) => {
      const input = { name: "x", datatype: "BYTES", shape: [1, 2], data: text(at) } as const;
      return { inputs: [input], outputs: ["y"] };
    });
    for (const [at, answer] of answers.entries()) {
      const [y] = outputsOf(answer);
      assert.deepEqual(Buffer.from(y?.data ?? []), Buffer.from(text(at)), `request ${at}`);
    }
  });

  it("do not fail because of a bad one among them", async (t) => {
    const { put, load } = await startEngine(t);
    const model = await load(await put("words.onnx", failsAtRun()));
    assert.equal(model.joining.state, "proven");
    const isBad = (at: number) => at % 50 === 7;
    const answers = await inferAll(model, requests, (at) => {
      return { inputs: [int64("index", [isBad(at) ? 9n : BigInt(at % 3)])], outputs: ["word"] };
    });
    const words = ["zero", "one", "zwölf"];
    for (const [at, answer] of answers.entries()) {
      if (isBad(at))
        assert.equal((answer as { kind?: string }).kind, "run-failed", `request ${at}`);
      else {
        const expected = packTexts([words[at % 3] ?? ""]);
        const [word] = outputsOf(answer);
        assert.deepEqual(Buffer.from(word?.data ?? []), Buffer.from(expected), `request ${at}`);
      }
    }
  });

  it("come to the same as single ones but for rounding, in a model that multiplies", async (t) => {
    const { put, load } = await startEngine(t);
    const path = await put("mlp.onnx", mlp({ inputs: 16, hidden: 32, outputs: 4 }));
    const joined = await load(path);
    assert.equal(joined.joining.state, "proven");
    const single = await load(path, { settings: { ...patientSettings, maxBatchSize: 1 } });
    const request = (at: number) => {
      const values = Array.from({ length: 16 }, (_, index) => Math.sin(at + index));
      return { inputs: [fp32("x", [1, 16], values)], outputs: ["y"] };
    };
    const [many, few] = await Promise.all([
      inferAll(joined, requests, request),
      inferAll(single, 300, request),
    ]);
    for (const [at, answer] of few.entries()) {
      const expected = fp32Values(outputsOf(answer)[0]);
      for (const [index, value] of fp32Values(outputsOf(many[at])[0]).entries()) {
        const other = expected[index] ?? Number.NaN;
        assert.ok(Math.abs(value - other) <= 1e-5 * Math.max(1, Math.abs(other)), `request ${at}`);
      }
    }
  });

  it("are never those of a model that mixes its rows, promised or not", async (t) => {
    const { put, load } = await startEngine(t);
    const path = await put("mixes.onnx", mixesRows());
    const promise = { ...patientSettings, promisesRows: true };
    for (const [settings, state] of [
      [patientSettings, "off"],
      [promise, "promised"],
      // The same file again: what was found out holds.
      [promise, "off"],
    ] as const) {
      const model = await load(path, { settings });
      assert.equal(model.joining.state, state);
      const answers = await inferAll(model, 1_000, (at) => {
        return { inputs: [fp32("x", [1, 4], [at, at, at, at + 4])], outputs: ["y"] };
      });
      for (const answer of answers) {
        assert.deepEqual(fp32Values(outputsOf(answer)[0]), [-1, -1, -1, 3]);
      }
      assert.equal(model.joining.state, "off");
    }
  });

  it("all hear of it when their host dies", async (t) => {
    const { put, load } = await startEngine(t);
    const [slow, model] = [
      await load(await put("slow.onnx", slowLoop())),
      await load(await put("add.onnx", addOne())),
    ];
    assert.equal(slow.hostPid, model.hostPid);
    const request = { inputs: [fp32("x", [1, 4], [1, 2, 3, 4])], outputs: ["y"] };
    await inferAll(model, 1_000, () => request);
    const blocking = slow.infer(
      { inputs: [fp32("x", [1, 4], [1, 2, 3, 4]), int64("n", [100_000n])], outputs: ["y"] },
      forever,
    );
    const lost = Promise.all(
      [blocking, ...Array.from({ length: 50 }, () => model.infer(request, forever))].map((run) =>
        assert.rejects(run, { kind: "host-lost" }),
      ),
    );
    await new Promise((resolve) => setTimeout(resolve, 50));
    process.kill(model.hostPid, "SIGKILL");
    await lost;
  });
});
