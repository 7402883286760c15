import assert from "node:assert/strict";
import { mkdir, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { defaultRunSettings } from "../../src/config/run-settings.ts";
import { slowLoop } from "../support/models/heavy-models.ts";
import { addOne } from "../support/models/simple-models.ts";
import { slowInputs } from "../support/servers/engine-fixture.ts";
import { type Runtime, startRuntime } from "../support/servers/runtime.ts";

const forever = new AbortController().signal;

describe("the settings of a model", { timeout: 300_000 }, () => {
  let runtime: Runtime;
  before(async () => {
    runtime = await startRuntime({
      limitPerModelConcurrency: 7,
      runSettings: { ...defaultRunSettings, maxQueueSize: 5 },
    });
  });
  after(() => runtime.close());

  const load = (path: string, key = "") =>
    runtime.models.load({ id: path, path, type: "", key }, forever);

  async function put(path: string, settings?: unknown): Promise<void> {
    await mkdir(join(runtime.root, path), { recursive: true });
    if (settings !== undefined) await putSettings(join(path, "modelport.json"), settings);
  }
  async function putSettings(path: string, settings: unknown): Promise<void> {
    await writeFile(join(runtime.root, path), JSON.stringify(settings));
  }

  it("come from its key, else from its file, else from the server's", async () => {
    await put("plain");
    await runtime.put("plain/model.onnx", addOne());
    assert.equal((await load("plain")).maxConcurrency, 7);
    await put("filed", { max_concurrency: 3 });
    await runtime.put("filed/model.onnx", addOne());
    assert.equal((await load("filed")).maxConcurrency, 3);
    assert.equal((await load("filed", '{"max_concurrency": 2}')).maxConcurrency, 2);
  });

  it("may lie beside its versions, or in a file of its own name", async () => {
    await put("numbered/12");
    await runtime.put("numbered/12/model.onnx", addOne());
    await putSettings("numbered/modelport.json", { max_concurrency: 4 });
    assert.equal((await load("numbered")).maxConcurrency, 4);
    await put("shared", { max_concurrency: 5 });
    for (const name of ["one", "two"]) await runtime.put(`shared/${name}.onnx`, addOne());
    await putSettings("shared/two.modelport.json", { max_concurrency: 6 });
    assert.equal((await load("shared/one.onnx")).maxConcurrency, 5);
    assert.equal((await load("shared/two.onnx")).maxConcurrency, 6);
  });

  it("that are wrong refuse the load, by the name of the file and the field", async () => {
    await put("wrong", { dynamic_batching: { max_queue_delay: 3 } });
    await runtime.put("wrong/model.onnx", addOne());
    await assert.rejects(load("wrong"), {
      kind: "invalid-argument",
      message: /wrong\/modelport\.json: unknown setting dynamic_batching\.max_queue_delay/,
    });
    await assert.rejects(load("plain", '{"max_batch_size": "many"}'), {
      kind: "invalid-argument",
      message: /modelKey of model 'plain': max_batch_size is "many"/,
    });
  });

  it("are not read from outside the model directories", async () => {
    await put("linked");
    await runtime.put("linked/model.onnx", addOne());
    await symlink("/etc/hostname", join(runtime.root, "linked", "modelport.json"));
    await assert.rejects(load("linked"), { kind: "invalid-argument", message: /outside/ });
  });

  it("bound what waits, which the caller hears with the figures", async () => {
    await put("slow", { dynamic_batching: { default_queue_policy: { max_queue_size: 2 } } });
    await runtime.put("slow/model.onnx", slowLoop());
    await load("slow");
    const inputs = slowInputs(5n);
    const runs = Array.from({ length: 6 }, () =>
      runtime.models.infer("slow", { version: "", inputs, outputs: [] }, forever),
    );
    const refused = (await Promise.allSettled(runs)).filter(({ status }) => status === "rejected");
    assert.ok(refused.length >= 2 && refused.length <= 3, String(refused.length));
    for (const result of refused) {
      const { reason } = result as PromiseRejectedResult;
      assert.equal(reason.kind, "overloaded");
      assert.match(reason.message, /2 inferences of this model are queued already/);
    }
  });

  it("bound how long a request waits", async () => {
    const key = JSON.stringify({
      dynamic_batching: { default_queue_policy: { default_timeout_microseconds: 50_000 } },
    });
    await load("slow", key);
    const infer = (iterations: bigint) =>
      runtime.models.infer(
        "slow",
        { version: "", inputs: slowInputs(iterations), outputs: [] },
        forever,
      );
    const [first, second] = [infer(100n), infer(1n)];
    await new Promise((resolve) => setImmediate(resolve));
    await assert.rejects(infer(1n), { kind: "overloaded", message: /the model's limit is 50 ms/ });
    assert.deepEqual((await Promise.all([first, second])).length, 2);
  });
});
