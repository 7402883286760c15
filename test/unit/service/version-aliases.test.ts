import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { SafePath } from "../../../src/base/files/safe-path.ts";
import { createLogger } from "../../../src/observe/log.ts";
import { ModelManager } from "../../../src/service/model-manager.ts";
import { FakeEngine } from "../../support/fakes/fake-engine.ts";
import { textFacts } from "../../support/fakes/fake-text-target.ts";
import { managerOptions } from "../../support/fakes/manager-options.ts";

const forever = new AbortController().signal;

/** Text models "m" with versions 1 and 2, of which 1 is called "stable", and one that is called "odd@2". */
async function setUp(t: TestContext) {
  const root = await mkdtemp(join(tmpdir(), "modelport-aliases-"));
  t.after(() => rm(root, { recursive: true, force: true }));
  for (const folder of ["m/1", "m/2", "odd@2"]) {
    await mkdir(join(root, folder), { recursive: true });
    await writeFile(join(root, folder, "model.onnx"), folder);
  }
  await writeFile(join(root, "m/modelport.json"), '{"version_aliases": {"stable": 1}}');
  const engine = new FakeEngine();
  engine.metadata = {
    platform: "huggingface_huggingface",
    text: textFacts(),
    inputs: [{ name: "item", datatype: "BYTES", shape: [-1] }],
    outputs: [{ name: "embedding", datatype: "FP32", shape: [-1, 8] }],
  };
  const manager = new ModelManager(
    { engine, safePath: new SafePath([root]), log: createLogger("silent") },
    managerOptions({ modelRepository: root, loadingConcurrency: 4 }),
  );
  t.after(() => manager.close());
  const all = manager.loadRepository(forever);
  for (const nth of [1, 2, 3]) (await engine.nthLoad(nth)).finish();
  assert.deepEqual(await all, []);
  return { manager };
}

describe("an alias of a version", () => {
  it("is that version for readiness, metadata and statistics", async (t) => {
    const { manager } = await setUp(t);
    assert.equal(manager.isModelReady("m", "stable"), true);
    assert.equal(manager.isModelReady("m", "newest"), false);
    assert.deepEqual(manager.describe("m", "stable").versions, ["1", "2"]);
    assert.deepEqual(
      manager.statistics("m", "stable").map(({ version }) => version),
      ["1"],
    );
    assert.equal(manager.isModelReady("odd@2", "stable"), false, "of its own model only");
  });

  it("may follow the name of a text model, whose calls have no field for it, as may a number", async (t) => {
    const { manager } = await setUp(t);
    const tokenize = (named: string) =>
      manager.texts.tokenize(named, { texts: [], addSpecial: true }, forever);
    for (const named of ["m", "m@stable", "m@1", "m@2", "odd@2"]) {
      assert.equal(manager.texts.facts(named).task, textFacts().task, named);
      await assert.rejects(tokenize(named), { message: /there are no texts/ }, named);
    }
    assert.throws(() => manager.texts.facts("m@best"), {
      kind: "invalid-argument",
      message: "version 'best' of model 'm' is not served: it has 1 (stable), 2",
    });
    for (const named of ["nobody@stable", "odd@2@1", "@stable"]) {
      assert.throws(() => manager.texts.facts(named), { kind: "model-not-found" }, named);
    }
  });

  it("goes with its model", async (t) => {
    const { manager } = await setUp(t);
    await manager.unloadFromRepository("m");
    assert.equal(manager.isModelReady("m", "stable"), false);
    assert.throws(() => manager.describe("m", "stable"), { kind: "model-not-found" });
  });
});
