import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { SafePath } from "../../../../src/base/files/safe-path.ts";
import { createLogger } from "../../../../src/observe/log.ts";
import { ModelManager } from "../../../../src/service/model-manager.ts";
import { FakeEngine } from "../../../support/fakes/fake-engine.ts";
import { managerOptions } from "../../../support/fakes/manager-options.ts";

const forever = new AbortController().signal;

/** A manager whose lines in the log are kept, and whose time passes when it is told to. */
function setUp(t: TestContext) {
  const root = mkdtempSync(join(tmpdir(), "modelport-times-"));
  t.after(() => rmSync(root, { recursive: true, force: true }));
  writeFileSync(join(root, "a.onnx"), "x");
  const clock = { nowMs: 5_000 };
  t.mock.method(performance, "now", () => clock.nowMs);
  const log = createLogger("silent");
  const lines: { readonly message: string; readonly loadMs: unknown }[] = [];
  t.mock.method(log, "info", (facts: { readonly loadMs?: number }, message: string) => {
    lines.push({ message, loadMs: facts.loadMs });
  });
  const engine = new FakeEngine();
  const manager = new ModelManager(
    { engine, safePath: new SafePath([root]), log },
    managerOptions(),
  );
  return { clock, lines, engine, manager };
}

describe("how long a load took", () => {
  it("is counted from the loss of the host if the model is loaded again", async (t) => {
    const { clock, lines, engine, manager } = setUp(t);
    const answer = manager.load({ id: "m", type: "mt:onnx", path: "a.onnx", key: "" }, forever);
    const first = await engine.nthLoad(1);
    clock.nowMs += 70;
    const model = first.finish();
    await answer;
    clock.nowMs += 100_000;
    model.die();
    const second = await engine.nthLoad(2);
    clock.nowMs += 30;
    second.finish();
    await manager.load({ id: "m", type: "mt:onnx", path: "a.onnx", key: "" }, forever);
    await turn();
    const loads = lines.filter(({ message }) => message === "model loaded");
    assert.deepEqual(
      loads.map(({ loadMs }) => loadMs),
      [70, 30],
    );
  });
});
