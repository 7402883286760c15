import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { hostEnvironment } from "../../src/engine/hosts/environment.ts";
import { addOne } from "../support/models/simple-models.ts";
import { startEngine } from "../support/servers/engine-fixture.ts";

describe("engine hosts that are to use CUDA", { timeout: 120_000 }, () => {
  it("refuse loads where there is no CUDA, with what is missing and what to do", async (t) => {
    const { put, load } = await startEngine(t, { executionProvider: "cuda" });
    const path = await put("add.onnx", addOne());
    await assert.rejects(load(path), (error: { kind: string; message: string }) => {
      assert.equal(error.kind, "load-failed");
      assert.match(
        error.message,
        /^EXECUTION_PROVIDER is cuda, and CUDA does not work here: .*cuda.*: run the image for GPUs .* or set it to cpu$/is,
      );
      return true;
    });
  });

  it("see where CUDA lies, and other hosts do not", () => {
    const env = { LD_LIBRARY_PATH: "/cuda", CUDA_VISIBLE_DEVICES: "1", HOME: "/root" };
    assert.deepEqual(hostEnvironment(env), {});
    const { HOME: _, ...cuda } = env;
    assert.deepEqual(hostEnvironment(env, "cuda"), cuda);
  });
});
