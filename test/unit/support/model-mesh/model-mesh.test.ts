import assert from "node:assert/strict";
import { once } from "node:events";
import { describe, it } from "node:test";
import { forwardedMetadata } from "../../../support/model-mesh/forwarded-metadata.ts";
import { injectId } from "../../../support/model-mesh/id-injection.ts";
import { MemoryAccounts } from "../../../support/model-mesh/memory-accounts.ts";
import { MeshBooks } from "../../../support/model-mesh/mesh-books.ts";
import { scaledClock } from "../../../support/model-mesh/mesh-clock.ts";
import { ModelLoads } from "../../../support/model-mesh/model-loads.ts";
import type { CallLimits, RuntimeChannel } from "../../../support/model-mesh/runtime-channel.ts";
import {
  type RuntimeStatusAnswer,
  readParameters,
  unitBytes,
} from "../../../support/model-mesh/runtime-parameters.ts";

const MiB = 1024 * 1024;

describe("the stand-in for ModelMesh", () => {
  it("replaces the first id in a message, and appends one where there is none", () => {
    const tensor = [0x3a, 2, 7, 7];
    const bytes = (...parts: number[][]) => Buffer.from(parts.flat());
    assert.deepEqual(injectId(bytes(tensor), [1], "m"), bytes(tensor, [0x0a, 1, 0x6d]));
    const named = [0x0a, 3, 1, 2, 3];
    assert.deepEqual(injectId(bytes(named, tensor), [1], "m"), bytes([0x0a, 1, 0x6d], tensor));
    // Inside a message that is made for it.
    assert.deepEqual(injectId(bytes(tensor), [2, 1], "m"), bytes(tensor, [0x12, 3, 0x0a, 1, 0x6d]));
    assert.deepEqual(injectId(bytes(tensor), [], "m"), bytes(tensor));
    assert.throws(() => injectId(bytes([0x3a, 200]), [1], "m"), /ends inside/);
  });

  it("sends the id in binary, as text where it can, and what the caller sent of its own", () => {
    const headers = { "mm-model-id": "x", "x-trace": "1", user: "dropped", "grpc-foo": "dropped" };
    const plain = forwardedMetadata(headers, "m").getMap();
    assert.deepEqual(plain, {
      "x-trace": "1",
      "mm-model-id": "m",
      "mm-model-id-bin": Buffer.from("m"),
    });
    const odd = forwardedMetadata({}, "ü").getMap();
    assert.deepEqual(odd, { "mm-model-id-bin": Buffer.from("ü") });
  });

  const ready: RuntimeStatusAnswer = {
    status: "READY",
    capacityInBytes: String(1024 * MiB),
    maxLoadingConcurrency: 6,
    modelLoadingTimeoutMs: 90_000,
    defaultModelSizeInBytes: String(50 * MiB),
    methodInfos: {},
    allowAnyMethod: false,
  };

  it("keeps 75 MiB of the capacity of ModelMesh's own example for unloads", () => {
    assert.equal(readParameters(ready).unloadBufferUnits * unitBytes, 75 * MiB);
  });

  it("gives up on a runtime whose figures ModelMesh would not take", () => {
    const wrong: Partial<RuntimeStatusAnswer>[] = [
      { capacityInBytes: String(499 * MiB) },
      { maxLoadingConcurrency: 0 },
      { modelLoadingTimeoutMs: 99 },
      { defaultModelSizeInBytes: "0" },
    ];
    for (const part of wrong) {
      const [name = ""] = Object.keys(part);
      assert.throws(() => readParameters({ ...ready, ...part }), new RegExp(`^Error: ${name}`));
    }
  });

  it("lets a load start when what is on its way out fits the buffer, or all fits together", async () => {
    const accounts = new MemoryAccounts<{ units: number }>(100, 10);
    const [old, fresh] = [{ units: 85 }, { units: 20 }];
    accounts.hold(old);
    accounts.hold(fresh);
    assert.deepEqual(accounts.surplus(fresh), [old]);
    accounts.startUnload(old);
    let started = false;
    const space = accounts.space(fresh, new AbortController().signal).then(() => {
      started = true;
    });
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal(started, false, "85 units have not been given back");
    accounts.endUnload(old, true);
    await space;
    assert.equal(accounts.heldUnits, 20);
    accounts.startUnload(fresh);
    accounts.endUnload(fresh, false);
    assert.equal(accounts.cacheUnits, 70, "what never came back is lost");
  });

  it("hands a cancelled load to whoever wants the model before its unload", async () => {
    const calls: string[] = [];
    let isHeld = true;
    const channel = {
      async manage(method: string, _: unknown, { signal }: CallLimits = {}) {
        calls.push(method);
        if (method === "loadModel" && isHeld) {
          assert.ok(signal);
          await once(signal, "abort");
          return { code: "CANCELLED", details: "the caller left" };
        }
        return { code: "OK", message: { sizeInBytes: "7" } };
      },
    } as unknown as RuntimeChannel;
    const parts = { clock: scaledClock(1), books: new MeshBooks() };
    const loads = new ModelLoads(channel, parts);
    const order = { id: "m", info: { type: "mt:onnx", path: "m" } };
    const never = new AbortController().signal;
    const [first, second] = [{}, {}];
    const leave = new AbortController();
    const loading = loads.load({ ...order, owner: first, signal: leave.signal });
    leave.abort();
    await assert.rejects(loading);
    const handedOut = loads.load({ ...order, owner: second, signal: never });
    await assert.rejects(handedOut, /CancellationException/);
    isHeld = false;
    assert.equal(await loads.unload("m", first), true);
    assert.equal(await loads.load({ ...order, owner: second, signal: never }), 7);
    assert.deepEqual(calls, ["loadModel", "unloadModel", "loadModel"]);
    assert.equal(parts.books.cancelledLoads, 1);
  });
});
