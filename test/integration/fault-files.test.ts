import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { chmod, mkdir, rename, rm, symlink, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { type Calls, callsOf, codeIn, valuesIn } from "../support/clients/calls.ts";
import { type Client, clientKinds, type Outcome } from "../support/clients/clients.ts";
import { externalData, weights } from "../support/models/layered-models.ts";
import { addConstant } from "../support/models/simple-models.ts";
import { type Runtime, startRuntime } from "../support/servers/runtime.ts";

const MiB = 1024 * 1024;

describe("files that change under a runtime", { timeout: 300_000 }, () => {
  let runtime: Runtime;
  let client: Client | undefined;
  let calls: Calls;
  before(async () => {
    runtime = await startRuntime();
    client = clientKinds.find(({ name }) => name === "grpc-js")?.open({ port: runtime.port });
    assert.ok(client);
    calls = callsOf(client);
    await runtime.engine.ready;
  });
  after(async () => {
    client?.close();
    await runtime?.close();
  });

  const pathOf = (name: string) => join(runtime.root, name);
  const pids = () => runtime.engine.hosts().map(({ pid }) => pid);

  async function loadAndRun(id: string, path: string, expected: readonly number[]): Promise<void> {
    assert.equal(codeIn(await calls.load(id, path)), "OK");
    assert.deepEqual(valuesIn(await calls.infer(id)), expected);
  }

  it("a loaded model's file may be cut off, overwritten, replaced or removed: it serves on", async () => {
    const before = pids();
    const changes: [name: string, change: (path: string) => Promise<void>][] = [
      ["cut off", (path) => truncate(path, 10)],
      ["emptied", (path) => truncate(path, 0)],
      ["overwritten", (path) => writeFile(path, addConstant(7))],
      ["replaced", (path) => replace(path, addConstant(7))],
      ["removed", (path) => rm(path)],
    ];
    for (const [name, change] of changes) {
      await runtime.put("m.onnx", addConstant(1));
      await loadAndRun(name, "m.onnx", [2, 3, 4, 5]);
      await change(pathOf("m.onnx"));
      for (let run = 0; run < 3; run++) {
        assert.deepEqual(valuesIn(await calls.infer(name)), [2, 3, 4, 5], name);
      }
      assert.equal(codeIn(await calls.unload(name)), "OK");
    }
    assert.deepEqual(pids(), before);
  });

  it("external weights are mapped: a model that loses them fails and says so, the others live", async (t) => {
    await runtime.put("m.onnx", addConstant(1));
    await externalData(pathOf("external"));
    await loadAndRun("external", "external", [2, 4, 6, 8]);
    await loadAndRun("neighbour", "m.onnx", [2, 3, 4, 5]);
    await rm(pathOf("external/model.bin"));
    assert.deepEqual(valuesIn(await calls.infer("external")), [2, 4, 6, 8], "removed, not changed");
    assert.equal(codeIn(await calls.unload("external")), "OK");

    await externalData(pathOf("external"));
    await loadAndRun("external", "external", [2, 4, 6, 8]);
    await truncate(pathOf("external/model.bin"), 0);
    const startMs = performance.now();
    const outcome = await calls.infer("external");
    assert.equal(codeIn(outcome), "Internal", reasonOf(outcome));
    assert.match(reasonOf(outcome), /External initializer: amounts .* out of bounds/);
    t.diagnostic(`failed after ${(performance.now() - startMs).toFixed(0)} ms`);
    assert.equal(codeIn(await calls.infer("external")), "NotFound");
    assert.deepEqual(valuesIn(await calls.infer("neighbour")), [2, 3, 4, 5]);
    assert.equal(codeIn(await calls.unload("external")), "OK");
    await externalData(pathOf("external"));
    await loadAndRun("external", "external", [2, 4, 6, 8]);
    for (const id of ["external", "neighbour"]) assert.equal(codeIn(await calls.unload(id)), "OK");
  });

  it("a file that is replaced while it is read fails its load, or loads what was there", async () => {
    for (let round = 0; round < 10; round++) {
      await runtime.put("race.onnx", weights({ bytes: 8 * MiB }));
      const loading = calls.load("race", "race.onnx");
      const change = [truncateHalf, emptied, replaced][round % 3];
      await change?.(pathOf("race.onnx"));
      const outcome = await loading;
      // Never a crash, and never a model of which a part is missing.
      assert.match(codeIn(outcome), /^(OK|InvalidArgument|Internal)$/, reasonOf(outcome));
      assert.equal(codeIn(await calls.unload("race")), "OK");
    }
    await runtime.put("race.onnx", addConstant(3));
    await loadAndRun("race", "race.onnx", [4, 5, 6, 7]);
    assert.equal(codeIn(await calls.unload("race")), "OK");
    assert.equal(runtime.models.usedBytes, 0);
  });

  const isRoot = process.getuid?.() === 0;
  it("a file that may not be read is refused by name", {
    skip: isRoot && "root may, see fault-disk",
  }, async () => {
    await runtime.put("secret.onnx", addConstant(1));
    await chmod(pathOf("secret.onnx"), 0);
    await assertRefused("secret.onnx", "FailedPrecondition", /secret\.onnx .*access denied/);
  });

  it("what only looks like a file is refused: a directory, a device, a broken link, one that leads out", async () => {
    await mkdir(pathOf("empty"));
    await symlink("/dev/full", pathOf("device.onnx"));
    await symlink("gone.onnx", pathOf("broken.onnx"));
    await symlink("/proc/self/mem", pathOf("outside.onnx"));
    await assertRefused("empty", "InvalidArgument", /empty/);
    await assertRefused("device.onnx", "InvalidArgument", /device\.onnx/);
    await assertRefused("broken.onnx", "FailedPrecondition", /broken\.onnx/);
    await assertRefused("outside.onnx", "InvalidArgument", /outside\.onnx/);
  });

  it("a FIFO beside a model is refused by name, and holds no thread that others need", async () => {
    // More than Node has threads for files.
    for (const name of ["modelport.json", "config.pbtxt"]) {
      for (let n = 0; n < 5; n++) {
        const folder = `fifo-${n}-${name}`;
        await mkdir(pathOf(folder));
        await runtime.put(`${folder}/model.onnx`, addConstant(1));
        execFileSync("mkfifo", [pathOf(join(folder, name))]);
        const message = new RegExp(`${name} is a FIFO, expected a regular file`);
        await assertRefused(folder, "InvalidArgument", message);
      }
    }
    await runtime.put("m.onnx", addConstant(1));
    assert.equal(codeIn(await calls.predict("m.onnx")), "OK");
    await loadAndRun("neighbour", "m.onnx", [2, 3, 4, 5]);
    assert.equal(codeIn(await calls.unload("neighbour")), "OK");
  });

  async function assertRefused(path: string, code: string, message: RegExp): Promise<void> {
    const outcome = await calls.load("refused", path);
    assert.equal(codeIn(outcome), code, reasonOf(outcome));
    assert.match(reasonOf(outcome), message);
    assert.equal(codeIn(await calls.infer("refused")), "NotFound");
  }
});

function reasonOf(outcome: Outcome): string {
  return outcome.ok ? "" : outcome.message;
}

/** As tools do that publish files whole. */
async function replace(path: string, bytes: Uint8Array): Promise<void> {
  await writeFile(`${path}.new`, bytes);
  await rename(`${path}.new`, path);
}

async function replaced(path: string): Promise<void> {
  await replace(path, addConstant(3));
}

async function truncateHalf(path: string): Promise<void> {
  await truncate(path, 4 * MiB);
}

async function emptied(path: string): Promise<void> {
  await truncate(path, 0);
}
