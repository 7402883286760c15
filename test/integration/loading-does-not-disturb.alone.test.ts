import assert from "node:assert/strict";
import { join } from "node:path";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { after, before, describe, it } from "node:test";
import { callsOf, codeIn, sizeIn, valuesIn } from "../support/calls.ts";
import { type Client, clientKinds } from "../support/clients.ts";
import { addOne, writeWeightsModel } from "../support/onnx-models.ts";
import { type Runtime, startRuntime } from "../support/runtime.ts";

const MiB = 1024 * 1024;
const bigBytes = 400 * MiB;
/** What the event loop may be late by at most. Measured here: 2 to 8 ms, client included. */
const maxDelayMs = 20;

describe("the load of a 400 MiB model", () => {
  let runtime: Runtime;
  let client: Client | undefined;
  before(async () => {
    runtime = await startRuntime();
    await writeWeightsModel(join(runtime.root, "big.onnx"), bigBytes);
    await runtime.put("add1.onnx", addOne());
    client = clientKinds.find(({ name }) => name === "grpc-js")?.open({ port: runtime.port });
  });
  after(async () => {
    client?.close();
    await runtime?.close();
  });

  it("never holds up the server's event loop, nor inference on other models", async (t) => {
    assert.ok(client);
    const calls = callsOf(client);
    assert.equal(codeIn(await calls.load("small", "add1.onnx")), "OK");
    for (let warmUp = 0; warmUp < 50; warmUp++) await calls.infer("small");

    const delay = monitorEventLoopDelay({ resolution: 1 });
    delay.enable();
    const latenciesMs: number[] = [];
    let isLoading = true;
    const startedMs = performance.now();
    const load = calls.load("big", "big.onnx").finally(() => {
      isLoading = false;
    });
    while (isLoading) {
      const sentMs = performance.now();
      assert.deepEqual(valuesIn(await calls.infer("small")), [2, 3, 4, 5]);
      latenciesMs.push(performance.now() - sentMs);
    }
    const loadMs = performance.now() - startedMs;
    delay.disable();
    const sizeBytes = sizeIn(await load);

    const worstDelayMs = delay.max / 1e6;
    const p99DelayMs = delay.percentile(99) / 1e6;
    latenciesMs.sort((a, b) => a - b);
    const medianMs = latenciesMs[latenciesMs.length >> 1] ?? Number.NaN;
    t.diagnostic(
      `load ${loadMs.toFixed(0)} ms; event loop late by at most ${worstDelayMs.toFixed(1)} ms ` +
        `(p99 ${p99DelayMs.toFixed(1)} ms); ${latenciesMs.length} inferences meanwhile, ` +
        `median ${medianMs.toFixed(2)} ms, worst ${latenciesMs.at(-1)?.toFixed(1)} ms`,
    );
    assert.ok(worstDelayMs < maxDelayMs, `event loop was late by ${worstDelayMs} ms`);
    assert.ok(latenciesMs.length >= 10, `only ${latenciesMs.length} inferences meanwhile`);
    assert.ok(Math.abs(sizeBytes / bigBytes - 1) < 0.15, `${sizeBytes} bytes measured`);
  });
});
