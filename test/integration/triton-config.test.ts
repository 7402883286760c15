import assert from "node:assert/strict";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { GRPCInferenceService } from "../../gen/inference/inference_pb.ts";
import { decodeElements } from "../../src/base/element-codec.ts";
import { assertError, callRest } from "../support/clients/rest-calls.ts";
import { slowLoop } from "../support/models/heavy-models.ts";
import { addOne } from "../support/models/simple-models.ts";
import { slowInputs } from "../support/servers/engine-fixture.ts";
import { type Runtime, startRuntime } from "../support/servers/runtime.ts";

const forever = new AbortController().signal;

describe("a model with Triton's configuration", { timeout: 300_000 }, () => {
  let runtime: Runtime;
  before(async () => {
    runtime = await startRuntime();
  });
  after(() => runtime.close());

  async function load(id: string, config: string, model = addOne()): Promise<void> {
    await mkdir(join(runtime.root, id, "1"), { recursive: true });
    await runtime.put(`${id}/1/model.onnx`, model);
    await writeFile(join(runtime.root, id, "config.pbtxt"), config);
    await writeFile(join(runtime.root, id, "labels.txt"), "rose\nlily\ntulip\n");
    await runtime.models.load({ id, path: id, type: "", key: "" }, forever);
  }

  const tensors = `max_batch_size: 4
    input { name: "x" data_type: TYPE_FP32 dims: [ 4 ] }
    output { name: "y" data_type: TYPE_FP32 dims: [ 4 ] label_filename: "labels.txt" }`;
  const input = { name: "x", shape: [2, 4], datatype: "FP32", data: [1, 4, 2, 3, -1, -4, -2, -3] };
  const infer = (model: string, outputs: unknown) =>
    callRest(runtime.port, `/v2/models/${model}/infer`, { body: { inputs: [input], outputs } });

  it("keeps to it", async () => {
    const config = "dynamic_batching { default_queue_policy { max_queue_size: 2 } }";
    await load("slow", config, slowLoop());
    const request = { version: "", inputs: slowInputs(5n), outputs: [] };
    const runs = Array.from({ length: 6 }, () => runtime.models.infer("slow", request, forever));
    const refused = (await Promise.allSettled(runs)).filter(({ status }) => status === "rejected");
    assert.ok(refused.length >= 2 && refused.length <= 3, String(refused.length));
  });

  it("is refused where the two do not fit, and leaves nothing in memory", async () => {
    await load("fits", tensors);
    const used = runtime.models.usedBytes;
    await assert.rejects(load("unfit", tensors.replaceAll("4 ]", "5 ]")), {
      kind: "invalid-argument",
      message: /unfit\/config\.pbtxt describes another model: input 'x' has the shape \[-1,5\]/,
    });
    assert.equal(runtime.models.usedBytes, used);
    await assert.rejects(load("broken", "max_batch_size 8"), {
      kind: "invalid-argument",
      message: /broken\/config\.pbtxt: line 1, column 16/,
    });
  });

  it("answers with classes where they are asked for", async () => {
    await load("flowers", tensors);
    const classes = { name: "y", parameters: { classification: 2 } };
    const { status, json } = await infer("flowers", [classes]);
    assert.equal(status, 200);
    assert.deepEqual((json as { outputs: unknown }).outputs, [
      {
        name: "y",
        datatype: "BYTES",
        shape: [2, 2],
        data: ["5.000000:1:lily", "4.000000:3", "0.000000:0:rose", "-1.000000:2:tulip"],
      },
    ]);
    const plain = await infer("flowers", [{ name: "y", parameters: { classification: 0 } }]);
    assert.equal((plain.json as { outputs: { datatype: string }[] }).outputs[0]?.datatype, "FP32");
    for (const bad of [-1, 1.5, "2", true]) {
      const refused = await infer("flowers", [{ name: "y", parameters: { classification: bad } }]);
      assertError(refused, 400, /classification of output 'y' must be a number of classes/);
    }
  });

  it("answers with classes over gRPC, and of all elements where no rows are said", async () => {
    await load("whole", "max_batch_size: 0");
    const baseUrl = `http://127.0.0.1:${runtime.port}`;
    const client = createClient(GRPCInferenceService, createGrpcTransport({ baseUrl }));
    const ask = (value: bigint) =>
      client.modelInfer({
        modelName: "whole",
        inputs: [{ name: "x", shape: [2n, 4n], datatype: "FP32" }],
        rawInputContents: [new Uint8Array(Float32Array.from(input.data).buffer)],
        outputs: [
          {
            name: "y",
            parameters: { classification: { parameterChoice: { case: "int64Param", value } } },
          },
        ],
      });
    const { outputs, rawOutputContents } = await ask(3n);
    assert.deepEqual(outputs[0]?.shape, [3n]);
    assert.equal(outputs[0]?.datatype, "BYTES");
    assert.deepEqual(decodeElements("BYTES", rawOutputContents[0] as Uint8Array), [
      "5.000000:1",
      "4.000000:3",
      "3.000000:2",
    ]);
    await assert.rejects(ask(-1n), /classification of output 'y' must be a number of classes/);
  });
});
