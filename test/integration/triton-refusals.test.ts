import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { type Client, Code, ConnectError, createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { GRPCInferenceService } from "../../gen/inference/inference_pb.ts";
import { refusedExtensions } from "../../src/rpc/triton/refused-extensions.ts";
import { GrpcExchange } from "../support/clients/grpc-exchange.ts";
import { assertError, callRest } from "../support/clients/rest-calls.ts";
import { addOne } from "../support/models/simple-models.ts";
import { type Runtime, startRuntime } from "../support/servers/runtime.ts";

const forever = new AbortController().signal;

describe("what is not supported of Triton's extensions", { timeout: 120_000 }, () => {
  let runtime: Runtime;
  let grpc: Client<typeof GRPCInferenceService>;
  before(async () => {
    runtime = await startRuntime({ servesRoot: true });
    const baseUrl = `http://127.0.0.1:${runtime.port}`;
    grpc = createClient(GRPCInferenceService, createGrpcTransport({ baseUrl }));
    await runtime.put("plain.onnx", addOne());
    assert.deepEqual(await runtime.models.loadRepository(forever), []);
  });
  after(() => runtime.close());

  const input = (rows: number, parameters = {}) => ({
    name: "x",
    shape: [rows, 4],
    datatype: "FP32",
    data: Array.from({ length: rows * 4 }, (_, at) => at % 4),
    parameters,
  });
  const infer = (model: string, body: object) =>
    callRest(runtime.port, `/v2/models/${model}/infer`, { body });
  const shared = { shared_memory_region: "r", shared_memory_byte_size: 16 };
  const text = (value: string) => ({ parameterChoice: { case: "stringParam", value } }) as const;
  const number = (value: bigint) => ({ parameterChoice: { case: "int64Param", value } }) as const;
  const flag = (value: boolean) => ({ parameterChoice: { case: "boolParam", value } }) as const;
  const tensor = { name: "x", shape: [1n, 4n], datatype: "FP32" };
  const raw = [new Uint8Array(16)];

  it("is refused in a request: sequences", async () => {
    for (const parameters of [{ sequence_id: 5 }, { sequence_id: "s" }, { sequence_end: true }]) {
      const answer = await infer("plain", { parameters, inputs: [input(1)] });
      assertError(answer, 400, /'sequence_\w+', but sequences are not supported/);
    }
    const none = { sequence_id: 0, sequence_start: false, sequence_end: false };
    assert.equal((await infer("plain", { parameters: none, inputs: [input(1)] })).status, 200);
    const asked = { modelName: "plain", inputs: [tensor], rawInputContents: raw };
    for (const parameters of [
      { sequence_id: number(5n) },
      { sequence_id: text("s") },
      { sequence_start: flag(true) },
    ]) {
      await assert.rejects(grpc.modelInfer({ ...asked, parameters }), (error) => {
        assert.ok(error instanceof ConnectError);
        assert.equal(error.code, Code.InvalidArgument);
        assert.match(error.rawMessage, /sequences are not supported/);
        return true;
      });
    }
    const parameters = { sequence_id: number(0n), sequence_start: flag(false) };
    assert.equal((await grpc.modelInfer({ ...asked, parameters })).outputs.length, 1);
  });

  it("is refused in a request: tensors in shared memory", async () => {
    const { data, ...place } = input(1, shared);
    assert.ok(data.length > 0);
    assertError(await infer("plain", { inputs: [place] }), 400, /'x'.*shared memory is not supp/);
    const outputs = [{ name: "y", parameters: shared }];
    const answer = await infer("plain", { inputs: [input(1)], outputs });
    assertError(answer, 400, /output 'y' has the parameter 'shared_memory_region'/);
    const parameters = {
      shared_memory_region: text("r"),
      shared_memory_byte_size: number(16n),
    };
    // The second has the bytes of no tensor: those are in the region.
    for (const request of [
      { inputs: [{ ...tensor, parameters }], rawInputContents: raw },
      { inputs: [{ ...tensor, parameters }] },
      { inputs: [tensor], rawInputContents: raw, outputs: [{ name: "y", parameters }] },
    ]) {
      await assert.rejects(grpc.modelInfer({ modelName: "plain", ...request }), (error) => {
        assert.ok(error instanceof ConnectError);
        assert.equal(error.code, Code.InvalidArgument);
        assert.match(
          error.rawMessage,
          /'shared_memory_region', but shared memory is not supported/,
        );
        return true;
      });
    }
  });

  it("is refused at its own paths and methods, by what to do instead", async (t) => {
    const exchange = new GrpcExchange(runtime.port);
    t.after(() => exchange.close());
    for (const { methods, paths, why } of refusedExtensions) {
      for (const path of paths) {
        const named = path.replace(":region", "r").replace(":model", "plain");
        for (const call of [{}, { method: "POST", body: "{}" }]) {
          const answer = await callRest(runtime.port, `/v2${named}`, call);
          assert.equal(answer.status, 501, `${path} ${answer.bytes}`);
          assert.deepEqual(answer.json, { error: why });
        }
      }
      for (const method of methods) {
        const path = `/inference.GRPCInferenceService/${method}`;
        // An empty message: whatever it says, the method is not there.
        const { headers } = await exchange.send({ path, body: new Uint8Array(5) });
        assert.equal(headers["grpc-status"], String(Code.Unimplemented), path);
        assert.equal(headers["grpc-message"], why);
      }
    }
  });

  it("is refused with a load: settings and files that a client sends", async () => {
    const load = (body: object) =>
      callRest(runtime.port, "/v2/repository/models/plain/load", { body });
    const settings = await load({ parameters: { config: '{"max_batch_size":1}' } });
    assertError(settings, 400, /parameter 'config', expected none: write settings into/);
    const files = await load({ parameters: { "file:1/model.onnx": "AAAA" } });
    assertError(files, 400, /parameter 'file:1\/model.onnx', expected none: put the files into/);
    const large = await load({ parameters: { "file:1/model.onnx": "A".repeat(3_000_000) } });
    assertError(large, 400, /put the files into the repository/);
    const parameters = {
      "file:1/model.onnx": {
        parameterChoice: { case: "bytesParam", value: new Uint8Array(10) } as const,
      },
    };
    await assert.rejects(
      grpc.repositoryModelLoad({ modelName: "plain", parameters }),
      /put the files into the repository/,
    );
    assert.ok(runtime.models.isModelReady("plain"));
  });
});
