import assert from "node:assert/strict";
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, afterEach, before, describe, it, type TestContext } from "node:test";
import { ProcessFolder } from "../../src/storage/process-folder.ts";
import { isRunning } from "../support/servers/engine-fixture.ts";
import { type Runtime, startRuntime } from "../support/servers/runtime.ts";
import { translatorPids } from "../support/translators/translator-pids.ts";
import { xgboostJson } from "../support/trees/xgboost-json.ts";
import { waitFor } from "../support/wait-for.ts";

const MiB = 1024 * 1024;
const forever = new AbortController().signal;
/** Long enough for its translator to be caught at work. */
const slowModel = () => xgboostJson({ leaf: 0.5, trees: 400, depth: 6 });

interface Fixture {
  readonly runtime: Runtime;
  readonly cache: string;
}

interface CacheOptions {
  /** Of another runtime. */
  readonly cache?: string;
  readonly limitBytes?: number;
  readonly capacityBytes?: number;
  readonly loadTimeoutMs?: number;
}

async function start(t: TestContext, options: CacheOptions = {}): Promise<Fixture> {
  const { cache = await newFolder(t), ...others } = options;
  const runtime = await startWith(cache, others);
  t.after(() => runtime.close());
  return { runtime, cache };
}

async function startWith(
  cache: string,
  { limitBytes = 64 * MiB, ...others }: Omit<CacheOptions, "cache">,
): Promise<Runtime> {
  const own = new ProcessFolder(cache);
  const runtime = await startRuntime({
    engineHosts: 1,
    ...others,
    translation: { directory: cache, own, limitBytes, timeoutMs: 60_000 },
  });
  await runtime.engine.ready;
  return runtime;
}

async function newFolder(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "modelport-cache-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

async function load({ models }: Runtime, id: string, path: string, signal = forever) {
  return await models.load({ id, path, type: "xgboost", key: "" }, signal);
}

/** What a model answers for one row, which is the same for all rows. */
async function answer({ models }: Runtime, id: string): Promise<number> {
  const data = new Uint8Array(Float32Array.of(1, Number.NaN).buffer);
  const input = { name: "any name", datatype: "FP32", shape: [1, 2], data } as const;
  const { outputs } = await models.infer(
    id,
    { version: "", inputs: [input], outputs: [] },
    forever,
  );
  return new Float32Array(outputs[0]?.data.slice().buffer as ArrayBuffer)[0] as number;
}

async function entriesIn(cache: string): Promise<string[]> {
  return (await readdir(cache)).filter((name) => /^[0-9a-f]{64}\.onnx$/.test(name));
}

/** Files in the folders of processes: those that loaded models use. */
async function filesInUse(cache: string): Promise<number> {
  const folders = (await readdir(cache)).filter((name) => /^process-[^.]*$/.test(name));
  const files = await Promise.all(folders.map((name) => readdir(join(cache, name))));
  return files.flat().length;
}

/** A translator that is at work, stopped. */
async function stoppedTranslator(): Promise<number> {
  await waitFor(() => translatorPids().length > 0);
  const pid = translatorPids()[0] as number;
  process.kill(pid, "SIGSTOP");
  return pid;
}

describe("the life of a translated model", () => {
  let shared: Fixture;
  before(async () => {
    const cache = await mkdtemp(join(tmpdir(), "modelport-cache-"));
    shared = { runtime: await startWith(cache, {}), cache };
  });
  after(async () => {
    await shared?.runtime.close();
    if (shared !== undefined) await rm(shared.cache, { recursive: true, force: true });
  });
  // Each test begins without models, entries and files in use.
  afterEach(async () => {
    const { runtime, cache } = shared;
    await Promise.all(runtime.models.modelIds.map((id) => runtime.models.unload(id)));
    await waitFor(async () => (await filesInUse(cache)) === 0);
    for (const name of await entriesIn(cache)) await rm(join(cache, name));
    // The last translator waits a moment for another file.
    await waitFor(() => translatorPids().length === 0);
  });

  it("is load, inference, unload, and a second load that translates nothing", async () => {
    const { runtime, cache } = shared;
    await mkdir(join(runtime.root, "churn"));
    await runtime.put("churn/model.json", xgboostJson({ leaf: 0.5, trees: 4 }));
    const { sizeBytes } = await load(runtime, "m", "churn");
    assert.ok(sizeBytes > 16 * 1024 && sizeBytes < 2 * MiB, `${sizeBytes} bytes`);
    assert.equal(await answer(runtime, "m"), 2);
    assert.equal(await filesInUse(cache), 1);
    await runtime.models.unload("m");
    await waitFor(async () => (await filesInUse(cache)) === 0);
    const [entry = ""] = await entriesIn(cache);
    const { mtimeMs } = await stat(join(cache, entry));
    await load(runtime, "m", "churn");
    assert.equal(await answer(runtime, "m"), 2);
    assert.equal((await stat(join(cache, entry))).mtimeMs, mtimeMs);
    assert.equal(runtime.models.size("m"), sizeBytes, "the size that ModelMesh knows");
  });

  it("ends while it is translated when no client waits, and leaves nothing", async () => {
    const { runtime, cache } = shared;
    await runtime.put("m.json", slowModel());
    const leaving = new AbortController();
    const loading = load(runtime, "m", "m.json", leaving.signal);
    const pid = await stoppedTranslator();
    leaving.abort(new Error("left"));
    await assert.rejects(loading, { message: "left" });
    await waitFor(() => runtime.models.modelIds.length === 0);
    assert.equal(isRunning(pid), false);
    assert.equal(runtime.models.usedBytes, 0);
    assert.equal(await filesInUse(cache), 0);
    assert.deepEqual(await entriesIn(cache), []);
    await load(runtime, "m", "m.json");
    assert.equal(await answer(runtime, "m"), 200);
  });

  it("ends when it is unloaded while it is translated", async () => {
    const { runtime, cache } = shared;
    await runtime.put("m.json", slowModel());
    const loading = load(runtime, "m", "m.json");
    const pid = await stoppedTranslator();
    await Promise.all([assert.rejects(loading, { kind: "cancelled" }), runtime.models.unload("m")]);
    assert.equal(isRunning(pid), false);
    assert.equal(runtime.models.usedBytes, 0);
    assert.deepEqual(await entriesIn(cache), []);
  });

  it("is one failed load if its translator dies, and the next load tries again", async () => {
    const { runtime, cache } = shared;
    await runtime.put("m.json", slowModel());
    const loading = load(runtime, "m", "m.json");
    process.kill(await stoppedTranslator(), "SIGKILL");
    await assert.rejects(loading, {
      kind: "load-failed",
      message: /m\.json: its translator ended by SIGKILL$/,
    });
    assert.equal(runtime.models.usedBytes, 0);
    assert.equal(await filesInUse(cache), 0);
    await load(runtime, "m", "m.json");
    assert.equal(await answer(runtime, "m"), 200);
  });

  it("ends at the time limit of a load", async (t) => {
    const { runtime } = await start(t, { loadTimeoutMs: 3_000 });
    await runtime.put("m.json", slowModel());
    const loading = load(runtime, "m", "m.json");
    const pid = await stoppedTranslator();
    await assert.rejects(loading, { kind: "deadline-exceeded", message: /still loading/ });
    await waitFor(() => !isRunning(pid));
  });

  it("goes on in another host when its own is killed", async () => {
    const { runtime, cache } = shared;
    await runtime.put("m.json", xgboostJson({ leaf: 3 }));
    await load(runtime, "m", "m.json");
    // Not even the entry is needed then: the model's own file is there.
    for (const name of await entriesIn(cache)) await rm(join(cache, name));
    process.kill(runtime.models.hostPidOf("m") as number, "SIGKILL");
    await waitFor(() => runtime.models.isModelReady("m", "") === false);
    assert.equal(await answer(runtime, "m"), 3);
    assert.equal(await filesInUse(cache), 1);
  });

  it("is that of the file that was there when it was loaded", async () => {
    const { runtime, cache } = shared;
    await runtime.put("m.json", xgboostJson({ leaf: 1 }));
    await load(runtime, "old", "m.json");
    await runtime.put("m.json", xgboostJson({ leaf: 2 }));
    await load(runtime, "new", "m.json");
    assert.equal(await answer(runtime, "old"), 1);
    assert.equal(await answer(runtime, "new"), 2);
    assert.equal((await entriesIn(cache)).length, 2);
  });

  it("goes on where the cache is full, which never removes what is in use", async (t) => {
    const { runtime, cache } = await start(t, { limitBytes: 3_000 });
    for (const number of [1, 2, 3, 4]) {
      await runtime.put(`${number}.json`, xgboostJson({ leaf: number, depth: 3 }));
      await load(runtime, `m${number}`, `${number}.json`);
    }
    for (const number of [1, 2, 3, 4]) assert.equal(await answer(runtime, `m${number}`), number);
    for (const number of [1, 2, 3, 4]) await runtime.models.unload(`m${number}`);
    await waitFor(async () => {
      const sizes = (await entriesIn(cache)).map(async (name) => {
        // It may leave at this very moment.
        return await stat(join(cache, name)).then(
          ({ size }) => size,
          () => 0,
        );
      });
      return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0) <= 3_000;
    });
  });

  it("goes on where the cache is damaged", async () => {
    const { runtime, cache } = shared;
    await runtime.put("m.json", xgboostJson({ leaf: 4 }));
    await load(runtime, "m", "m.json");
    await runtime.models.unload("m");
    const [entry = ""] = await entriesIn(cache);
    await waitFor(async () => (await filesInUse(cache)) === 0);
    const whole = await readFile(join(cache, entry));
    await writeFile(join(cache, entry), whole.subarray(0, 100));
    await load(runtime, "m", "m.json");
    assert.equal(await answer(runtime, "m"), 4);
    assert.deepEqual(await readFile(join(cache, entry)), whole);
  });

  it("goes on where the cache cannot be written", async (t) => {
    const nowhere = join(await newFolder(t), "missing", "cache");
    const { runtime } = await start(t, { cache: nowhere });
    await runtime.put("m.json", xgboostJson({ leaf: 5 }));
    await load(runtime, "m", "m.json");
    assert.equal(await answer(runtime, "m"), 5);
    await runtime.models.unload("m");
    await load(runtime, "m", "m.json");
    assert.equal(await answer(runtime, "m"), 5);
  });

  it("is shared by two runtimes, and ends in one without the other", async (t) => {
    const [here, cache] = await start(t).then(({ runtime, cache }) => [runtime, cache] as const);
    const there = (await start(t, { cache })).runtime;
    for (const runtime of [here, there]) await runtime.put("m.json", slowModel());
    await Promise.all([load(here, "m", "m.json"), load(there, "m", "m.json")]);
    assert.equal((await entriesIn(cache)).length, 1);
    assert.equal(await filesInUse(cache), 2);
    await here.close();
    assert.equal(await filesInUse(cache), 1);
    process.kill(there.models.hostPidOf("m") as number, "SIGKILL");
    assert.equal(await answer(there, "m"), 200);
  });

  it("begins with a file that is known by its content, whatever its name and neighbours", async () => {
    const { runtime } = shared;
    await mkdir(join(runtime.root, "model"));
    await runtime.put("model/churn.json", xgboostJson({ leaf: 6 }));
    await runtime.put("model/model-settings.json", Buffer.from('{"name":"churn"}'));
    await runtime.models.load({ id: "m", path: "model", type: "", key: "" }, forever);
    assert.equal(await answer(runtime, "m"), 6);
    assert.equal(runtime.models.describe("m", "").platform, "xgboost_xgboost");
    await runtime.put("model/other.json", xgboostJson({ leaf: 7 }));
    await assert.rejects(
      runtime.models.load({ id: "n", path: "model", type: "", key: "" }, forever),
      { kind: "invalid-argument", message: /model has 2 .* files and none is named / },
    );
  });

  it("has the outputs of the server that its settings name", async () => {
    const { runtime } = shared;
    for (const folder of ["fil", "kserve"]) await mkdir(join(runtime.root, folder));
    for (const folder of ["fil", "kserve"]) {
      await runtime.put(`${folder}/model.json`, xgboostJson({ leaf: 2 }));
    }
    const config = `
      backend: "fil" max_batch_size: 8
      input { name: "input__0" data_type: TYPE_FP32 dims: 2 }
      output { name: "output__0" data_type: TYPE_FP32 dims: 1 }`;
    await runtime.put("fil/config.pbtxt", Buffer.from(config));
    await runtime.put("kserve/modelport.json", Buffer.from('{"output_names":"kserve"}'));
    for (const folder of ["fil", "kserve"]) await load(runtime, folder, folder);
    const namesOf = (id: string) => {
      const { inputs, outputs } = runtime.models.describe(id, "");
      return [...inputs, ...outputs].map(({ name }) => name);
    };
    assert.deepEqual(namesOf("fil"), ["input__0", "output__0"]);
    assert.deepEqual(namesOf("kserve"), ["input-0", "output-0"]);
    assert.equal(await answer(runtime, "fil"), 2);
    assert.equal(await answer(runtime, "kserve"), 2);
  });

  it("does not begin with a file of another format than was named", async () => {
    const { runtime } = shared;
    await runtime.put("m.json", xgboostJson({ leaf: 6 }));
    for (const type of ["lightgbm", "onnx"]) {
      await assert.rejects(
        runtime.models.load({ id: "m", path: "m.json", type, key: "" }, forever),
        {
          kind: "invalid-argument",
          message:
            / is not an? \w+ model but an XGBoost model \(JSON\); load it without a type, or as 'xgboost'$/,
        },
      );
    }
  });
});
