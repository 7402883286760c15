import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, before, describe, it } from "node:test";
import { findModel } from "../../../../src/engine/files/model-files.ts";
import { readModelConfiguration } from "../../../../src/service/lifecycle/model-configuration.ts";
import { addOne } from "../../../support/models/simple-models.ts";
import { placeOf } from "../../../support/servers/engine-fixture.ts";

describe("what the files beside a model say of it", () => {
  let root = "";
  before(async () => {
    root = await mkdtemp(join(tmpdir(), "modelport-configuration-"));
  });
  after(() => rm(root, { recursive: true, force: true }));

  /** Writes the files of one model, and reads what they say. */
  async function read(name: string, files: Readonly<Record<string, string>>) {
    const folder = join(root, name);
    for (const [path, content] of Object.entries({ "1/model.onnx": "", ...files })) {
      const file = join(folder, path);
      await mkdir(dirname(file), { recursive: true });
      await writeFile(file, path.endsWith(".onnx") ? addOne() : content);
    }
    const { model } = await findModel({ ...placeOf(folder), roots: [root] });
    return await readModelConfiguration(model);
  }

  it("is nothing where there are none", async () => {
    const { settings, isBatched, labels, ignored } = await read("none", {});
    assert.deepEqual([settings, isBatched, labels.size, ignored], [{}, undefined, 0, []]);
  });

  it("is in modelport.json first, and in config.pbtxt where that says nothing", async () => {
    const config = `max_batch_size: 8
      dynamic_batching { max_queue_delay_microseconds: 7 default_queue_policy { max_queue_size: 3 } }`;
    const { settings, isBatched } = await read("both", {
      "config.pbtxt": config,
      "modelport.json": '{"max_batch_size": 2, "max_concurrency": 5}',
    });
    assert.deepEqual(settings, {
      maxBatchSize: 2,
      maxConcurrency: 5,
      maxQueueDelayMicroseconds: 7,
      maxQueueSize: 3,
    });
    assert.equal(isBatched, true);
    const own = await read("own", {
      "1/config.pbtxt": "max_batch_size: 0",
      "config.pbtxt": config,
    });
    assert.deepEqual(own.settings, { maxBatchSize: 0 });
    assert.equal(own.isBatched, false);
  });

  it("may begin with a byte order mark", async () => {
    const { settings } = await read("marked", {
      "modelport.json": '\ufeff{"max_concurrency": 5}',
      "config.pbtxt": "\ufeffmax_batch_size: 8",
    });
    assert.deepEqual(settings, { maxBatchSize: 8, maxConcurrency: 5 });
  });

  it("has the names of classes, in files within the roots", async () => {
    const config = (file: string) => `output { name: "y" label_filename: "${file}" }`;
    const named = await read("named", {
      "config.pbtxt": config("labels.txt"),
      "labels.txt": "rose\r\nwild lily\n",
    });
    assert.deepEqual([...named.labels], [["y", ["rose", "wild lily"]]]);
    assert.deepEqual(named.ignored, []);
    const missing = await read("missing", { "config.pbtxt": config("labels.txt") });
    assert.equal(missing.labels.size, 0);
    assert.match(missing.ignored.join(), /^output\.label_filename \(.*does not exist/);
    await mkdir(join(root, "linked"));
    await symlink("/etc/hostname", join(root, "linked/labels.txt"));
    const linked = await read("linked", { "config.pbtxt": config("labels.txt") });
    assert.match(
      linked.ignored.join(),
      /^output\.label_filename \(.*outside the model directories/,
    );
    const above = await read("above", { "config.pbtxt": config("../../../../etc/hostname") });
    assert.match(above.ignored.join(), /^output\.label_filename /);
  });

  it("names the model file where it is another one than was found", async () => {
    const config = (file: string) => ({ "config.pbtxt": `default_model_filename: "${file}"` });
    assert.deepEqual((await read("same", config("model.onnx"))).ignored, []);
    assert.deepEqual((await read("other", config("other.onnx"))).ignored, [
      "default_model_filename",
    ]);
  });

  it("refuses a model that it does not describe", async () => {
    const { check } = await read("check", {
      "config.pbtxt": 'input { name: "x" data_type: TYPE_FP16 }',
    });
    const inputs = [{ name: "x", datatype: "FP32", shape: [-1, 4] }] as const;
    assert.throws(() => check({ platform: "onnx_onnxv1", inputs, outputs: [] }), {
      kind: "invalid-argument",
      message: /check\/config\.pbtxt describes another model: input 'x' is FP16 there, and FP32 in/,
    });
    check({ platform: "onnx_onnxv1", inputs: [{ ...inputs[0], datatype: "FP16" }], outputs: [] });
  });
});
