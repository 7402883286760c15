import { RuntimeError } from "../../../src/base/errors.ts";
import type { ModelRecord } from "../../../src/service/lifecycle/model-record.ts";
import { ModelRegistry } from "../../../src/service/lifecycle/model-registry.ts";
import { noPolling } from "../../../src/service/polling/no-polling.ts";
import { type RuntimeFacts, RuntimeWatch } from "../../../src/service/watch/runtime-watch.ts";
import { FakeModel } from "./fake-engine.ts";

export interface WatchFixture {
  readonly watch: RuntimeWatch;
  readonly registry: ModelRegistry;
  /** Adds a generation, which is queued. */
  add(id: string, path?: string): ModelRecord;
  /** Takes a queued generation through its load. */
  finishLoad(record: ModelRecord, sizeBytes?: number): FakeModel;
  unload(record: ModelRecord): void;
  /** A load ends, queued or under way. */
  fail(record: ModelRecord, reason: RuntimeError): void;
}

const facts: RuntimeFacts = {
  phase: "ready",
  lifecycleOwner: "unclaimed",
  hasModelRepository: false,
  polling: noPolling(""),
  capacityBytes: 1_000_000,
  memory: undefined,
  loadsWaiting: 0,
  loadsRunning: 0,
  loadsLimit: 2,
};

/** A watch over a registry whose records the test moves by hand: no engine, no files. */
export function watchFixture(): WatchFixture {
  const registry = new ModelRegistry();
  const watch = new RuntimeWatch({
    registry,
    hosts: () => [{ pid: 7, kind: "shared", models: 0, memoryBytes: 5_000, waitingRuns: 0 }],
    facts: () => facts,
  });
  return {
    watch,
    registry,
    add(id, path = `${id}.onnx`) {
      const spec = { id, type: "mt:onnx", path, key: "" };
      const request = { spec, format: "onnx", diskBytes: undefined, settings: {} };
      return registry.add(request, false);
    },
    finishLoad(record, sizeBytes = 60) {
      const file = `/${record.id}.onnx`;
      record.source = {
        format: "onnx",
        file,
        identity: file,
        filesIdentity: file,
        diskBytes: 1,
        estimatedBytes: 100,
        plausibleBytes: 100,
        leastBytes: 100,
        isClear: true,
      };
      record.predictedBytes = 100;
      if (record.state.tag === "queued") record.reserve(100);
      const model = new FakeModel(sizeBytes, true);
      record.becomeReady(model, sizeBytes);
      return model;
    },
    unload(record) {
      record.startDraining();
      record.startUnloading(60, new RuntimeError("aborted", "the model was unloaded"));
      registry.remove(record);
    },
    fail(record, reason) {
      record.fail(reason);
      registry.remove(record);
    },
  };
}
