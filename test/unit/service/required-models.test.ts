import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { setImmediate } from "node:timers/promises";
import { RuntimeError } from "../../../src/base/errors.ts";
import { SafePath } from "../../../src/base/files/safe-path.ts";
import { createLogger } from "../../../src/observe/log.ts";
import { ModelManager, type ModelManagerOptions } from "../../../src/service/model-manager.ts";
import { FakeEngine } from "../../support/fakes/fake-engine.ts";
import { managerOptions } from "../../support/fakes/manager-options.ts";

const forever = new AbortController().signal;

/** A model in a file, named "file", and one with versions 1 and 2, named "folder"; beside them a repository of one. */
async function setUp(t: TestContext, options: Partial<ModelManagerOptions> = {}) {
  const root = await mkdtemp(join(tmpdir(), "modelport-required-"));
  t.after(() => rm(root, { recursive: true, force: true }));
  for (const file of ["a/x.onnx", "b/1/model.onnx", "b/2/model.onnx", "all/other.onnx"]) {
    await mkdir(join(root, file, ".."), { recursive: true });
    await writeFile(join(root, file), file);
  }
  const namedModels = [
    { name: "file", path: join(root, "a/x.onnx") },
    { name: "folder", path: join(root, "b") },
  ];
  const engine = new FakeEngine();
  const manager = new ModelManager(
    { engine, safePath: new SafePath([root]), log: createLogger("silent") },
    managerOptions({ loadingConcurrency: 8, namedModels, ...options }),
  );
  t.after(() => manager.close());
  await engine.ready;
  await setImmediate();
  return { root, engine, manager };
}

const rows = async (manager: ModelManager) =>
  (await manager.index()).map(({ name, version, state }) => `${name}/${version} ${state}`);

describe("models that the operator named", () => {
  it("are served with all of their versions, and the runtime is ready only with them", async (t) => {
    const { manager, engine } = await setUp(t);
    const told: boolean[] = [];
    manager.readiness.onChange(() => told.push(manager.ready));
    const loading = manager.loadRepository(forever);
    for (const nth of [1, 2, 3]) {
      assert.deepEqual([manager.ready, await manager.status()], [false, { ready: false }]);
      (await engine.nthLoad(nth)).finish();
    }
    assert.deepEqual(await loading, []);
    assert.deepEqual(await rows(manager), ["file/ READY", "folder/1 READY", "folder/2 READY"]);
    assert.equal(manager.ready, true);
    await manager.unloadFromRepository("file");
    assert.equal(manager.ready, false);
    const again = manager.loadFromRepository("file", forever);
    (await engine.nthLoad(4)).finish();
    await again;
    assert.equal(manager.ready, true);
    assert.deepEqual(told, [true, false, true]);
  });

  it("keep the runtime from being ready if one fails, whatever it is ready with", async (t) => {
    const { manager, engine } = await setUp(t, { readyWhen: "started" });
    assert.equal(manager.ready, false);
    const loading = manager.loadRepository(forever);
    for (const nth of [1, 2, 3]) {
      const load = await engine.nthLoad(nth);
      if (load.source.file.endsWith("x.onnx"))
        load.fail(new RuntimeError("load-failed", "unknown operator"));
      else load.finish();
    }
    const [failure = "", ...others] = await loading;
    assert.match(failure, /^file: .*unknown operator/);
    assert.deepEqual(others, []);
    assert.equal(manager.ready, false);
  });

  it("lie beside those of a repository, which do not count", async (t) => {
    const { root, engine } = await setUp(t);
    const beside = new ModelManager(
      { engine, safePath: new SafePath([root]), log: createLogger("silent") },
      managerOptions({
        modelRepository: join(root, "all"),
        namedModels: [
          { name: "other", path: join(root, "a") },
          { name: "gone", path: join(root, "no") },
        ],
      }),
    );
    t.after(() => beside.close());
    const loading = beside.loadRepository(forever);
    const load = await engine.nthLoad(1);
    assert.equal(load.source.file, join(root, "a"), "a named model goes first");
    load.finish();
    const [failure] = await loading;
    assert.match(failure ?? "", /^gone: .*no does not exist/);
    assert.deepEqual(await rows(beside), ["gone/ UNAVAILABLE", "other/ READY"]);
  });

  it("are ModelMesh's to leave alone: they stay through the purge of runtimeStatus", async (t) => {
    const { manager, engine } = await setUp(t);
    const loading = manager.loadRepository(forever);
    for (const nth of [1, 2, 3]) (await engine.nthLoad(nth)).finish();
    await loading;
    assert.equal((await manager.status()).ready, true);
    assert.equal(manager.isModelReady("file"), true);
  });
});
