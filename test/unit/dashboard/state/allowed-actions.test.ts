import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { create } from "@bufbuild/protobuf";
import {
  LifecycleOwner,
  ModelState,
  ModelStatusSchema,
  RuntimeStateSchema,
} from "../../../../gen/modelport/v1/runtime_watch_pb.ts";
import { allowedActions } from "../../../../src/dashboard/state/allowed-actions.ts";
import { modelRows } from "../../../../src/dashboard/state/model-rows.ts";
import { RuntimeStore } from "../../../../src/dashboard/state/runtime-store.ts";

describe("what the page lets its visitor do to a model", () => {
  /** Of a model that is loaded: "pinned" ones are the repository's. */
  function actions(lifecycleOwner: LifecycleOwner, { may = true, pinned = true } = {}) {
    const store = new RuntimeStore();
    store.runtime.value = create(RuntimeStateSchema, { lifecycleOwner });
    store.mayChangeModels.value = may;
    const status = create(ModelStatusSchema, { id: "iris", state: ModelState.READY, pinned });
    const [row] = modelRows([status], []);
    assert.ok(row !== undefined);
    return allowedActions(store, row);
  }

  it("is to unload what is loaded, whoever owns the models of the repository", () => {
    for (const owner of [LifecycleOwner.REPOSITORY, LifecycleOwner.UNCLAIMED]) {
      assert.deepEqual(actions(owner), { load: false, unload: true, whyNone: "" });
    }
    const ofMesh = actions(LifecycleOwner.MODELMESH, { pinned: false });
    assert.deepEqual(ofMesh, { load: false, unload: true, whyNone: "" });
  });

  it("is nothing where ModelMesh owns the model, and the page says so and how to change it", () => {
    const { load, unload, whyNone } = actions(LifecycleOwner.MODELMESH);
    assert.deepEqual([load, unload], [false, false]);
    assert.match(whyNone, /^ModelMesh owns the lifecycle, .*LIFECYCLE_OWNER=repository/);
  });

  it("is nothing for callers who may not, and the page says who may", () => {
    const { load, unload, whyNone } = actions(LifecycleOwner.REPOSITORY, { may: false });
    assert.deepEqual([load, unload], [false, false]);
    assert.match(whyNone, /LIFECYCLE_ACCESS/);
  });
});
