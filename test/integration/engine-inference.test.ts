import assert from "node:assert/strict";
import { join } from "node:path";
import { describe, it } from "node:test";
import { setTimeout as sleep, setImmediate as turn } from "node:timers/promises";
import { packTexts } from "../../src/base/packed-texts.ts";
import { type Datatype, elementBytes, type Tensor } from "../../src/base/tensor.ts";
import { defaultRunSettings } from "../../src/config/run-settings.ts";
import { failsAtRun } from "../support/models/failing-models.ts";
import { slowLoop } from "../support/models/heavy-models.ts";
import { externalData } from "../support/models/layered-models.ts";
import {
  addOne,
  fixedShape,
  identity,
  passesThrough,
  scalar,
  twoInputsTwoOutputs,
} from "../support/models/simple-models.ts";
import {
  forever,
  fp32,
  fp32Values,
  inspectAt,
  int64,
  isRunning,
  slowInputs,
  startEngine,
} from "../support/servers/engine-fixture.ts";

const limitMs = 300_000;

/** Two rows of three elements with every bit pattern that matters: zero, ones, sign, NaN. */
function sample(datatype: Datatype): Uint8Array {
  if (datatype === "BYTES") return packTexts(["", "a", "zwölf", "日本", "👍🏽", "x".repeat(999)]);
  // A NaN of BF16 may come back as another one.
  if (datatype === "BF16")
    return Uint8Array.of(0, 0, 0x80, 0x3f, 0x80, 0xff, 1, 0, 0, 0x80, 0x7f, 0x7f);
  if (datatype === "BOOL") return Uint8Array.of(0, 1, 1, 0, 0, 1);
  const size = elementBytes[datatype] ?? 0;
  const data = new Uint8Array(6 * size);
  data.fill(0xff, size, 2 * size);
  data.fill(0x80, 2 * size, 3 * size);
  for (let index = 3 * size; index < data.length; index++) data[index] = index;
  return data;
}

describe("an inference", { timeout: limitMs }, () => {
  it("returns every datatype bit for bit, empty tensors included", async (t) => {
    const { put, load } = await startEngine(t);
    for (const name of Object.keys(elementBytes)) {
      const datatype = name as Datatype;
      const model = await load(await put(`${datatype}.onnx`, identity(datatype)));
      assert.deepEqual(model.metadata, {
        platform: "onnx_onnxv1",
        inputs: [{ name: "x", datatype, shape: [-1, -1] }],
        outputs: [{ name: "y", datatype, shape: [-1, -1] }],
      });
      for (const [shape, data] of [
        [[2, 3], sample(datatype)],
        [[0, 3], new Uint8Array(0)],
      ] as const) {
        const input: Tensor = { name: "x", datatype, shape, data };
        const [output] = await model.infer({ inputs: [input], outputs: ["y"] }, forever);
        assert.deepEqual(
          { ...output, data: Buffer.from(output?.data ?? []) },
          { ...input, name: "y", data: Buffer.from(data) },
          `${datatype} [${shape}]`,
        );
      }
      await model.unload();
    }
  });

  it("keeps large requests apart, even where an output is the memory of an input", async (t) => {
    const { put, load } = await startEngine(t);
    const shape = [1, 150_000];
    const filled = (value: number) => fp32("x", shape, new Array<number>(150_000).fill(value));
    for (const [file, bytes, output] of [
      ["identity.onnx", identity("FP32"), "y"],
      ["through.onnx", passesThrough(), "x"],
    ] as const) {
      const settings = { ...defaultRunSettings, maxBatchSize: 1 };
      const model = await load(await put(file, bytes), { settings });
      const results = await Promise.all(
        Array.from({ length: 24 }, (_, value) =>
          model.infer({ inputs: [filled(value)], outputs: [output] }, forever),
        ),
      );
      for (const [value, [tensor]] of results.entries()) {
        assert.deepEqual(tensor?.data, filled(value).data, `${file}, request ${value}`);
      }
      await model.unload();
    }
  });

  it("returns the wanted outputs, in the order asked for", async (t) => {
    const { put, load } = await startEngine(t);
    const model = await load(await put("two.onnx", twoInputsTwoOutputs()));
    // Not in the order of the model either.
    const inputs = [fp32("b", [1, 3], [1, 2, 3]), fp32("a", [1, 3], [10, 20, 30])];
    const both = await model.infer({ inputs, outputs: ["difference", "sum"] }, forever);
    assert.deepEqual(
      both.map((tensor) => [tensor.name, tensor.shape, fp32Values(tensor)]),
      [
        ["difference", [1, 3], [9, 18, 27]],
        ["sum", [1, 3], [11, 22, 33]],
      ],
    );
    const [sum, ...others] = await model.infer({ inputs, outputs: ["sum"] }, forever);
    assert.deepEqual(fp32Values(sum), [11, 22, 33]);
    assert.equal(others.length, 0);
  });

  it("takes scalars", async (t) => {
    const { put, load } = await startEngine(t);
    const model = await load(await put("scalar.onnx", scalar()));
    assert.deepEqual(model.metadata.inputs[0]?.shape, []);
    const [y] = await model.infer({ inputs: [fp32("x", [], [21])], outputs: ["y"] }, forever);
    assert.deepEqual([y?.shape, fp32Values(y)], [[], [42]]);
  });

  it("passes megabytes through, many at once", async (t) => {
    const { put, load } = await startEngine(t);
    const model = await load(await put("identity.onnx", identity("UINT8")));
    const results = await Promise.all(
      [1, 2, 3, 4, 5, 6].map(async (value) => {
        const data = new Uint8Array(8 * 2 ** 20 + value).fill(value);
        const shape = [1, data.byteLength];
        const inputs = [{ name: "x", datatype: "UINT8", shape, data } as const];
        const [output] = await model.infer({ inputs, outputs: ["y"] }, forever);
        return Buffer.from(output?.data ?? []).equals(Buffer.alloc(shape[1] ?? 0, value));
      }),
    );
    assert.deepEqual(results, [true, true, true, true, true, true]);
  });

  it("refuses what the engine cannot take, and goes on", async (t) => {
    const { put, load } = await startEngine(t);
    const strings = await load(await put("strings.onnx", identity("BYTES")));
    const bools = await load(await put("bools.onnx", identity("BOOL")));
    const fixed = await load(await put("fixed.onnx", fixedShape([2, 2])));
    const bytes = (...data: number[]) =>
      ({ name: "x", datatype: "BYTES", shape: [1, 1], data: Uint8Array.from(data) }) as const;
    const refusals = [
      [strings, bytes(3, 0, 0, 0, 97, 0, 98), /input 'x': element 0 holds a NUL/],
      [strings, bytes(1, 0, 0, 0, 0xff), /input 'x': element 0 is not valid UTF-8/],
      [
        bools,
        { name: "x", datatype: "BOOL", shape: [1, 1], data: Uint8Array.of(2) },
        /input 'x' is BOOL: every byte must be 0 or 1/,
      ],
      [fixed, fp32("x", [3, 2], [1, 2, 3, 4, 5, 6]), /Got invalid dimensions for input: x/],
      [fixed, fp32("x", [4], [1, 2, 3, 4]), /Invalid rank for input: x/],
      [fixed, fp32("z", [2, 2], [1, 2, 3, 4]), /has no input 'z'; its inputs are 'x'/],
    ] as const;
    for (const [model, input, message] of refusals) {
      await assert.rejects(model.infer({ inputs: [input], outputs: ["y"] }, forever), {
        name: "RuntimeError",
        kind: "invalid-argument",
        message,
      });
    }
    const request = { inputs: [fp32("x", [2, 2], [1, 2, 3, 4])], outputs: ["nope"] };
    await assert.rejects(fixed.infer(request, forever), {
      kind: "invalid-argument",
      message: "the model has no output 'nope'; its outputs are 'y'",
    });
    const [y] = await fixed.infer({ ...request, outputs: ["y"] }, forever);
    assert.deepEqual(fp32Values(y), [2, 4, 6, 8]);
  });

  it("that fails in the engine says why in one line, and the model goes on", async (t) => {
    const { put, load } = await startEngine(t);
    const model = await load(await put("words.onnx", failsAtRun()));
    const word = (index: bigint) =>
      model.infer({ inputs: [int64("index", [index])], outputs: ["word"] }, forever);
    await assert.rejects(word(7n), (error: Error & { kind?: string }) => {
      assert.equal(error.kind, "run-failed");
      assert.match(error.message, /Gather/);
      assert.doesNotMatch(error.message, /\n|onnxruntime_src/);
      assert.ok(error.message.length <= 600);
      return true;
    });
    const [output] = await word(2n);
    assert.equal(Buffer.from(output?.data ?? []).toString("utf8", 4), "zwölf");
  });

  it("that is aborted while it waits never reaches the host", async (t) => {
    const { put, load } = await startEngine(t);
    const slow = await load(await put("slow.onnx", slowLoop()));
    const run = (iterations: bigint, signal = forever) =>
      slow.infer({ inputs: slowInputs(iterations), outputs: ["y"] }, signal);
    const first = [run(30n), run(1n)];
    const abort = new AbortController();
    // Hours of work, if it were run.
    const dropped = Array.from({ length: 50 }, () => run(10_000_000n, abort.signal));
    const last = run(1n);
    const reason = new Error("no longer wanted");
    abort.abort(reason);
    for (const result of dropped) await assert.rejects(result, reason);
    for (const result of [...first, last]) {
      assert.deepEqual(fp32Values((await result)[0]), [1, 2, 3, 4]);
    }
  });

  it("that is aborted while it runs rejects at once; its late answer harms nobody", async (t) => {
    const { put, load } = await startEngine(t, { killGraceMs: 30_000 });
    const slow = await load(await put("slow.onnx", slowLoop()));
    const abort = new AbortController();
    const request = { inputs: slowInputs(200n), outputs: ["y"] };
    const aborted = slow.infer(request, abort.signal);
    let isNextDone = false;
    const next = slow.infer({ inputs: slowInputs(1n), outputs: ["y"] }, forever);
    void next.then(() => {
      isNextDone = true;
    });
    const reason = new Error("enough");
    setTimeout(() => abort.abort(reason), 30);
    await assert.rejects(aborted, reason);
    assert.equal(isNextDone, false, "the host was busy still");
    assert.deepEqual(fp32Values((await next)[0]), [1, 2, 3, 4]);
  });

  it("is refused as overloaded when too many wait for the host", async (t) => {
    const { put, load } = await startEngine(t);
    const settings = { ...defaultRunSettings, maxQueueSize: 3 };
    const slow = await load(await put("slow.onnx", slowLoop()), { settings });
    const runs = Array.from({ length: 20 }, () =>
      slow.infer({ inputs: slowInputs(5n), outputs: ["y"] }, forever),
    );
    const results = await Promise.allSettled(runs);
    const refused = results.flatMap((result) =>
      result.status === "rejected" ? [(result.reason as { kind?: string }).kind] : [],
    );
    // All come at once: one goes to the host, three wait.
    assert.equal(refused.length, 16);
    assert.deepEqual(new Set(refused), new Set(["overloaded"]));
  });
});

describe("an inference and an unload", { timeout: limitMs }, () => {
  for (const isolated of [false, true]) {
    it(`waiting runs of the model reject as aborted at once (isolated: ${isolated})`, async (t) => {
      const { put, load } = await startEngine(t, { killGraceMs: 30_000 });
      const slow = await load(await put("slow.onnx", slowLoop()), { isolated });
      const others = await load(await put("add.onnx", addOne()));
      const runs = Array.from({ length: 5 }, () =>
        slow.infer({ inputs: slowInputs(30n), outputs: ["y"] }, forever),
      );
      const settled = Promise.allSettled(runs);
      // The second run is sent ahead.
      await turn();
      await slow.unload();
      const results = await settled;
      const aborted = results.filter((result) => result.status === "rejected");
      for (const { reason } of aborted) assert.equal(reason.kind, "aborted");
      // A dedicated host is killed with all of its runs; a shared one finishes the two that it has.
      assert.equal(aborted.length, isolated ? 5 : 3);
      const request = { inputs: slowInputs(1n), outputs: ["y"] };
      await assert.rejects(slow.infer(request, forever), { kind: "aborted" });
      await slow.unload();
      const inputs = [fp32("x", [1, 4], [1, 2, 3, 4])];
      const [y] = await others.infer({ inputs, outputs: ["y"] }, forever);
      assert.deepEqual(fp32Values(y), [2, 3, 4, 5]);
    });
  }

  it("a run that does not end costs the shared host its life, after its other models have left", async (t) => {
    const { engine, put, load, settled } = await startEngine(t, { killGraceMs: 100 });
    await settled(1);
    const slow = await load(await put("slow.onnx", slowLoop()));
    const neighbour = await load(await put("add.onnx", addOne()));
    const former = neighbour.hostPid;
    const endless = slow.infer({ inputs: slowInputs(10_000_000n), outputs: ["y"] }, forever);
    const outcome = assert.rejects(endless, { kind: "aborted" });
    await slow.unload();
    await outcome;
    assert.equal(isRunning(former), false);
    assert.notEqual(neighbour.hostPid, former);
    const inputs = [fp32("x", [1, 4], [1, 2, 3, 4])];
    const [y] = await neighbour.infer({ inputs, outputs: ["y"] }, forever);
    assert.deepEqual(fp32Values(y), [2, 3, 4, 5]);
    const losses = [slow.lost, neighbour.lost, Promise.resolve("pending")];
    assert.equal(await Promise.race(losses), "pending", "neither is lost");
    assert.ok(engine.hosts().some((host) => host.kind === "shared"));
  });

  it("a neighbour's run is not cut short by an unload", async (t) => {
    const request = { inputs: slowInputs(400n), outputs: ["y"] };
    const first = await startEngine(t);
    const measured = await first.load(await first.put("slow.onnx", slowLoop()));
    const startMs = performance.now();
    await measured.infer(request, forever);
    const killGraceMs = (performance.now() - startMs) / 20;
    const { put, load } = await startEngine(t, { killGraceMs });
    const slow = await load(await put("slow.onnx", slowLoop()));
    const small = await load(await put("add.onnx", addOne()));
    const run = slow.infer(request, forever);
    await small.unload();
    assert.deepEqual(fp32Values((await run)[0]), [1, 2, 3, 4]);
  });

  it("a neighbour's load is not cut short by an unload, nor blamed", async (t) => {
    // No caps, so that a load is at its host in the same turn.
    const { engine, put, load } = await startEngine(t, { killGraceMs: 40, runMemoryBytes: 0 });
    const path = await put("add.onnx", addOne());
    const [small, bystander] = [await load(path), await load(path)];
    const source = await inspectAt(engine, path, undefined);
    process.kill(small.hostPid, "SIGSTOP");
    try {
      const loading = engine.load(source, { signal: forever, isolated: false });
      await turn();
      const unloaded = small.unload();
      await sleep(400);
      process.kill(small.hostPid, "SIGCONT");
      await Promise.all([loading, unloaded]);
    } finally {
      if (isRunning(small.hostPid)) process.kill(small.hostPid, "SIGCONT");
    }
    const isLost = await Promise.race([bystander.lost, Promise.resolve("pending")]);
    assert.equal(isLost, "pending");
    assert.equal(engine.hostCounts.ends.killed, 0);
  });
});

describe("a model in a directory", { timeout: limitMs }, () => {
  it("is found, and its external data with it", async (t) => {
    const { directory, load } = await startEngine(t);
    await externalData(join(directory, "versions", "3"));
    const model = await load(join(directory, "versions"));
    const inputs = [fp32("x", [1, 4], [0, 0, 0, 0])];
    const [y] = await model.infer({ inputs, outputs: ["y"] }, forever);
    assert.deepEqual(fp32Values(y), [1, 2, 3, 4]);
  });
});
