import assert from "node:assert/strict";
import { readdirSync, statSync } from "node:fs";
import { rm } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { RuntimeError } from "../../src/base/errors.ts";
import { fileIdentity } from "../../src/base/files/file-identity.ts";
import { defaultRunSettings } from "../../src/config/run-settings.ts";
import { HostLostError } from "../../src/engine/contract/host-lost-error.ts";
import {
  float4Io,
  junk,
  sequenceOutput,
  truncated,
  unknownOp,
} from "../support/models/failing-models.ts";
import { externalData, writeWeightsModel } from "../support/models/layered-models.ts";
import { addOne, identity } from "../support/models/simple-models.ts";
import { canMeasureTrees, residentPages } from "../support/processes/process-tree.ts";
import {
  type EngineFixture,
  forever,
  fp32,
  fp32Values,
  inspectAt,
  isRunning,
  placeOf,
  startEngine,
  until,
} from "../support/servers/engine-fixture.ts";

const MiB = 2 ** 20;
const limitMs = 300_000;

async function assertServes(fixture: EngineFixture): Promise<void> {
  const model = await fixture.load(await fixture.put("serves.onnx", addOne()));
  const inputs = [fp32("x", [1, 4], [1, 2, 3, 4])];
  const [y] = await model.infer({ inputs, outputs: ["y"] }, forever);
  assert.deepEqual(fp32Values(y), [2, 3, 4, 5]);
  await model.unload();
}

/** The size of the one shared host, after its last load or unload. */
function sharedBytes({ engine }: EngineFixture): number {
  return engine.hosts().find((host) => host.kind === "shared")?.memoryBytes ?? 0;
}

describe("inspecting a model", { timeout: limitMs }, () => {
  it("bounds its memory, and adds a host where it will have its own", async (t) => {
    const { engine, directory, put } = await startEngine(t, { dedicatedMinBytes: 4 * MiB });
    const file = await put("small.onnx", addOne());
    const small = await inspectAt(engine, file, undefined);
    const { estimatedBytes, plausibleBytes, leastBytes, ...facts } = small;
    const identity = fileIdentity(statSync(file, { bigint: true }));
    const diskBytes = addOne().length;
    assert.deepEqual(facts, {
      format: "onnx",
      file,
      identity,
      filesIdentity: identity,
      dataFolder: { path: directory, roots: ["/"] },
      diskBytes,
      isClear: true,
    });
    assert.ok(estimatedBytes < MiB && plausibleBytes <= estimatedBytes);
    assert.ok(leastBytes <= estimatedBytes);
    assert.deepEqual(await engine.predict(placeOf(file)), small);
    await writeWeightsModel(join(directory, "big.onnx"), 8 * MiB);
    const big = await inspectAt(engine, join(directory, "big.onnx"), "ONNX");
    assert.equal(big.format, "onnx");
    assert.ok(big.estimatedBytes > 8 * MiB + 24 * MiB && big.estimatedBytes < 80 * MiB);
  });

  it("for a prediction overtakes whatever loads have files looked into", async (t) => {
    const { engine, put } = await startEngine(t);
    const place = placeOf(await put("small.onnx", addOne()));
    await engine.predict(place);
    let lookedInto = 0;
    const loads = Array.from({ length: 5_000 }, async () => {
      await engine.locate(place);
      lookedInto++;
    });
    await engine.predict(place);
    const before = lookedInto;
    await Promise.all(loads);
    assert.ok(before < loads.length / 2, `${before} of ${loads.length} were before it`);
  });

  it("refuses files that are no models, and formats that it does not know", async (t) => {
    const { engine, directory, put } = await startEngine(t);
    for (const [name, bytes, problem] of [
      ["junk.onnx", junk(1000), "is not an ONNX model: "],
      ["empty.onnx", new Uint8Array(0), "is not an ONNX model but an empty file; "],
      ["cut.onnx", truncated(addOne()), "is an ONNX model that cannot be read: "],
    ] as const) {
      await assert.rejects(inspectAt(engine, await put(name, bytes), undefined), {
        kind: "invalid-argument",
        message: new RegExp(`${name} ${problem}`),
      });
    }
    await assert.rejects(inspectAt(engine, directory, undefined), {
      kind: "invalid-argument",
      message: /has 3 \.onnx files/,
    });
    await assert.rejects(inspectAt(engine, directory, "pickle"), {
      kind: "invalid-argument",
      message:
        "unknown model format 'pickle': expected one of onnx, xgboost, lightgbm, catboost, sklearn, huggingface",
    });
    await assert.rejects(inspectAt(engine, join(directory, "none"), undefined), {
      kind: "failed-precondition",
    });
    assert.deepEqual([engine.knowsFormat("onnx"), engine.knowsFormat("pickle")], [true, false]);
  });

  it("is not needed for a prediction, which bounds it from above", async (t) => {
    const { engine, directory } = await startEngine(t);
    for (const datatype of ["FP32", "FP16", "INT8"] as const) {
      const path = join(directory, `${datatype}.onnx`);
      await writeWeightsModel(path, 40 * MiB, datatype);
      const source = await inspectAt(engine, path, undefined);
      const model = await engine.load(source, { signal: forever, isolated: false });
      // That integer weights are dequantized at every run only the file's structure tells.
      const { sizeBytes } = model;
      assert.ok(sizeBytes <= source.estimatedBytes, `${datatype}: ${sizeBytes} of the estimate`);
      // That integer weights are dequantized at every run only the file's structure tells.
      const predicted = engine.predictBytes(40 * MiB, undefined);
      assert.ok(datatype === "INT8" || sizeBytes <= predicted, `${datatype}: ${sizeBytes}`);
      await model.unload();
    }
    assert.ok(engine.predictBytes(0, "onnx") >= 16 * 1024);
    assert.equal(engine.predictBytes(Number.MAX_SAFE_INTEGER, "onnx"), Number.MAX_SAFE_INTEGER);
    assert.throws(() => engine.predictBytes(1, "pickle"), { kind: "invalid-argument" });
  });
});

describe("a load", { timeout: limitMs }, () => {
  for (const isolated of [false, true]) {
    it(`that the engine refuses says why, and leaves nothing (isolated: ${isolated})`, async (t) => {
      const fixture = await startEngine(t);
      await fixture.settled(1);
      for (const [name, bytes, message] of [
        ["op.onnx", unknownOp(), /^op\.onnx: .*NoSuchOperator/],
        ["float4.onnx", float4Io(), /input 'x' is FLOAT4E2M1, which cannot be served/],
        [
          "sequence.onnx",
          sequenceOutput(),
          /output 'y' is a sequence of tensors made by SplitToSequence, but only tensors can be served/,
        ],
      ] as const) {
        const path = await fixture.put(name, bytes);
        await assert.rejects(fixture.load(path, { isolated }), (error: unknown) => {
          assert.ok(error instanceof RuntimeError);
          assert.equal(error.kind, "invalid-argument", "it is the model's fault");
          assert.match(error.message, message);
          assert.ok(!error.message.includes(fixture.directory), error.message);
          assert.ok(error.message.length <= 600 && !error.message.includes("\n"));
          return true;
        });
        // A dedicated host is gone before the load rejects.
        assert.ok(fixture.engine.hosts().every((host) => host.kind !== "dedicated"));
      }
      assert.ok(fixture.engine.hosts().every((host) => host.models === 0));
      await assertServes(fixture);
    });
  }

  it("of a file that is gone since it was inspected fails", async (t) => {
    const { engine, directory, load } = await startEngine(t);
    const path = await externalData(join(directory, "external"));
    const source = await inspectAt(engine, path, undefined);
    await rm(path);
    await assert.rejects(engine.load(source, { signal: forever, isolated: false }), {
      kind: "load-failed",
    });
    await assert.rejects(load(path), { kind: "failed-precondition" });
  });

  it("takes a file of any name", async (t) => {
    const { put, load } = await startEngine(t);
    for (const name of [
      "with space.onnx",
      "mödel 👍🏽.onnx",
      "-flag",
      "a%20b;$(c)",
      "x".repeat(200),
    ]) {
      await (await load(await put(name, addOne()))).unload();
    }
  });

  it("of a small model is measured in a shared host", async (t) => {
    const { engine, directory, put, load } = await startEngine(t, { dedicatedMinBytes: 100 * MiB });
    const add = await load(await put("add.onnx", addOne()));
    assert.ok(add.sizeBytes >= 64 * 1024 && add.sizeBytes < MiB, String(add.sizeBytes));
    await writeWeightsModel(join(directory, "mid.onnx"), 16 * MiB);
    const source = await inspectAt(engine, join(directory, "mid.onnx"), undefined);
    const mid = await engine.load(source, { signal: forever, isolated: false });
    // A megabyte more or less is what earlier loads have left for this one to use.
    assert.ok(mid.sizeBytes >= 16 * MiB && mid.sizeBytes < 19 * MiB, String(mid.sizeBytes));
    assert.ok(mid.sizeBytes <= source.estimatedBytes);
    assert.equal(mid.hostPid, add.hostPid);
  });

  it("of a big model has a host of its own, measured whole, which ends with it", async (t) => {
    const fixture = await startEngine(t);
    await fixture.settled(1);
    const path = join(fixture.directory, "big.onnx");
    await writeWeightsModel(path, 384 * MiB);
    const source = await inspectAt(fixture.engine, path, undefined);
    const model = await fixture.engine.load(source, { signal: forever, isolated: false });
    const ratio = model.sizeBytes / (384 * MiB);
    assert.ok(ratio > 1 && ratio < 1.1, `${model.sizeBytes} bytes`);
    assert.ok(model.sizeBytes <= source.estimatedBytes);
    const dedicated = fixture.engine.hosts().filter((host) => host.kind === "dedicated");
    assert.deepEqual(
      dedicated.map(({ pid, models }) => ({ pid, models })),
      [{ pid: model.hostPid, models: 1 }],
    );
    await model.unload();
    assert.equal(isRunning(model.hostPid), false);
    await fixture.settled(1);
  });

  it("and unload, again and again, leave the memory of a shared host as it was", async (t) => {
    const fixture = await startEngine(t, { dedicatedMinBytes: 1024 * MiB });
    const path = join(fixture.directory, "mid.onnx");
    await writeWeightsModel(path, 32 * MiB);
    const cycle = async () => (await fixture.load(path)).unload();
    await cycle();
    const before = sharedBytes(fixture);
    for (let round = 0; round < 10; round++) await cycle();
    assert.ok(sharedBytes(fixture) < before + 16 * MiB, `${before} -> ${sharedBytes(fixture)}`);
    assert.ok(fixture.engine.hosts().every((host) => host.models === 0));
  });

  it("of many small models at once spreads over the shared hosts", async (t) => {
    const { engine, put, load } = await startEngine(t, { hosts: 2 });
    const path = await put("identity.onnx", identity("FP32"));
    const models = await Promise.all(Array.from({ length: 60 }, () => load(path)));
    const shared = engine.hosts().filter((host) => host.kind === "shared");
    // Some have been measured when others are placed, so it is not to the model.
    assert.equal(shared.length, 2);
    for (const { models } of shared) assert.ok(models >= 20, `${models} of 60 models`);
    assert.ok(engine.hosts().every((host) => host.kind !== "dedicated"));
    await Promise.all(models.map((model) => model.unload()));
    assert.ok(engine.hosts().every((host) => host.models === 0));
  });
});

describe("the abort of a load", { timeout: limitMs }, () => {
  const reason = new Error("not needed any more");

  it("before it begins does nothing at all", async (t) => {
    const { engine, put } = await startEngine(t);
    const source = await inspectAt(engine, await put("add.onnx", addOne()), undefined);
    for (const isolated of [false, true]) {
      const loading = engine.load(source, { signal: AbortSignal.abort(reason), isolated });
      await assert.rejects(loading, reason);
    }
    assert.ok(engine.hosts().every((host) => host.kind !== "dedicated" && host.models === 0));
  });

  it("in a dedicated host ends that host before it rejects, at any moment", async (t) => {
    const fixture = await startEngine(t);
    await fixture.settled(1);
    const path = join(fixture.directory, "big.onnx");
    await writeWeightsModel(path, 200 * MiB);
    const source = await inspectAt(fixture.engine, path, undefined);
    for (const afterMs of [0, 1, 5, 20, 50, 100]) {
      const abort = new AbortController();
      const loading = fixture.engine.load(source, { signal: abort.signal, isolated: false });
      const [host] = await Promise.all([
        new Promise<number>((resolve) => {
          setImmediate(() => {
            const dedicated = fixture.engine.hosts().find(({ kind }) => kind === "dedicated");
            resolve(dedicated?.pid ?? 0);
          });
        }),
        new Promise<void>((resolve) => {
          setTimeout(() => {
            abort.abort(reason);
            resolve();
          }, afterMs);
        }),
        assert.rejects(loading, reason),
      ]);
      assert.notEqual(host, 0);
      assert.equal(isRunning(host), false, `after ${afterMs} ms`);
    }
    await assertServes(fixture);
    await fixture.settled(1);
  });

  it("in a shared host rejects when the memory is free, and leaves the others alone", async (t) => {
    const fixture = await startEngine(t, { dedicatedMinBytes: 1024 * MiB, killGraceMs: 60_000 });
    const neighbour = await fixture.load(await fixture.put("add.onnx", addOne()));
    const path = join(fixture.directory, "big.onnx");
    await writeWeightsModel(path, 128 * MiB);
    const source = await inspectAt(fixture.engine, path, undefined);
    const before = sharedBytes(fixture);
    const abort = new AbortController();
    const loading = fixture.engine.load(source, { signal: abort.signal, isolated: false });
    // Behind the first in the host's queue: it is not begun, and rejects at once.
    const behind = fixture.engine.load(source, { signal: abort.signal, isolated: false });
    setTimeout(() => abort.abort(reason), 20);
    await Promise.all([assert.rejects(loading, reason), assert.rejects(behind, reason)]);
    assert.ok(sharedBytes(fixture) < before + 16 * MiB, `${before} -> ${sharedBytes(fixture)}`);
    const inputs = [fp32("x", [1, 4], [1, 2, 3, 4])];
    const [y] = await neighbour.infer({ inputs, outputs: ["y"] }, forever);
    assert.deepEqual(fp32Values(y), [2, 3, 4, 5]);
    assert.ok(isRunning(neighbour.hostPid));
  });

  it("in a shared host with free memory measures nothing rather than less than that", async (t) => {
    const fixture = await startEngine(t, { dedicatedMinBytes: 1024 * MiB });
    const big = join(fixture.directory, "big.onnx");
    await writeWeightsModel(big, 16 * MiB);
    const small = await fixture.put("add.onnx", addOne());
    for (let round = 0; round < 5; round++) {
      const room = await fixture.load(big);
      await room.unload();
      const { measuredBytes = -1, sizeBytes } = await fixture.load(small);
      assert.ok(measuredBytes >= 0 && sizeBytes > 16 * 1024, `${measuredBytes}, ${sizeBytes}`);
    }
  });

  it("in a shared host that is killed is only suspected of it", async (t) => {
    const fixture = await startEngine(t);
    await fixture.settled(1);
    const path = await fixture.put("add.onnx", addOne());
    const shared = fixture.engine.hosts().find(({ kind }) => kind === "shared");
    assert.ok(shared);
    // The first look into a file brings code along, for which a busy machine needs its time.
    await inspectAt(fixture.engine, path, undefined);
    process.kill(shared.pid, "SIGSTOP");
    const loading = fixture.load(path);
    setTimeout(() => process.kill(shared.pid, "SIGKILL"), 300);
    await assert.rejects(loading, (error: unknown) => {
      assert.ok(error instanceof HostLostError, String(error));
      assert.equal(error.part, "suspected");
      return true;
    });
    await assertServes(fixture);
  });

  it("in a shared host that does not come back kills it after the grace, when the others have left", async (t) => {
    const fixture = await startEngine(t, { dedicatedMinBytes: 1024 * MiB, killGraceMs: 1 });
    await fixture.settled(1);
    const neighbour = await fixture.load(await fixture.put("add.onnx", addOne()));
    const former = neighbour.hostPid;
    const path = join(fixture.directory, "big.onnx");
    await writeWeightsModel(path, 256 * MiB);
    const source = await inspectAt(fixture.engine, path, undefined);
    const abort = new AbortController();
    const restingPages = residentPages(former);
    const loading = fixture.engine.load(source, { signal: abort.signal, isolated: false });
    const ended = assert.rejects(loading, reason);
    await until("the host reads the model", () => residentPages(former) > restingPages + 4096);
    abort.abort(reason);
    await ended;
    await until("the host has ended", () => !isRunning(former));
    assert.notEqual(neighbour.hostPid, former);
    const inputs = [fp32("x", [1, 4], [1, 2, 3, 4])];
    const [y] = await neighbour.infer({ inputs, outputs: ["y"] }, forever);
    assert.deepEqual(fp32Values(y), [2, 3, 4, 5]);
    await assertServes(fixture);
  });
});

describe("the threads of a model", { timeout: limitMs, skip: !canMeasureTrees }, () => {
  const threadsOf = (pid: number) => readdirSync(`/proc/${pid}/task`).length;
  const loadWith = async (fixture: EngineFixture, threads: number) => {
    const file = await fixture.put(`threads-${threads}.onnx`, addOne());
    const before = new Map(fixture.engine.hosts().map(({ pid }) => [pid, threadsOf(pid)]));
    const model = await fixture.load(file, { settings: { ...defaultRunSettings, threads } });
    const added = fixture.engine
      .hosts()
      .map(({ pid }) => threadsOf(pid) - (before.get(pid) ?? threadsOf(pid)));
    return { model, added: Math.max(...added) };
  };

  it("are one in a shared host, and as many as its settings say, or as there are cores", async (t) => {
    const fixture = await startEngine(t);
    await fixture.settled(1);
    const { model: usual, added } = await loadWith(fixture, 0);
    assert.equal(added, 0);
    // The one that calls computes as well.
    const { model: wide, added: more } = await loadWith(fixture, 5);
    assert.equal(more, Math.min(5, availableParallelism()) - 1);
    const inputs = [fp32("x", [1, 4], [1, 2, 3, 4])];
    const [y] = await wide.infer({ inputs, outputs: ["y"] }, forever);
    assert.deepEqual(fp32Values(y), [2, 3, 4, 5]);
    await usual.unload();
    await wide.unload();
  });
});
