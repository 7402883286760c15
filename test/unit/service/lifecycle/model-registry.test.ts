import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { RuntimeError } from "../../../../src/base/errors.ts";
import type { LoadedModel } from "../../../../src/engine/contract/engine.ts";
import { ModelRegistry } from "../../../../src/service/lifecycle/model-registry.ts";
import { heldBytes, isReleasing } from "../../../../src/service/lifecycle/model-state.ts";

const loaded = { sizeBytes: 60 } as LoadedModel;

describe("a registry", () => {
  it("knows what all generations hold, through every step of their lives", () => {
    const registry = new ModelRegistry();
    const check = () => {
      const states = [...registry.all()].map(({ state }) => state);
      assert.equal(
        registry.held.bytes,
        states.reduce((sum, state) => sum + heldBytes(state), 0),
      );
      assert.equal(registry.held.releasingCount, states.filter(isReleasing).length);
    };
    // What listeners see is up to date already: decisions are made there.
    registry.onChange(check);
    const lives = ["a", "b", "a"].map((id) => {
      const spec = { id, path: "p", type: "", key: "" };
      return registry.add({ spec, format: undefined, diskBytes: undefined, settings: {} }, false);
    });
    const [ready, failed, stopped] = lives;
    assert.ok(ready && failed && stopped);
    for (const record of lives) record.reserve(100);
    assert.equal(registry.held.bytes, 300);
    ready.becomeReady(loaded, loaded.sizeBytes);
    ready.loseHost(new RuntimeError("host-lost", "died"));
    ready.becomeReady(loaded, loaded.sizeBytes);
    failed.fail(new Error("no"));
    stopped.startUnloading(100, new Error("stop"));
    assert.equal(registry.held.bytes, 160);
    registry.remove(failed);
    registry.remove(stopped);
    ready.startDraining();
    ready.startUnloading(60, new Error("unloaded"));
    check();
    registry.remove(ready);
    assert.equal(registry.held.bytes, 0);
    assert.equal(registry.held.releasingCount, 0);
  });
});
