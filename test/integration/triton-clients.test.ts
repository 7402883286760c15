import assert from "node:assert/strict";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { type Client, Code, ConnectError, createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { DataType, GRPCInferenceService } from "../../gen/inference/inference_pb.ts";
import { decodeElements } from "../../src/base/element-codec.ts";
import { assertError, callRest } from "../support/clients/rest-calls.ts";
import { slowLoop } from "../support/models/heavy-models.ts";
import { addOne } from "../support/models/simple-models.ts";
import { slowInputs } from "../support/servers/engine-fixture.ts";
import { type Runtime, startRuntime } from "../support/servers/runtime.ts";

const forever = new AbortController().signal;

interface Duration {
  readonly count: number;
  readonly ns: number;
}

interface Statistics {
  readonly name: string;
  readonly version: string;
  readonly inference_count: number;
  readonly execution_count: number;
  readonly inference_stats: Readonly<Record<string, Duration>>;
  readonly batch_stats: readonly {
    readonly batch_size: number;
    readonly compute_input: Duration;
    readonly compute_infer: Duration;
    readonly compute_output: Duration;
  }[];
  readonly memory_usage: readonly { readonly type: string; readonly byte_size: number }[];
}

const phases = ["queue", "compute_input", "compute_infer", "compute_output"] as const;

const config = `name: "flowers" platform: "onnxruntime_onnx" max_batch_size: 8
  input { name: "x" data_type: TYPE_FP32 dims: [ 4 ] }
  output { name: "y" data_type: TYPE_FP32 dims: [ 4 ] label_filename: "labels.txt" }
  instance_group { count: 1 kind: KIND_CPU } optimization { graph { level: 1 } }
  parameters { key: "intra_op_thread_count" value { string_value: "1" } }
  dynamic_batching { max_queue_delay_microseconds: 0 default_queue_policy { max_queue_size: 64 } }`;

describe("what Triton's clients ask for", { timeout: 300_000 }, () => {
  let runtime: Runtime;
  let grpc: Client<typeof GRPCInferenceService>;
  before(async () => {
    runtime = await startRuntime({ servesRoot: true });
    const baseUrl = `http://127.0.0.1:${runtime.port}`;
    grpc = createClient(GRPCInferenceService, createGrpcTransport({ baseUrl }));
    await mkdir(join(runtime.root, "flowers", "1"), { recursive: true });
    await runtime.put("flowers/1/model.onnx", addOne());
    await writeFile(join(runtime.root, "flowers", "config.pbtxt"), config);
    await writeFile(join(runtime.root, "flowers", "labels.txt"), "rose\nlily\ntulip\noak\n");
    await runtime.put("plain.onnx", addOne());
    await runtime.put("slow.onnx", slowLoop());
    assert.deepEqual(await runtime.models.loadRepository(forever), []);
  });
  after(() => runtime.close());

  const get = async (path: string): Promise<unknown> => {
    const { status, json, bytes } = await callRest(runtime.port, path);
    assert.equal(status, 200, bytes.toString());
    return json;
  };
  const statisticsOf = async (model: string): Promise<Statistics> => {
    const { model_stats: all } = (await get(`/v2/models/${model}/stats`)) as {
      model_stats: Statistics[];
    };
    assert.equal(all.length, 1);
    return all[0] as Statistics;
  };
  const input = (rows: number, parameters = {}) => ({
    name: "x",
    shape: [rows, 4],
    datatype: "FP32",
    data: Array.from({ length: rows * 4 }, (_, at) => at % 4),
    parameters,
  });
  const infer = (model: string, body: object) =>
    callRest(runtime.port, `/v2/models/${model}/infer`, { body });

  describe("the configuration", () => {
    it("is that of config.pbtxt where there is one, with what is effective", async () => {
      for (const path of ["/v2/models/flowers/config", "/v2/models/flowers/versions/1/config"]) {
        assert.deepEqual(await get(path), {
          name: "flowers",
          platform: "onnxruntime_onnx",
          backend: "onnxruntime",
          version_policy: { all: {} },
          max_batch_size: 8,
          input: [{ name: "x", data_type: "TYPE_FP32", dims: [4], optional: false }],
          output: [{ name: "y", data_type: "TYPE_FP32", dims: [4], label_filename: "labels.txt" }],
          dynamic_batching: {
            max_queue_delay_microseconds: 0,
            default_queue_policy: {
              timeout_action: "REJECT",
              default_timeout_microseconds: 0,
              max_queue_size: 64,
            },
          },
          instance_group: [{ name: "flowers", count: 1, kind: "KIND_CPU" }],
          default_model_filename: "model.onnx",
          parameters: { intra_op_thread_count: { string_value: "1" } },
          model_transaction_policy: { decoupled: false },
          response_cache: { enable: false },
        });
      }
    });

    it("has no rows where the model's requests are none, and dimensions as in the metadata", async () => {
      const { max_batch_size: rows, input: inputs } = (await get("/v2/models/slow/config")) as {
        max_batch_size: number;
        input: { name: string; dims: number[] }[];
      };
      assert.equal(rows, 0);
      const { inputs: described } = (await get("/v2/models/slow")) as {
        inputs: { name: string; shape: number[] }[];
      };
      assert.deepEqual(
        inputs.map(({ name, dims }) => [name, dims]),
        described.map(({ name, shape }) => [name, shape]),
      );
    });

    it("is told over gRPC as well, and refused for models and versions that are not there", async () => {
      const { config: told } = await grpc.modelConfig({ name: "plain" });
      assert.equal(told?.name, "plain");
      assert.equal(told?.backend, "onnxruntime");
      assert.ok((told?.maxBatchSize ?? 0) > 1);
      assert.deepEqual(told?.input[0]?.dims, [4n]);
      assert.equal(told?.input[0]?.dataType, DataType.TYPE_FP32);
      const wanting = (name: string, version: string, code: Code) =>
        assert.rejects(grpc.modelConfig({ name, version }), (error) => {
          return error instanceof ConnectError && error.code === code;
        });
      await wanting("nobody", "", Code.NotFound);
      await wanting("flowers", "9", Code.InvalidArgument);
      assertError(await callRest(runtime.port, "/v2/models/nobody/config"), 404, /nobody/);
      assertError(
        await callRest(runtime.port, "/v2/models/flowers/versions/9/config"),
        400,
        /version '9' of model 'flowers' is not served/,
      );
    });

    it("is among the extensions of the server", async () => {
      const { extensions } = (await get("/v2")) as { extensions: string[] };
      assert.ok(extensions.includes("model_configuration") && extensions.includes("statistics"));
      assert.deepEqual((await grpc.serverMetadata({})).extensions, extensions);
    });
  });

  describe("the statistics", () => {
    it("count every request in every phase, and their times add up to those of the requests", async () => {
      const before = await statisticsOf("plain");
      for (const rows of [1, 3, 3]) {
        const { status } = await infer("plain", { inputs: [input(rows)] });
        assert.equal(status, 200);
      }
      const { inference_stats: stats, ...told } = await statisticsOf("plain");
      const grown = (name: string) =>
        (stats[name]?.count ?? 0) - (before.inference_stats[name]?.count ?? 0);
      for (const name of [...phases, "success"]) assert.equal(grown(name), 3, name);
      for (const name of ["fail", "cache_hit", "cache_miss"]) assert.equal(grown(name), 0, name);
      assert.equal(told.inference_count - before.inference_count, 7);
      assert.equal(told.execution_count - before.execution_count, 3);
      const sum = phases.reduce((ns, name) => ns + (stats[name]?.ns ?? 0), 0);
      assert.ok(sum > 0 && sum <= (stats["success"]?.ns ?? 0), `${sum}`);
      for (const name of ["compute_input", "compute_infer", "compute_output"]) {
        assert.ok((stats[name]?.ns ?? 0) > 0, name);
      }
      const runs = told.batch_stats.map((batch) => [batch.batch_size, batch.compute_infer.count]);
      assert.deepEqual(runs, [
        [1, 1],
        [3, 2],
      ]);
      assert.equal(told.memory_usage[0]?.type, "CPU");
      assert.ok((told.memory_usage[0]?.byte_size ?? 0) > 0);
    });

    it("tell waiting from computing: what is in the queue for long, and what runs for long", async () => {
      const request = () => ({ version: "", inputs: slowInputs(4n), outputs: [] });
      const runs = Array.from({ length: 3 }, () =>
        runtime.models.infer("slow", request(), forever),
      );
      await Promise.all(runs);
      const { inference_stats: stats } = await statisticsOf("slow");
      const ns = (name: string) => stats[name]?.ns ?? 0;
      // The runs follow each other: the second waits for one of them and the third for two.
      assert.ok(ns("queue") > ns("compute_infer") * 0.5, `${ns("queue")} ${ns("compute_infer")}`);
      assert.ok(ns("compute_infer") > ns("compute_input") + ns("compute_output"));
      assert.ok(ns("queue") + ns("compute_infer") <= ns("success"));
    });

    it("count one run for requests that were joined, and its time for each of them", async () => {
      const before = await statisticsOf("flowers");
      const request = () => ({
        version: "",
        inputs: [{ name: "x", datatype: "FP32" as const, shape: [1, 4], data: new Uint8Array(16) }],
        outputs: [],
      });
      // More at once than are sent ahead, so that the rest are joined.
      for (let round = 0; round < 10; round++) {
        const runs = Array.from({ length: 64 }, () =>
          runtime.models.infer("flowers", request(), forever),
        );
        await Promise.all(runs);
      }
      const after = await statisticsOf("flowers");
      const requests = after.inference_count - before.inference_count;
      const executions = after.execution_count - before.execution_count;
      assert.equal(requests, 640);
      assert.ok(executions > 0 && executions < requests, `${executions} runs`);
      const rows = after.batch_stats.reduce(
        (sum, batch) => sum + batch.batch_size * batch.compute_infer.count,
        0,
      );
      assert.equal(rows, after.inference_count);
      assert.equal(after.inference_stats["queue"]?.count, after.inference_stats["success"]?.count);
    });

    it("count a request that fails or is given up as failed, and in no phase", async () => {
      const before = await statisticsOf("slow");
      const giving = new AbortController();
      const request = { version: "", inputs: slowInputs(20n), outputs: [] };
      const lost = runtime.models.infer("slow", request, giving.signal);
      giving.abort(new Error("no longer wanted"));
      await assert.rejects(lost);
      await runtime.models.infer("slow", { ...request, inputs: slowInputs(1n) }, forever);
      const { inference_stats: stats } = await statisticsOf("slow");
      const grown = (name: string) =>
        (stats[name]?.count ?? 0) - (before.inference_stats[name]?.count ?? 0);
      assert.deepEqual(["fail", "success", "queue", "compute_infer"].map(grown), [1, 1, 1, 1]);
    });

    it("have a number for a version, whether the model has versions or not", async () => {
      for (const model of ["plain", "flowers"]) {
        assert.equal((await statisticsOf(model)).version, "1");
        assert.equal((await grpc.modelStatistics({ name: model })).modelStats[0]?.version, "1");
      }
    });

    it("are the same over gRPC, for all models too", async () => {
      const rest = await statisticsOf("plain");
      const { modelStats } = await grpc.modelStatistics({ name: "plain" });
      const [told] = modelStats;
      assert.equal(Number(told?.inferenceCount), rest.inference_count);
      assert.equal(Number(told?.executionCount), rest.execution_count);
      const { success, queue, computeInput, computeInfer, computeOutput } =
        told?.inferenceStats ?? {};
      const counts = [success, queue, computeInput, computeInfer, computeOutput];
      assert.deepEqual(
        counts.map((each) => Number(each?.ns)),
        ["success", ...phases].map((name) => rest.inference_stats[name]?.ns),
      );
      assert.deepEqual(
        told?.batchStats.map((batch) => Number(batch.batchSize)),
        rest.batch_stats.map((batch) => batch.batch_size),
      );
      const all = await grpc.modelStatistics({});
      assert.deepEqual(all.modelStats.map(({ name }) => name).sort(), ["flowers", "plain", "slow"]);
    });
  });

  describe("classes", () => {
    const wanted = (count: number, more = {}) => ({
      inputs: [input(2)],
      outputs: [{ name: "y", parameters: { classification: count, ...more } }],
    });

    it("come with their labels, in JSON and in bytes, and no more than there are", async () => {
      const { json } = await infer("flowers", wanted(9));
      const [answer] = (json as { outputs: { shape: number[]; data: string[] }[] }).outputs;
      assert.deepEqual(answer?.shape, [2, 4]);
      const row = ["4.000000:3:oak", "3.000000:2:tulip", "2.000000:1:lily", "1.000000:0:rose"];
      assert.deepEqual(answer?.data, [...row, ...row]);
      const binary = await infer("flowers", wanted(1, { binary_data: true }));
      const head = Number(binary.headers.get("inference-header-content-length"));
      const [described] = (
        JSON.parse(binary.bytes.subarray(0, head).toString()) as {
          outputs: {
            datatype: string;
            shape: number[];
            parameters: { binary_data_size: number };
          }[];
        }
      ).outputs;
      assert.deepEqual([described?.datatype, described?.shape], ["BYTES", [2, 1]]);
      const bytes = binary.bytes.subarray(head);
      assert.equal(bytes.length, described?.parameters.binary_data_size);
      assert.deepEqual(decodeElements("BYTES", bytes), ["4.000000:3:oak", "4.000000:3:oak"]);
    });
  });
});
