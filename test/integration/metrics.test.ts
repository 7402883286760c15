import assert from "node:assert/strict";
import { networkInterfaces } from "node:os";
import { after, before, describe, it, type TestContext } from "node:test";
import { GRPCInferenceService } from "../../gen/inference/inference_pb.ts";
import { callsOf } from "../support/clients/calls.ts";
import { type Client, clientKinds } from "../support/clients/clients.ts";
import { Scrape } from "../support/clients/prometheus-text.ts";
import { callRest } from "../support/clients/rest-calls.ts";
import { slowLoop } from "../support/models/heavy-models.ts";
import { addOne } from "../support/models/simple-models.ts";
import { type Runtime, startRuntime } from "../support/servers/runtime.ts";
import { projectRoot, startServed } from "../support/servers/served.ts";
import { waitFor } from "../support/wait-for.ts";

const inferRpc = "inference.GRPCInferenceService/ModelInfer";
const x = {
  name: "x",
  datatype: "FP32",
  shape: [1n, 4n],
  contents: { fp32Contents: [1, 2, 3, 4] },
};
const restBody = { inputs: [{ name: "x", datatype: "FP32", shape: [1, 4], data: [1, 2, 3, 4] }] };

async function scrape(port: number): Promise<Scrape> {
  const answer = await callRest(port, "/metrics");
  assert.equal(answer.status, 200, answer.bytes.toString());
  return new Scrape(answer.bytes.toString());
}

describe("metrics of real calls", () => {
  let runtime: Runtime;
  let client: Client;
  before(async () => {
    runtime = await startRuntime();
    await runtime.put("add1.onnx", addOne());
    await runtime.put("slow.onnx", slowLoop());
    const found = clientKinds.find(({ name }) => name === "grpc-js")?.open({ port: runtime.port });
    assert.ok(found);
    client = found;
    await runtime.engine.ready;
    for (const id of ["add1", "slow"]) {
      assert.equal((await callsOf(client).load(id, `${id}.onnx`)).ok, true);
    }
  });
  after(async () => {
    client?.close();
    await runtime?.close();
  });

  it("count every call by protocol and code, exactly", async () => {
    const rounds = 3;
    const kinds = clientKinds.filter(({ skip }) => skip === undefined);
    const requests = [
      { code: "OK", request: { modelName: "add1", inputs: [x] } },
      { code: "NOT_FOUND", request: { modelName: "nobody", inputs: [x] } },
      { code: "INVALID_ARGUMENT", request: { modelName: "add1", inputs: [{ ...x, shape: [4n] }] } },
    ];
    const before = await scrape(runtime.port);
    for (const kind of kinds) {
      const each = kind.open({ port: runtime.port });
      for (let round = 0; round < rounds; round++) {
        for (const { request } of requests) {
          await each.call(GRPCInferenceService.method.modelInfer, request);
        }
      }
      each.close();
    }
    const rest = [
      ["add1", restBody, "OK"],
      ["nobody", restBody, "NOT_FOUND"],
      ["add1", {}, "INVALID_ARGUMENT"],
    ] as const;
    for (const [model, body] of rest) {
      await callRest(runtime.port, `/v2/models/${model}/infer`, { method: "POST", body });
    }
    const seen = await scrape(runtime.port);
    const counted = (rpc: string, protocol: string, code: string) => {
      const labels = { rpc, protocol, code };
      const name = "modelport_rpc_requests_total";
      return seen.value(name, labels) - before.value(name, labels);
    };
    const named = (pattern: RegExp) => kinds.filter(({ name }) => pattern.test(name)).length;
    const clients = {
      grpc: named(/^grpc-js|gRPC, /),
      "grpc-web": named(/gRPC-Web/),
      connect: named(/Connect|curl/),
    };
    assert.equal(clients.grpc + clients["grpc-web"] + clients.connect, kinds.length);
    for (const [protocol, count] of Object.entries(clients)) {
      for (const { code } of requests) {
        assert.equal(counted(inferRpc, protocol, code), count * rounds, `${protocol} ${code}`);
      }
    }
    for (const [, , code] of rest) {
      assert.equal(counted("POST /v2/models/:model/infer", "rest", code), 1, code);
    }
    const successes = kinds.length * rounds + 1;
    const labels = { model: "add1", version: "", outcome: "success" };
    const own = (from: Scrape) => from.value("modelport_model_requests_total", labels);
    assert.equal(own(seen) - own(before), successes);
  });

  it("add up: buckets, counts and sums of one thing are those of another", async () => {
    await Promise.all(Array.from({ length: 40 }, () => callsOf(client).inferSlowly("slow", 1)));
    const seen = await scrape(runtime.port);
    let histograms = 0;
    for (const [name, { type, samples }] of seen.metrics) {
      if (type !== "histogram") continue;
      const last = new Map<string, number>();
      for (const [key, value] of samples) {
        if (!key.startsWith(`${name}_bucket`)) continue;
        const series = key.replace(/le="[^"]*",?/, "");
        assert.ok(value >= (last.get(series) ?? 0), `${key} falls`);
        last.set(series, value);
      }
      for (const [series, value] of last) {
        const count = series.replace("_bucket", "_count").replace(/\{\}$/, "").replace(",}", "}");
        assert.equal(samples.get(count), value, count);
        histograms++;
      }
    }
    assert.ok(histograms > 15);
    const phase = (name: string, part: "count" | "sum") =>
      seen.value(`modelport_inference_phase_seconds_${part}`, { phase: name });
    const ofModels = (name: string, labels: Record<string, string>) =>
      ["add1", "slow"].reduce(
        (sum, model) => sum + seen.value(name, { model, version: "", ...labels }),
        0,
      );
    const answered = ofModels("modelport_model_requests_total", { outcome: "success" });
    for (const name of ["queue", "host", "compute"]) {
      assert.equal(phase(name, "count"), answered, name);
      const summed = ofModels("modelport_model_phase_seconds_total", { phase: name });
      assert.ok(Math.abs(phase(name, "sum") - summed) < 1e-6, name);
    }
    assert.equal(seen.value("modelport_inference_batch_size_sum"), answered);
    const runs = ofModels("modelport_model_runs_total", {});
    assert.equal(seen.value("modelport_inference_batch_size_count"), runs);
    const phases = ["queue", "host", "compute"].reduce((sum, name) => sum + phase(name, "sum"), 0);
    const whole = ofModels("modelport_model_duration_seconds_sum", {});
    assert.ok(phases <= whole, `${phases} s in phases, ${whole} s in all`);
    assert.ok(phase("compute", "sum") > 0);
  });

  it("have the state of memory, of models and of hosts", async () => {
    const seen = await scrape(runtime.port);
    const { capacityBytes, usedBytes } = runtime.models.watch.metrics.figures();
    assert.equal(seen.value("modelport_memory_capacity_bytes"), capacityBytes);
    assert.equal(seen.value("modelport_memory_used_bytes"), usedBytes);
    const memoryOf = (model: string) =>
      seen.value("modelport_model_memory_bytes", { model, version: "" });
    assert.equal(memoryOf("add1") + memoryOf("slow"), usedBytes);
    assert.equal(seen.value("modelport_models", { state: "ready" }), 2);
    assert.equal(seen.value("modelport_hosts", { kind: "shared" }), 2);
    assert.equal(seen.value("modelport_ready"), 1);
    assert.ok(seen.value("modelport_host_start_seconds_count") >= 2);
  });

  it("tell that a host crashed, and that its models are back", async () => {
    const before = await scrape(runtime.port);
    const pid = runtime.models.hostPidOf("add1");
    assert.ok(pid);
    process.kill(pid, "SIGKILL");
    await waitFor(() => runtime.models.hostPidOf("add1") !== pid);
    await waitFor(() => ["add1", "slow"].every((id) => runtime.models.isModelReady(id)));
    const seen = await scrape(runtime.port);
    const more = (name: string, labels = {}) =>
      seen.value(name, labels) - before.value(name, labels);
    assert.equal(more("modelport_host_ends_total", { reason: "crashed" }), 1);
    assert.ok(more("modelport_model_losses_total") >= 1);
    assert.equal(more("modelport_model_losses_total"), more("modelport_model_recoveries_total"));
  });

  it("come while calls go on, and disturb none", async () => {
    const calls = callsOf(client);
    const before = await scrape(runtime.port);
    const traffic = Promise.all(
      Array.from({ length: 8 }, async () => {
        for (let at = 0; at < 50; at++) assert.equal((await calls.infer("add1")).ok, true);
      }),
    );
    for (let at = 0; at < 10; at++) await scrape(runtime.port);
    await traffic;
    const seen = await scrape(runtime.port);
    const labels = { rpc: inferRpc, protocol: "grpc", code: "OK" };
    const name = "modelport_rpc_requests_total";
    assert.equal(seen.value(name, labels) - before.value(name, labels), 400);
    const scraped = { rpc: "GET /metrics", protocol: "rest", code: "OK" };
    assert.equal(seen.value(name, scraped) - before.value(name, scraped), 11);
  });
});

describe("where metrics are read", () => {
  const serve = async (t: TestContext, flags: readonly string[]) => {
    let metricsPort = 0;
    const served = await startServed(["--root-model-dir", projectRoot, ...flags], {
      logged: (line) => {
        if (line["msg"] === "metrics listening") metricsPort = Number(line["port"]);
      },
    });
    t.after(() => served.stop());
    return { served, metricsPort };
  };
  const elsewhere = Object.values(networkInterfaces())
    .flatMap((all) => all ?? [])
    .find(({ internal, family }) => !internal && family === "IPv4")?.address;

  it("is the port of calls, for this machine alone", async (t) => {
    const { served, metricsPort } = await serve(t, ["--host", "0.0.0.0"]);
    assert.equal(metricsPort, 0);
    assert.ok((await scrape(served.port)).value("modelport_memory_capacity_bytes") > 0);
    const refused = await fetch(`http://${elsewhere}:${served.port}/metrics`);
    assert.equal(refused.status, 403);
    const labels = { rpc: "GET /metrics", protocol: "rest", code: "PERMISSION_DENIED" };
    const later = await scrape(served.port);
    assert.equal(later.value("modelport_rpc_requests_total", labels), 1);
    const lacked = { right: "metrics", reason: "not_local" };
    assert.equal(later.value("modelport_access_refusals_total", lacked), 1);
    const other = await callRest(served.port, "/metrics", { method: "POST", body: "x" });
    assert.equal(other.status, 405);
  });

  it("is a port of their own if asked for, and no other", async (t) => {
    const flags = ["--metrics-access", "none", "--metrics-port", "0", "--metrics-host", "0.0.0.0"];
    const { served, metricsPort } = await serve(t, flags);
    assert.equal((await callRest(served.port, "/metrics")).status, 404);
    const answer = await fetch(`http://${elsewhere}:${metricsPort}/metrics`, {
      headers: { accept: "application/openmetrics-text" },
    });
    assert.equal(answer.status, 200);
    assert.match(await answer.text(), /\n# EOF\n$/);
    assert.equal((await callRest(metricsPort, "/v2/models")).status, 404);
    const post = await callRest(metricsPort, "/metrics", { method: "POST", body: "x" });
    assert.equal(post.status, 405);
    assert.equal(await served.stop(), 0);
  });

  it("ends the start where that port is taken", async (t) => {
    const { metricsPort } = await serve(t, ["--metrics-port", "0"]);
    const second = serve(t, ["--metrics-port", `${metricsPort}`]);
    await assert.rejects(second, /another process listens there/);
  });
});
