import assert from "node:assert/strict";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import net from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { type Calls, callsOf, codeIn } from "../support/clients/calls.ts";
import { type Client, type ClientKind, clientKinds } from "../support/clients/clients.ts";
import { callRest } from "../support/clients/rest-calls.ts";
import { FileServer } from "../support/fakes/file-server.ts";
import {
  type CollectedSpan,
  type OtlpCollector,
  startCollector,
} from "../support/fakes/otlp-collector.ts";
import { addOne } from "../support/models/simple-models.ts";
import { projectRoot, type Served, startServed } from "../support/servers/served.ts";
import { waitFor } from "../support/wait-for.ts";

const inferRpc = "inference.GRPCInferenceService/ModelInfer";
const loadRpc = "mmesh.ModelRuntime/loadModel";
const row = { name: "x", datatype: "FP32", shape: [1, 4], data: [1, 2, 3, 4] };

let lastTrace = 0;

/** The headers of a caller that traces, and what is in them. */
function callerSpan(flags = "01") {
  const traceId = (++lastTrace).toString(16).padStart(32, "a");
  const spanId = "00f067aa0ba902b7";
  const header = { traceparent: `00-${traceId}-${spanId}-${flags}`, tracestate: "mesh=7" };
  return { traceId, spanId, header };
}

function clientOf({ port }: Served, kind: ClientKind | undefined = clientKinds[0]): Client {
  assert.ok(kind !== undefined);
  return kind.open({ port });
}

describe("tracing", () => {
  let folder: string;
  let store: FileServer;
  let collector: OtlpCollector;
  let served: Served;
  let client: Client;
  let calls: Calls;
  const lines: Record<string, unknown>[] = [];

  const serve = (flags: readonly string[], seen: Record<string, unknown>[] = []) =>
    startServed(
      [
        ...["--root-model-dir", join(folder, "models"), "--engine-hosts", "1"],
        ...["--storage-config-dir", join(folder, "config"), "--tracing", "on"],
        ...["--otel-endpoint", `http://127.0.0.1:${collector.port}/`, ...flags],
      ],
      { logged: (line) => seen.push(line) },
    );
  const ofTrace = (traceId: string) => collector.spans.filter((span) => span.traceId === traceId);
  /** The spans of a trace, once all of these are there. */
  const spansOf = async (traceId: string, ...names: string[]) => {
    await waitFor(() => names.every((name) => ofTrace(traceId).some((span) => span.name === name)));
    return (name: string) => ofTrace(traceId).find((span) => span.name === name) as CollectedSpan;
  };

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "modelport-tracing-"));
    await mkdir(join(folder, "models"));
    await mkdir(join(folder, "config"));
    await writeFile(join(folder, "models", "add.onnx"), addOne());
    store = new FileServer();
    await store.listen();
    const origin = JSON.stringify({ type: "http", url: store.origin });
    await writeFile(join(folder, "config", "web"), origin);
    collector = await startCollector();
    served = await serve(["--otel-schedule-delay", "20", "--access-log", "all"], lines);
    client = clientOf(served);
    calls = callsOf(client);
    assert.equal(codeIn(await calls.load("m", "add.onnx")), "OK");
  });
  after(async () => {
    client?.close();
    await served?.stop();
    await collector?.close();
    await store?.close();
    await rm(folder, { recursive: true, force: true });
  });

  for (const kind of clientKinds) {
    it(`continues the trace of ${kind.name}`, { skip: kind.skip ?? false }, async () => {
      const caller = callerSpan();
      const own = clientOf(served, kind);
      const outcome = await callsOf(own).infer("m", { header: caller.header });
      own.close();
      assert.equal(codeIn(outcome), "OK");
      const find = await spansOf(caller.traceId, inferRpc);
      const rpc = find(inferRpc);
      const isGrpc = kind.name.includes("grpc-js") || kind.name.includes("gRPC");
      assert.deepEqual(
        [rpc.kind, rpc.parentId, rpc.traceState, rpc.isError],
        ["server", caller.spanId, "mesh=7", false],
      );
      assert.equal(rpc.attributes["rpc.system.name"], isGrpc ? "grpc" : "connectrpc");
      assert.equal(rpc.attributes["rpc.method"], inferRpc);
      assert.equal(rpc.attributes["rpc.status_code"], isGrpc ? "OK" : "ok");
      assert.equal(rpc.attributes["modelport.model.id"], "m");
      assert.equal(rpc.attributes["network.peer.address"], "127.0.0.1");
      assert.equal(rpc.resource["service.name"], "modelport");
      for (const name of ["inference.queue", "inference.host"]) {
        const child = find(name);
        assert.deepEqual([child.parentId, child.kind], [rpc.spanId, "internal"], name);
        assert.ok(child.startMs >= rpc.startMs && child.endMs <= rpc.endMs, name);
        assert.ok(child.endMs >= child.startMs, name);
      }
      const host = find("inference.host");
      assert.equal(host.attributes["modelport.batch.size"], 1);
      const computeMs = Number(host.attributes["modelport.compute.duration_ms"]);
      assert.ok(computeMs > 0 && computeMs <= host.endMs - host.startMs + 0.001, `${computeMs}`);
      await waitFor(() => lines.some(({ traceId }) => traceId === caller.traceId));
    });
  }

  it("continues the trace of a REST call, and shows what it took to read and write", async () => {
    const caller = callerSpan();
    const headers = { ...caller.header, "x-request-id": "r-1" };
    const path = "/v2/models/m/infer";
    const { status } = await callRest(served.port, path, { headers, body: { inputs: [row] } });
    assert.equal(status, 200);
    const name = "POST /v2/models/:model/infer";
    const find = await spansOf(caller.traceId, name);
    const { attributes, ...span } = find(name);
    assert.deepEqual([span.kind, span.parentId], ["server", caller.spanId]);
    assert.equal(attributes["http.request.method"], "POST");
    assert.equal(attributes["http.route"], "/v2/models/:model/infer");
    assert.equal(attributes["http.response.status_code"], 200);
    assert.equal(attributes["modelport.request.id"], "r-1");
    for (const phase of ["decode", "queue", "host", "encode"]) {
      assert.equal(find(`inference.${phase}`).parentId, span.spanId, phase);
    }
    const found = lines.find(({ requestId }) => requestId === "r-1");
    assert.equal(found?.["traceId"], caller.traceId);
  });

  it("begins a trace for a call that has none, or none that can be read", async () => {
    for (const traceparent of [
      undefined,
      "00-nothing",
      `00-${"0".repeat(32)}-${"0".repeat(16)}-01`,
    ]) {
      const earlier = new Set(collector.spans);
      const header = traceparent === undefined ? {} : { traceparent };
      assert.equal(codeIn(await calls.infer("m", { header })), "OK");
      const isNew = (span: CollectedSpan) => !earlier.has(span) && span.name === inferRpc;
      await waitFor(() => collector.spans.some(isNew));
      const span = collector.spans.find(isNew);
      assert.equal(span?.parentId, "");
      assert.match(span?.traceId ?? "", /^(?!0{32})[\da-f]{32}$/);
    }
  });

  it("tells failures of the server from those of callers", async () => {
    const lost = callerSpan();
    assert.equal(codeIn(await calls.infer("nothing", { header: lost.header })), "NotFound");
    const span = (await spansOf(lost.traceId, inferRpc))(inferRpc);
    assert.deepEqual([span.attributes["rpc.status_code"], span.isError], ["NOT_FOUND", false]);

    const rest = callerSpan();
    await callRest(served.port, "/v2/models/nothing", { headers: rest.header });
    const name = "GET /v2/models/:model";
    const { attributes, isError } = (await spansOf(rest.traceId, name))(name);
    assert.deepEqual([attributes["http.response.status_code"], isError], [404, false]);

    const unknown = callerSpan();
    await callRest(served.port, "/no/such/path", { headers: unknown.header });
    await waitFor(() => ofTrace(unknown.traceId).length === 1);
  });

  it("shows the phases of a load and of an unload as parts of the calls that asked for them", async () => {
    const loading = callerSpan();
    assert.equal(codeIn(await calls.load("own", "add.onnx", { header: loading.header })), "OK");
    const find = await spansOf(loading.traceId, loadRpc, "model.load");
    const load = find("model.load");
    assert.equal(load.parentId, find(loadRpc).spanId);
    assert.equal(load.attributes["modelport.model.id"], "own");
    assert.ok(Number(load.attributes["modelport.model.bytes"]) > 0);
    for (const phase of ["queue", "host"]) {
      const child = find(`model.load.${phase}`);
      assert.equal(child.parentId, load.spanId, phase);
      assert.ok(child.startMs >= load.startMs && child.endMs <= load.endMs, phase);
    }

    const unloading = callerSpan();
    const request = {
      method: "POST",
      headers: { ...unloading.header, "content-type": "application/json" },
    };
    const rpc = "mmesh.ModelRuntime/unloadModel";
    await callRest(served.port, `/${rpc}`, { ...request, body: { modelId: "own" } });
    const findUnload = await spansOf(unloading.traceId, rpc, "model.unload");
    assert.equal(findUnload("model.unload").parentId, findUnload(rpc).spanId);
    assert.equal(findUnload("model.unload.free").parentId, findUnload("model.unload").spanId);
  });

  it("shows why a load failed", async () => {
    const caller = callerSpan();
    await calls.load("gone", "no/such.onnx", { header: caller.header });
    const find = await spansOf(caller.traceId, loadRpc, "model.load");
    const load = find("model.load");
    assert.ok(load.isError);
    assert.equal(load.attributes["error.type"], "failed-precondition");
  });

  it("takes the trace along to the store that a model is pulled from", async () => {
    store.put("/add.onnx", Buffer.from(addOne()));
    const caller = callerSpan();
    const key = JSON.stringify({ storage_key: "web" });
    const code = codeIn(await calls.load("pulled", "add.onnx", { key, header: caller.header }));
    assert.equal(code, "OK");
    const find = await spansOf(caller.traceId, "model.load", "model.load.pull");
    const load = find("model.load");
    assert.equal(find("model.load.pull").parentId, load.spanId);
    const { headers } = store.requests.find(({ path }) => path === "/add.onnx") ?? {};
    assert.equal(headers?.["traceparent"], `00-${caller.traceId}-${load.spanId}-01`);
    assert.equal(headers?.["tracestate"], "mesh=7");
  });

  it("leaves out what the caller has not sampled, and probes", async () => {
    const unseen = callerSpan("00");
    assert.equal(codeIn(await calls.infer("m", { header: unseen.header })), "OK");
    const probe = callerSpan();
    await callRest(served.port, "/v2/health/ready", { headers: probe.header });
    const seen = callerSpan();
    assert.equal(codeIn(await calls.infer("m", { header: seen.header })), "OK");
    await spansOf(seen.traceId, inferRpc);
    assert.deepEqual([...ofTrace(unseen.traceId), ...ofTrace(probe.traceId)], []);
  });

  it("is what docs/tracing.md says: each span and attribute that was seen, and no attribute that was not", async () => {
    const page = await readFile(join(projectRoot, "docs/tracing.md"), "utf8");
    const seen = new Set(collector.spans.flatMap(({ attributes }) => Object.keys(attributes)));
    for (const name of seen) assert.ok(page.includes(`\`${name}\``), name);
    for (const { name, kind } of collector.spans) {
      if (kind === "internal") assert.ok(page.includes(`\`${name}\``), name);
    }
    const [, ...described] = page.slice(page.indexOf("Our own:")).split("| `");
    const names = described.join().match(/modelport\.[\w.]+/g) ?? [];
    assert.ok(names.length > 8);
    // Of models in versions, of which there are none here.
    seen.add("modelport.model.version");
    assert.deepEqual(
      names.filter((name) => !seen.has(name)),
      [],
    );
  });

  it("samples as it is told, sends what is left when it stops, and has the attributes of its owner", async () => {
    const sampled = await serve([
      ...["--otel-sampler", "parentbased_traceidratio", "--otel-sampler-arg", "0"],
      ...["--otel-schedule-delay", "600000", "--otel-service-name", "fraud"],
      ...["--otel-resource-attributes", "deployment.environment.name=test%20bed"],
    ]);
    const root = clientOf(sampled);
    const earlier = collector.spans.length;
    const caller = callerSpan();
    await callsOf(root).infer("m");
    await callsOf(root).infer("m", { header: caller.header });
    root.close();
    assert.equal(collector.spans.length, earlier, "nothing is sent before it is time");
    assert.equal(await sampled.stop(), 0);
    const sent = collector.spans.slice(earlier).filter(({ kind }) => kind === "server");
    assert.deepEqual(
      sent.map(({ name, traceId }) => [name, traceId]),
      [[inferRpc, caller.traceId]],
    );
    const { resource } = sent[0] as CollectedSpan;
    assert.equal(resource["service.name"], "fraud");
    assert.equal(resource["deployment.environment.name"], "test bed");
  });

  it("disturbs no call where no collector is, says so once, and stops in time", async () => {
    // A port that was somebody's until now.
    const closed = net.createServer().listen(0, "127.0.0.1");
    await new Promise((resolve) => closed.once("listening", resolve));
    const { port } = closed.address() as net.AddressInfo;
    await new Promise((resolve) => closed.close(resolve));
    const seen: Record<string, unknown>[] = [];
    const alone = await serve(
      [
        ...["--otel-traces-endpoint", `http://127.0.0.1:${port}/v1/traces`],
        ...["--otel-schedule-delay", "5", "--otel-export-timeout", "100"],
        ...["--otel-queue-size", "4", "--otel-batch-size", "2"],
      ],
      seen,
    );
    const own = clientOf(alone);
    assert.equal(codeIn(await callsOf(own).load("m", "add.onnx")), "OK");
    for (let call = 0; call < 50; call++) {
      assert.equal(codeIn(await callsOf(own).infer("m")), "OK");
    }
    const complaints = () => seen.filter(({ msg }) => msg === "traces not sent");
    await waitFor(() => complaints().length > 0);
    assert.equal(codeIn(await callsOf(own).infer("m")), "OK");
    own.close();
    assert.equal(await alone.stop(), 0);
    assert.equal(complaints().length, 1);
  });
});
