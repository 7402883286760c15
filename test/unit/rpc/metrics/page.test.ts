import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { Code } from "@connectrpc/connect";
import { RuntimeError } from "../../../../src/base/errors.ts";
import { SafePath } from "../../../../src/base/files/safe-path.ts";
import { createLogger } from "../../../../src/observe/log.ts";
import { MetricsPage } from "../../../../src/rpc/metrics/page.ts";
import { metricTable } from "../../../../src/rpc/metrics/table.ts";
import { CallMetrics, codeNames } from "../../../../src/rpc/observe/call-metrics.ts";
import type { InferenceRequest, ModelSpec } from "../../../../src/service/contract/models.ts";
import { ModelManager } from "../../../../src/service/model-manager.ts";
import { Scrape } from "../../../support/clients/prometheus-text.ts";
import { FakeEngine } from "../../../support/fakes/fake-engine.ts";
import { managerOptions } from "../../../support/fakes/manager-options.ts";

let root: string;
before(async () => {
  root = await mkdtemp(join(tmpdir(), "modelport-metrics-"));
  for (const name of ["a.onnx", "b.onnx", "junk.onnx"]) await writeFile(join(root, name), "x");
});
after(() => rm(root, { recursive: true, force: true }));

const forever = new AbortController().signal;
const spec = (id: string, path = "a.onnx"): ModelSpec => ({ id, type: "mt:onnx", path, key: "" });
const one: InferenceRequest = {
  version: "",
  inputs: [{ name: "x", datatype: "FP32", shape: [1], data: new Uint8Array(4) }],
  outputs: [],
};

function setUp({ maxModels = 500 } = {}) {
  const engine = new FakeEngine();
  const manager = new ModelManager(
    { engine, safePath: new SafePath([root]), log: createLogger("silent") },
    managerOptions({
      ...{ capacityBytes: 1e9, loadingConcurrency: 1000, loadTimeoutMs: 60_000 },
      metrics: { maxModels },
    }),
  );
  const { metrics } = manager.watch;
  const calls = new CallMetrics();
  const page = new MetricsPage(calls, metrics);
  const scrape = async () => new Scrape((await page.render()).body);
  const load = async (id: string, path?: string) => {
    const count = engine.loads.length + 1;
    const loading = manager.load(spec(id, path), forever);
    const model = (await engine.nthLoad(count)).finish();
    await loading;
    return model;
  };
  return { engine, manager, calls, page, scrape, load };
}

describe("the page of metrics", () => {
  it("has every metric of the table with its type, help and labels, and nothing else of that name", async () => {
    const { scrape, load, calls, engine, manager, page } = setUp();
    await load("a");
    calls
      .begin({ rpc: "s/M", protocol: "grpc", header: new Headers(), peer: undefined })
      .end(undefined, 1);
    engine.hostCounts.starts.observe(5);
    page.countRefusals(() => [{ right: "lifecycle", reason: "not_local", count: 2 }]);
    await assert.rejects(manager.load(spec("junk", "junk.onnx"), forever));
    const { metrics } = await scrape();
    const own = [...metrics].filter(([name]) => name.startsWith("modelport_"));
    assert.deepEqual(
      own.map(([name]) => name),
      Object.keys(metricTable),
    );
    for (const [name, { type, help, samples }] of own) {
      const row = metricTable[name as keyof typeof metricTable];
      assert.deepEqual([type, help], [row.type, row.help]);
      assert.ok(samples.size > 0, `${name} has no sample`);
      for (const key of samples.keys()) {
        const names = [...key.matchAll(/[{,](\w+)="/g)]
          .map(([, label]) => label)
          .filter((label) => label !== "le");
        assert.deepEqual(names, [...row.labels].sort(), key);
      }
    }
  });

  it("has what Node tells of its process, of the loop of events too", async () => {
    const { metrics } = await setUp().scrape();
    for (const name of [
      "process_cpu_seconds_total",
      "process_resident_memory_bytes",
      "nodejs_eventloop_lag_p99_seconds",
      "nodejs_heap_size_used_bytes",
    ]) {
      assert.ok(metrics.has(name), name);
    }
  });

  it("asks Node nothing that may end the process: for its handles and requests themselves", async (t) => {
    const asked: string[] = [];
    for (const name of ["_getActiveHandles", "_getActiveRequests"] as const) {
      const node = process as unknown as Record<string, () => unknown[]>;
      t.mock.method(node, name, () => {
        asked.push(name);
        return [];
      });
    }
    const { metrics } = await setUp().scrape();
    assert.deepEqual(asked, []);
    assert.ok(metrics.has("nodejs_active_resources"));
  });

  it("speaks OpenMetrics to those who prefer it", async () => {
    const { page } = setUp();
    const prometheus =
      "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3,*/*;q=0.1";
    for (const accept of [prometheus, "application/openmetrics-text"]) {
      const { contentType, body } = await page.render(accept);
      assert.match(contentType, /^application\/openmetrics-text; version=1\.0\.0/);
      assert.match(body, /\n# EOF\n$/);
      assert.match(body, /^# TYPE modelport_model_requests counter$/m);
      assert.match(body, /^modelport_model_requests_total\{/m);
    }
    for (const accept of [
      "",
      "*/*",
      "text/plain",
      "application/openmetrics-text;q=0.2,text/plain",
    ]) {
      const { contentType, body } = await page.render(accept);
      assert.match(contentType, /^text\/plain; version=0\.0\.4/);
      assert.match(body, /^# TYPE modelport_model_requests_total counter$/m);
    }
  });

  it("may be asked for by several at once, in either format", async () => {
    const { page } = setUp();
    const asked = await Promise.all(
      ["", "application/openmetrics-text", ""].map((accept) => page.render(accept)),
    );
    assert.deepEqual(
      asked.map(({ body }) => /modelport_load_failures_total counter/.test(body)),
      [true, false, true],
    );
  });
});

describe("the series of models", () => {
  it("count inferences by how they ended, and their time", async () => {
    const { manager, scrape, load } = setUp();
    const model = await load("a");
    const done = manager.infer("a", one, forever);
    model.runs[0]?.answer.resolve([]);
    await done;
    const failing = assert.rejects(manager.infer("a", one, forever));
    model.runs[1]?.answer.reject(new RuntimeError("run-failed", "no"));
    await failing;
    const refused = assert.rejects(manager.infer("a", one, forever));
    model.runs[2]?.answer.reject(new RuntimeError("overloaded", "full"));
    await refused;
    const caller = new AbortController();
    const cancelled = assert.rejects(manager.infer("a", one, caller.signal));
    caller.abort(new Error("gone"));
    await cancelled;
    const open = manager.infer("a", one, forever);
    const seen = await scrape();
    const count = (outcome: string) =>
      seen.value("modelport_model_requests_total", { model: "a", version: "", outcome });
    assert.deepEqual(["success", "failure", "rejected", "cancelled"].map(count), [1, 1, 1, 1]);
    assert.equal(
      seen.value("modelport_model_duration_seconds_count", { model: "a", version: "" }),
      1,
    );
    assert.equal(seen.value("modelport_model_in_flight", { model: "a", version: "" }), 1);
    assert.equal(seen.value("modelport_model_memory_bytes", { model: "a", version: "" }), 60);
    model.runs.at(-1)?.answer.resolve([]);
    await open;
  });

  it("leave with the last generation of their model, and begin anew", async () => {
    const { manager, scrape, load } = setUp();
    const infer = async (model: Awaited<ReturnType<typeof load>>) => {
      const done = manager.infer("a", one, forever);
      model.runs.at(-1)?.answer.resolve([]);
      await done;
    };
    await infer(await load("a"));
    // Another path makes a newer generation of the id, before the older one is gone.
    await infer(await load("a", "b.onnx"));
    const success = { model: "a", version: "", outcome: "success" };
    assert.equal((await scrape()).value("modelport_model_requests_total", success), 2);
    await manager.unload("a");
    assert.deepEqual((await scrape()).labelValues("model"), new Set(["_other"]));
    await load("a");
    assert.equal((await scrape()).value("modelport_model_requests_total", success), 0);
    assert.ok((await scrape()).labelValues("model").has("a"));
  });

  it("are bounded: of 500 models, 400 share one where 100 may have their own", async () => {
    const { manager, scrape, load } = setUp({ maxModels: 100 });
    const models = [];
    for (let at = 0; at < 500; at++) models.push(await load(`m${at}`));
    for (const [at, model] of models.entries()) {
      const done = manager.infer(`m${at}`, one, forever);
      model.runs[0]?.answer.resolve([]);
      await done;
    }
    const seen = await scrape();
    assert.equal(seen.labelValues("model").size, 101);
    assert.equal(seen.value("modelport_unlisted_models"), 400);
    assert.equal(seen.value("modelport_models", { state: "ready" }), 500);
    const other = { model: "_other", version: "" };
    assert.equal(
      seen.value("modelport_model_requests_total", { ...other, outcome: "success" }),
      400,
    );
    assert.equal(seen.value("modelport_model_memory_bytes", other), 400 * 60);
    // Those that leave do not take their counts along, or a counter would fall.
    await Promise.all(models.map((_, at) => manager.unload(`m${at}`)));
    const later = await scrape();
    assert.equal(
      later.value("modelport_model_requests_total", { ...other, outcome: "success" }),
      400,
    );
    assert.equal(later.value("modelport_unlisted_models"), 0);
    assert.deepEqual(later.labelValues("model"), new Set(["_other"]));
  });

  it("never meet those of a model that is called as the others are", async () => {
    const { scrape, load } = setUp();
    await load("_other");
    // The parser refuses a sample that is there twice.
    assert.equal((await scrape()).value("modelport_unlisted_models"), 1);
  });

  it("have names as odd as ids may be", async () => {
    const { scrape, load } = setUp();
    const odd = 'a "quoted" \\ one\nwith two lines and é';
    await load(odd);
    assert.ok((await scrape()).labelValues("model").has(odd));
  });
});

describe("the metrics of loads", () => {
  it("tell success, failure by its reason, and what was cancelled apart; and unloads", async () => {
    const { engine, manager, scrape, load } = setUp();
    await load("a");
    await manager.unload("a");
    await assert.rejects(manager.load(spec("junk", "junk.onnx"), forever));
    const failing = assert.rejects(manager.load(spec("b"), forever));
    (await engine.nthLoad(2)).fail(new RuntimeError("load-failed", "no"));
    await failing;
    const caller = new AbortController();
    const cancelled = assert.rejects(manager.load(spec("c"), caller.signal));
    await engine.nthLoad(3);
    caller.abort(new Error("gone"));
    await cancelled;
    const seen = await scrape();
    const loads = (outcome: string) =>
      seen.value("modelport_load_duration_seconds_count", { outcome });
    assert.deepEqual(["success", "failure", "cancelled"].map(loads), [1, 2, 1]);
    const failures = (reason: string) => seen.value("modelport_load_failures_total", { reason });
    assert.deepEqual(["invalid-argument", "load-failed"].map(failures), [1, 1]);
    assert.equal(seen.value("modelport_unload_duration_seconds_count"), 1);
  });

  it("count a model that loses its host, and that it comes back", async () => {
    const { engine, scrape, load, manager } = setUp();
    (await load("a")).die();
    (await engine.nthLoad(2)).finish();
    while (!manager.isModelReady("a")) await new Promise((resolve) => setTimeout(resolve, 1));
    const seen = await scrape();
    assert.equal(seen.value("modelport_model_losses_total"), 1);
    assert.equal(seen.value("modelport_model_recoveries_total"), 1);
    assert.equal(seen.value("modelport_load_duration_seconds_count", { outcome: "success" }), 1);
  });
});

describe("the metrics of calls", () => {
  it("have gRPC's spelling of every code", () => {
    assert.deepEqual(codeNames.slice(0, 6), [
      "OK",
      "CANCELLED",
      "UNKNOWN",
      "INVALID_ARGUMENT",
      "DEADLINE_EXCEEDED",
      "NOT_FOUND",
    ]);
    assert.equal(codeNames[Code.Unauthenticated], "UNAUTHENTICATED");
    assert.equal(codeNames.length, 17);
  });

  it("say how many calls are open", async () => {
    const { calls, scrape } = setUp();
    const labels = { rpc: "s/M", protocol: "connect" } as const;
    const start = { ...labels, header: new Headers(), peer: undefined };
    const call = calls.begin(start);
    calls.begin(start);
    call.end(Code.NotFound, 3);
    const seen = await scrape();
    assert.equal(seen.value("modelport_rpc_in_flight", labels), 1);
    assert.equal(seen.value("modelport_rpc_requests_total", { ...labels, code: "NOT_FOUND" }), 1);
    assert.equal(
      seen.value("modelport_rpc_duration_seconds_bucket", { ...labels, le: "0.0025" }),
      0,
    );
    assert.equal(
      seen.value("modelport_rpc_duration_seconds_bucket", { ...labels, le: "0.005" }),
      1,
    );
  });
});
