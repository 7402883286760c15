import assert from "node:assert/strict";
import { cp, mkdir, readFile, rename, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, afterEach, before, describe, it } from "node:test";
import type { LoadedModel } from "../../src/engine/contract/engine.ts";
import { packItems } from "../../src/engine/text/items/pack-items.ts";
import { itemInput } from "../../src/engine/text/items/run-terms.ts";
import type { TextItem } from "../../src/engine/text/items/text-item.ts";
import { readReports } from "../../src/engine/text/items/text-report.ts";
import {
  forever,
  fp32Values,
  inspectAt,
  patientSettings,
} from "../support/servers/engine-fixture.ts";
import { type Runtime, startRuntime } from "../support/servers/runtime.ts";
import { textFixture } from "../support/text/text-fixtures.ts";
import { type TinyBert, tinyVocabulary, writeTinyBert } from "../support/text/tiny-bert.ts";
import { waitFor } from "../support/wait-for.ts";

/** Documented: how far a text's numbers may differ that ran among others. */
const tolerance = 1e-5;

function itemTensor(items: readonly Partial<TextItem>[]) {
  const whole = items.map((item) => ({ addSpecial: true, truncate: "error", ...item }) as TextItem);
  const data = packItems(whole);
  return { name: itemInput, datatype: "BYTES", shape: [items.length], data } as const;
}

async function runItems(model: LoadedModel, items: readonly Partial<TextItem>[], output: string) {
  const inputs = [itemTensor(items)];
  const [numbers, report] = await model.infer({ inputs, outputs: [output, "report"] }, forever);
  const width = numbers?.shape[1] as number;
  const values = fp32Values(numbers);
  const rows = items.map((_, at) => values.slice(at * width, (at + 1) * width));
  return { rows, reports: readReports(report?.data as Uint8Array) };
}

function furthest(a: readonly number[], b: readonly number[]): number {
  return Math.max(...a.map((value, at) => Math.abs(value - (b[at] as number))));
}

describe("a text model", { timeout: 300_000 }, () => {
  let runtime: Runtime;
  before(async () => {
    runtime = await startRuntime({
      engineHosts: 1,
      servesRoot: true,
      warmupTimeoutMs: 60_000,
      loadTimeoutMs: 120_000,
    });
    await runtime.engine.ready;
  });
  after(() => runtime?.close());
  afterEach(async () => {
    const { models } = runtime;
    await Promise.all(models.modelIds.map((id) => models.unload(id)));
    assert.equal(models.usedBytes, 0);
  });

  const folderOf = async (name: string, options: TinyBert = {}) => {
    const folder = join(runtime.root, name);
    await rm(folder, { recursive: true, force: true });
    await writeTinyBert(folder, options);
    return folder;
  };
  const load = (id: string, path: string, signal = forever) =>
    runtime.models.load({ id, path, type: "", key: "" }, signal);
  const vectorOf = async (id: string, text: string) => {
    const call = { texts: [text], truncate: "error" } as const;
    const { vectors } = await runtime.models.texts.embed(id, call, forever);
    return [...(vectors[0] as Float32Array)];
  };
  const loadInEngine = async (path: string, settings = patientSettings) => {
    const { engine } = runtime;
    const source = await engine.inspect(
      await engine.locate({ path, name: path, roots: [runtime.root], format: undefined }),
      settings,
    );
    return await engine.load(source, { signal: forever, isolated: false, settings });
  };

  it("is predicted, loaded, measured no larger than that, and unloaded without a rest", async () => {
    const { models, engine, root } = runtime;
    await folderOf("m", { hidden: 64, layers: 3 });
    const source = await inspectAt(engine, join(root, "m"), undefined);
    assert.equal(source.format, "huggingface");
    assert.equal(source.text?.dimensions, 64);
    const { sizeBytes } = await load("m", "m");
    const { estimatedBytes } = source;
    assert.ok(sizeBytes <= estimatedBytes, `${sizeBytes} of ${estimatedBytes}`);
    assert.ok(sizeBytes > estimatedBytes / 4, `${sizeBytes} of ${estimatedBytes}`);
    assert.equal(models.describe("m", "").platform, "huggingface_huggingface");
    await models.unload("m");
    assert.equal(models.usedBytes, 0);
    for (const type of ["huggingface", "sentence-transformers", "caikit", "text"]) {
      await models.load({ id: "m", path: "m", type, key: "" }, forever);
      assert.equal(models.size("m"), sizeBytes, "the size that ModelMesh knows");
      await models.unload("m");
    }
  });

  it("answers a text the same alone and among others, of whatever length", async () => {
    await folderOf("m");
    const model = await loadInEngine(join(runtime.root, "m"));
    const words = tinyVocabulary.slice(-10);
    const texts = Array.from({ length: 40 }, (_, at) => {
      return Array.from(
        { length: 1 + ((at * 7) % 50) },
        (__, word) => words[(at + word) % 10],
      ).join(" ");
    });
    const items = texts.map((text) => ({ text }));
    const together = await runItems(model, items, "embedding");
    // Requests of several callers at once, which are joined.
    const single = await Promise.all(items.map((item) => runItems(model, [item], "embedding")));
    for (const [at, { rows, reports }] of single.entries()) {
      assert.ok(furthest(rows[0] as number[], together.rows[at] as number[]) < tolerance);
      assert.deepEqual(reports[0], together.reports[at]);
      const length = Math.hypot(...(rows[0] as number[]));
      assert.ok(Math.abs(length - 1) < tolerance, "it is normalised");
    }
    assert.ok(furthest(together.rows[0] as number[], together.rows[1] as number[]) > 0.01);
    assert.equal(model.joining.state, "proven");
    await model.unload();
  });

  it("is joined where it comes from an ONNX file, and compared", async () => {
    await cp(textFixture("bert-onnx"), join(runtime.root, "exported"), { recursive: true });
    const model = await loadInEngine(join(runtime.root, "exported"));
    const items = Array.from({ length: 24 }, (_, at) => ({ text: "rain ".repeat(1 + (at % 7)) }));
    const [together, single] = await Promise.all([
      runItems(model, items, "embedding"),
      Promise.all(items.map((item) => runItems(model, [item], "embedding"))),
    ]);
    for (const [at, { rows }] of single.entries()) {
      assert.ok(furthest(rows[0] as number[], together.rows[at] as number[]) < tolerance);
    }
    assert.equal(model.joining.state, "promised", model.joining.reason);
    await model.unload();
  });

  it("fails for one text of a run, and not for the others", async () => {
    await folderOf("m", { maxTokens: 16 });
    const model = await loadInEngine(join(runtime.root, "m"));
    const long = Array.from({ length: 20 }, () => "text").join(" ");
    const { rows, reports } = await runItems(
      model,
      [
        { text: "a text" },
        { text: long },
        { ids: Int32Array.of(2, 100_000, 3) },
        { ids: Int32Array.of(2, -1, 3) },
        { text: long, truncate: "model" },
        { text: long, truncate: 8 },
      ],
      "embedding",
    );
    assert.deepEqual(reports[0], { tokens: 4 });
    const kinds = reports.map((report) => report.fault?.kind);
    assert.deepEqual(kinds, [undefined, "too-long", "bad-id", "bad-id", undefined, undefined]);
    assert.deepEqual(reports[1], { fault: { kind: "too-long", tokens: 22, limit: 16 } });
    assert.deepEqual(reports.slice(4), [
      { tokens: 16, totalTokens: 22 },
      { tokens: 8, totalTokens: 22 },
    ]);
    assert.ok(rows[1]?.every((value) => value === 0));
    const alone = await runItems(model, [{ text: "a text" }], "embedding");
    assert.ok(furthest(rows[0] as number[], alone.rows[0] as number[]) < tolerance);
    const nothing = await model.infer(
      { inputs: [itemTensor([])], outputs: ["embedding", "report"] },
      forever,
    );
    assert.deepEqual(
      nothing.map(({ shape }) => shape),
      [[0, 32], [0]],
    );
    await model.unload();
  });

  it("scores pairs, finds entities, and makes tokens without a run", async () => {
    await folderOf("scores", { task: "rerank" });
    const scores = await loadInEngine(join(runtime.root, "scores"));
    const pairs = [
      { text: "a text", pair: "some people" },
      { text: "a text", pair: "" },
    ];
    const { rows, reports } = await runItems(scores, pairs, "logits");
    assert.deepEqual(
      rows.map(({ length }) => length),
      [1, 1],
    );
    assert.deepEqual(reports, [{ tokens: 7 }, { tokens: 5 }]);
    await scores.unload();
    await folderOf("words", { task: "token-classification" });
    const words = await loadInEngine(join(runtime.root, "words"));
    const of = async (want: TextItem["want"]) => {
      const inputs = [itemTensor([{ text: "The people, xyz", want }])];
      const [report] = await words.infer({ inputs, outputs: ["report"] }, forever);
      return readReports(report?.data as Uint8Array)[0];
    };
    const tokens = await of("offsets");
    assert.deepEqual(tokens, {
      tokens: 8,
      ids: tokens?.fault === undefined ? tokens?.ids : [],
      pieces: ["[CLS]", "the", "people", ",", "x", "##y", "##z", "[SEP]"],
      offsets: [
        [0, 0],
        [0, 3],
        [4, 10],
        [10, 11],
        [12, 13],
        [13, 14],
        [14, 15],
        [0, 0],
      ],
      special: [0, 7],
    });
    const found = await of("entities");
    assert.ok(found?.fault === undefined && Array.isArray(found?.entities));
    for (const { start, end, word, score } of found.entities ?? []) {
      assert.equal(word, "The people, xyz".slice(start, end));
      assert.ok(score > 0 && score <= 1);
    }
    await words.unload();
  });

  it("stays in its file where its settings say so, and answers the same", async () => {
    const folder = await folderOf("m", { hidden: 128, layers: 3 });
    const path = join(runtime.root, "m");
    const packed = await loadInEngine(path);
    const mapped = await loadInEngine(path, { ...patientSettings, textWeights: "mapped" });
    const items = [{ text: "some text of the people" }];
    const [one, other] = await Promise.all(
      [packed, mapped].map((model) => runItems(model, items, "embedding")),
    );
    assert.ok(furthest(one?.rows[0] as number[], other?.rows[0] as number[]) < tolerance);
    assert.ok(mapped.sizeBytes < packed.sizeBytes, `${mapped.sizeBytes} of ${packed.sizeBytes}`);
    await Promise.all([packed.unload(), mapped.unload()]);
    await writeFile(join(folder, "modelport.json"), '{"max_tokens": 8, "weights": "mapped"}');
    await load("m", "m");
    await assert.doesNotReject(runtime.models.unload("m"));
  });

  it("lies behind the links of Hugging Face's cache, in Caikit's folder and in versions", async () => {
    const { root } = runtime;
    const folder = await folderOf("plain");
    const cache = join(root, "models--acme--tiny");
    const snapshot = join(cache, "snapshots/4f1c");
    await mkdir(join(cache, "blobs"), { recursive: true });
    await cp(folder, snapshot, { recursive: true });
    const names = ["config.json", "tokenizer.json", "model.safetensors"];
    for (const [at, name] of names.entries()) {
      await rename(join(snapshot, name), join(cache, `blobs/8a31${at}`));
      await symlink(`../../blobs/8a31${at}`, join(snapshot, name));
    }
    await mkdir(join(root, "caikit"));
    await cp(folder, join(root, "caikit/artifacts"), { recursive: true });
    await writeFile(join(root, "caikit/config.yml"), "module_id: x\nmodel: artifacts\n");
    await cp(folder, join(root, "versions/7"), { recursive: true });
    const vectors = [];
    for (const name of ["plain", "models--acme--tiny", "caikit", "versions"]) {
      const model = await loadInEngine(join(root, name));
      vectors.push((await runItems(model, [{ text: "some text" }], "embedding")).rows[0]);
      await model.unload();
    }
    for (const vector of vectors) assert.deepEqual(vector, vectors[0]);
  });

  it("goes on in another host when its own is killed", async () => {
    const { models } = runtime;
    await folderOf("m");
    await load("m", "m");
    const vector = await vectorOf("m", "some text");
    process.kill(models.hostPidOf("m") as number, "SIGKILL");
    await waitFor(() => models.isModelReady("m", "") === false);
    assert.ok(furthest(await vectorOf("m", "some text"), vector) < tolerance);
    assert.ok(models.isModelReady("m", ""));
  });

  it("is the one that lies there when it is loaded again", async () => {
    const path = join(runtime.root, "m");
    await folderOf("m", { seed: 1 });
    const old = await loadInEngine(path);
    await folderOf("m", { seed: 2 });
    const fresh = await loadInEngine(path);
    const [one, other] = await Promise.all(
      [old, fresh].map((model) => runItems(model, [{ text: "some text" }], "embedding")),
    );
    assert.ok(furthest(one?.rows[0] as number[], other?.rows[0] as number[]) > 0.01);
    await Promise.all([old.unload(), fresh.unload()]);
  });

  it("is replaced when the repository loads its folder again after a change", async () => {
    const { models } = runtime;
    await folderOf("m", { seed: 1 });
    await models.loadFromRepository("m", forever);
    const vector = await vectorOf("m", "some text");
    await models.loadFromRepository("m", forever);
    assert.deepEqual(await vectorOf("m", "some text"), vector, "nothing has changed");
    await folderOf("m", { seed: 2 });
    await models.loadFromRepository("m", forever);
    assert.ok(furthest(await vectorOf("m", "some text"), vector) > 0.01);
    await models.unloadFromRepository("m");
  });

  it("leaves nothing behind when its load is given up", async () => {
    await folderOf("m", { hidden: 128, layers: 6 });
    const leaving = new AbortController();
    const loading = load("m", "m", leaving.signal);
    leaving.abort(new Error("left"));
    await assert.rejects(loading, { message: "left" });
    await waitFor(() => runtime.models.modelIds.length === 0);
    const unloaded = load("m", "m");
    await Promise.allSettled([unloaded, runtime.models.unload("m")]);
    assert.equal(runtime.models.usedBytes, 0);
  });

  const damages: readonly [what: string, damage: (folder: string) => Promise<void>, why: RegExp][] =
    [
      [
        "a tokenizer that is cut off",
        async (folder) => {
          const text = await readFile(join(folder, "tokenizer.json"), "utf8");
          await writeFile(join(folder, "tokenizer.json"), text.slice(0, 500));
        },
        /tokenizer\.json/,
      ],
      [
        "the tokenizer of another model",
        async (folder) => {
          const tokenizer = JSON.parse(await readFile(join(folder, "tokenizer.json"), "utf8"));
          tokenizer.model.vocab["elsewhere"] = 30_521;
          await writeFile(join(folder, "tokenizer.json"), JSON.stringify(tokenizer));
        },
        /tokenizer\.json has 30522 tokens, and the model has embeddings for \d+ .* of another model/,
      ],
      [
        "weights that are cut off",
        async (folder) => {
          const bytes = await readFile(join(folder, "model.safetensors"));
          await writeFile(join(folder, "model.safetensors"), bytes.subarray(0, bytes.length / 2));
        },
        /model\.safetensors/,
      ],
      [
        "a missing tensor",
        (folder) =>
          writeTinyBert(folder, { change: (all) => all.delete("embeddings.LayerNorm.bias") }),
        /embeddings\.LayerNorm\.bias/,
      ],
      [
        "weights that are not numbers",
        (folder) =>
          writeTinyBert(folder, {
            change: (all) => all.get("encoder.layer.1.output.dense.bias")?.values.fill(Number.NaN),
          }),
        /numbers that are not finite/,
      ],
      [
        "an architecture that is not known",
        (folder) =>
          writeFile(join(folder, "config.json"), '{"architectures":["T5Model"],"model_type":"t5"}'),
        /T5Model/,
      ],
      [
        "no tokenizer.json",
        async (folder) => {
          await rm(join(folder, "tokenizer.json"));
          await writeFile(join(folder, "vocab.txt"), "[PAD]\n");
        },
        /tokenizer\.json.*save_pretrained/s,
      ],
    ];
  for (const [what, damage, why] of damages) {
    it(`is refused with ${what}, and nothing stays loaded`, async () => {
      await damage(await folderOf("bad"));
      await assert.rejects(load("bad", "bad"), { kind: "invalid-argument", message: why });
      assert.equal(runtime.models.usedBytes, 0);
      assert.deepEqual(runtime.models.modelIds, []);
    });
  }
});
