import assert from "node:assert/strict";
import { once } from "node:events";
import { cp, mkdir, rename, symlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { describe, it } from "node:test";
import { Worker } from "node:worker_threads";
import { RuntimeError } from "../../src/base/errors.ts";
import { externalData } from "../support/models/layered-models.ts";
import { encodeModel } from "../support/models/onnx-builder.ts";
import {
  type EngineFixture,
  forever,
  fp32,
  fp32Values,
  placeOf,
  startEngine,
} from "../support/servers/engine-fixture.ts";

/** Moves `file` to `target`, and leaves a link in its place. */
async function replaceByLink(file: string, target: string): Promise<void> {
  await mkdir(dirname(target), { recursive: true });
  await rename(file, target);
  await symlink(target, file);
}

const flippedLoads = 100;
const flippedTensors = 4;

/** A thread that makes the weights their own file and a link to the secret in turn. */
const flipper = `
  const { linkSync, renameSync, symlinkSync } = require("node:fs");
  const { parentPort, workerData: { weights, own, secret } } = require("node:worker_threads");
  renameSync(weights, own);
  const put = (make) => { make(weights + ".new"); renameSync(weights + ".new", weights); };
  put((path) => linkSync(own, path));
  parentPort.postMessage("flipping");
  const wait = (ms) => { for (const end = performance.now() + ms; performance.now() < end; ); };
  for (;;) {
    put((path) => symlinkSync(secret, path));
    wait(0.2 * Math.random());
    put((path) => symlinkSync(own, path));
    wait(0.5 * Math.random());
  }
`;

const ones = (value: number) => new Uint8Array(Float32Array.of(value, value, value, value).buffer);

/** A model that adds four ones from each of these files, which are made as well. */
async function sumOf(folder: string, files: readonly string[]): Promise<string> {
  await mkdir(folder, { recursive: true });
  const value = (name: string) => ({ name, datatype: "FP32", shape: ["N", 4] }) as const;
  const sumAt = (index: number) => (index === files.length ? "y" : `s${index}`);
  const model = encodeModel({
    inputs: [value("x")],
    outputs: [value("y")],
    nodes: files.map((_, index) => {
      const before = index === 0 ? "x" : sumAt(index);
      return { op: "Add", inputs: [before, `w${index}`], outputs: [sumAt(index + 1)] };
    }),
    constants: files.map((externalFile, index) => {
      const content = { externalFile, sizeBytes: 16 };
      return { name: `w${index}`, datatype: "FP32", shape: [4], content };
    }),
  });
  for (const file of files) await writeFile(join(folder, file), ones(1));
  await writeFile(join(folder, "model.onnx"), model.finish());
  return join(folder, "model.onnx");
}

/** Each makes its files below `root` and resolves to the path that a caller names. */
const layouts: Readonly<Record<string, (root: string) => Promise<string>>> = {
  "Hugging Face's cache, by the file": async (root) => {
    const model = await externalData(join(root, "snapshots/abc/onnx"), "model.onnx_data");
    await replaceByLink(`${model}_data`, join(root, "blobs/222"));
    await replaceByLink(model, join(root, "blobs/111"));
    return model;
  },
  "Hugging Face's cache, by the folder": async (root) =>
    dirname(
      await (layouts["Hugging Face's cache, by the file"] as (root: string) => Promise<string>)(
        root,
      ),
    ),
  "a cache with a folder for each file": async (root) => {
    const model = await externalData(join(root, "work"));
    await replaceByLink(join(root, "work/model.bin"), join(root, "cache/22/b"));
    await replaceByLink(model, join(root, "cache/11/a"));
    return model;
  },
  "weights elsewhere": async (root) => {
    const model = await externalData(join(root, "m"));
    await replaceByLink(join(root, "m/model.bin"), join(root, "big/disk/weights"));
    return model;
  },
  "weights in a folder that is a link": async (root) => {
    const model = await externalData(join(root, "m"), "weights/part/0.bin");
    await replaceByLink(join(root, "m/weights"), join(root, "elsewhere"));
    return model;
  },
  "a mounted ConfigMap": async (root) => {
    await externalData(join(root, "..2026"));
    await symlink("..2026", join(root, "..data"));
    for (const name of ["model.onnx", "model.bin"])
      await symlink(`..data/${name}`, join(root, name));
    return join(root, "model.onnx");
  },
  "a folder that is a link": async (root) => {
    await externalData(join(root, "versions/3"));
    await symlink("versions/3", join(root, "current"));
    return join(root, "current/model.onnx");
  },
  "a link to a model with its weights beside it": async (root) => {
    const model = await externalData(join(root, "store"));
    await symlink(model, join(root, "flowers.onnx"));
    return join(root, "flowers.onnx");
  },
  "no links": (root) => externalData(root),
};

async function answers(
  { engine }: EngineFixture,
  place: Parameters<EngineFixture["engine"]["locate"]>[0],
): Promise<number[]> {
  const source = await engine.inspect(await engine.locate(place));
  const model = await engine.load(source, { signal: forever, isolated: false });
  const inputs = [fp32("x", [1, 4], [10, 20, 30, 40])];
  const [y] = await model.infer({ inputs, outputs: ["y"] }, forever);
  await model.unload();
  return fp32Values(y);
}

describe("a model with weights in files of their own", { timeout: 300_000 }, () => {
  it("loads wherever links within the roots lead to", async (t) => {
    const fixture = await startEngine(t);
    for (const [name, lay] of Object.entries(layouts)) {
      const root = join(fixture.directory, name);
      await mkdir(root);
      const path = await lay(root);
      const sums = await answers(fixture, { ...placeOf(path), roots: [root] });
      assert.deepEqual(sums, [11, 22, 33, 44], name);
    }
  });

  it("is refused if a link leads to weights outside of the roots", async (t) => {
    const fixture = await startEngine(t);
    const root = join(fixture.directory, "root");
    const direct = await externalData(join(root, "direct"));
    await replaceByLink(join(root, "direct/model.bin"), join(fixture.directory, "secret"));
    const folder = await externalData(join(root, "folder"), "weights/0.bin");
    await replaceByLink(join(root, "folder/weights"), join(fixture.directory, "secrets"));
    const chain = await externalData(join(root, "chain"));
    await replaceByLink(join(root, "chain/model.bin"), join(root, "blobs/2"));
    await replaceByLink(join(root, "blobs/2"), join(fixture.directory, "secret 2"));
    for (const path of [direct, folder, chain]) {
      await assert.rejects(answers(fixture, { ...placeOf(path), roots: [root] }), (error) => {
        assert.ok(error instanceof RuntimeError);
        assert.equal(error.kind, "invalid-argument", error.message);
        assert.match(error.message, /\(weights of .*\) leads out of the model directories/);
        return true;
      });
      const sums = await answers(fixture, { ...placeOf(path), roots: [fixture.directory] });
      assert.deepEqual(sums, [11, 22, 33, 44], path);
    }
  });

  it("says which file is missing where a link leads nowhere", async (t) => {
    const fixture = await startEngine(t);
    const path = await externalData(join(fixture.directory, "m"));
    const data = join(fixture.directory, "m/model.bin");
    await rename(data, join(fixture.directory, "gone"));
    await symlink("nowhere", data);
    await assert.rejects(answers(fixture, placeOf(path)), {
      kind: "failed-precondition",
      message: /m\/model\.bin \(weights of .*m\/model\.onnx\) does not exist/,
    });
  });

  it("opens no file that was put in the place of one since that was looked at", async (t) => {
    const fixture = await startEngine(t);
    const outside = join(fixture.directory, "outside");
    await writeFile(outside, ones(7));
    // What lies in two roots has a folder in common that is none.
    const roots = ["one", "two"].map((name) => join(fixture.directory, name));
    const [one = "", two = ""] = roots;
    const path = await sumOf(one, ["a.bin", "b.bin"]);
    await replaceByLink(join(one, "b.bin"), join(two, "b"));
    const place = { ...placeOf(path), roots };
    for (const file of [join(one, "a.bin"), join(two, "b"), path]) {
      const source = await fixture.engine.inspect(await fixture.engine.locate(place));
      await rename(file, `${file}.own`);
      if (file === path) await cp(`${file}.own`, outside);
      await symlink(outside, file);
      await assert.rejects(fixture.engine.load(source, { signal: forever, isolated: false }), {
        kind: "invalid-argument",
        message: /leads out of the model directories/,
      });
      await rename(`${file}.own`, file);
      assert.deepEqual(await answers(fixture, place), [12, 22, 32, 42]);
    }
  });

  it("opens no file outside while a link flips", { timeout: 110_000 }, async (t) => {
    const fixture = await startEngine(t);
    const root = join(fixture.directory, "root");
    // ONNX Runtime looks and opens once for each tensor.
    const path = await sumOf(root, Array<string>(flippedTensors).fill("model.bin"));
    const secret = join(fixture.directory, "secret");
    await writeFile(secret, ones(7));
    const place = { ...placeOf(path), roots: [root] };
    const flipping = new Worker(flipper, {
      eval: true,
      workerData: { weights: join(root, "model.bin"), own: join(root, "own"), secret },
    });
    await once(flipping, "message");
    const outcomes = { own: 0, leaked: 0, refused: 0 };
    for (let load = 0; load < flippedLoads; load++) {
      const sums = await answers(fixture, place).catch((error) => {
        assert.ok(error instanceof RuntimeError, String(error));
        return undefined;
      });
      if (sums === undefined) outcomes.refused++;
      else outcomes[sums[0] === 10 + flippedTensors ? "own" : "leaked"]++;
    }
    await flipping.terminate();
    t.diagnostic(JSON.stringify(outcomes));
    assert.equal(outcomes.leaked, 0);
    assert.ok(outcomes.own > 0);
  });
});
