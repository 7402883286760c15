import assert from "node:assert/strict";
import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { gzipSync } from "node:zlib";
import { createClient } from "@connectrpc/connect";
import { createGrpcTransport, Http2SessionManager } from "@connectrpc/connect-node";
import { GRPCInferenceService as Inference } from "../../gen/inference/inference_pb.ts";
import { Sampler } from "../../src/rpc/payload-log/sampler.ts";
import { clientKinds } from "../support/clients/clients.ts";
import { Scrape } from "../support/clients/prometheus-text.ts";
import { callRest, type RestCall } from "../support/clients/rest-calls.ts";
import { EventSink, type SunkEvent, structuredEvent } from "../support/fakes/event-sink.ts";
import { addOne } from "../support/models/simple-models.ts";
import { type Served, startServed } from "../support/servers/served.ts";
import { textFixture } from "../support/text/text-fixtures.ts";
import { waitFor } from "../support/wait-for.ts";

const KiB = 1024;
const x = { name: "x", datatype: "FP32", shape: [1, 4], data: [1, 2, 3, 4] };
const y = { name: "y", datatype: "FP32", shape: [1, 4], data: [2, 3, 4, 5] };
const grpcX = { name: "x", datatype: "FP32", shape: [1n, 4n] };
const four = new Uint8Array(Float32Array.of(1, 2, 3, 4).buffer);
const maxBytes = 4 * KiB;

async function makeRepository(): Promise<string> {
  const root = await mkdtemp(join(tmpdir(), "modelport-payloads-"));
  await mkdir(join(root, "add"));
  await writeFile(join(root, "add", "model.onnx"), addOne());
  await cp(textFixture("bert-embedding"), join(root, "texts"), { recursive: true });
  return root;
}

function serve(root: string, flags: readonly string[]): Promise<Served> {
  const usual = ["--model-repository", root, "--engine-hosts", "1", "--root-model-dir", root];
  return startServed([...usual, ...flags]);
}

async function untilReady({ port }: Served, ...models: string[]): Promise<void> {
  for (const model of models) {
    await waitFor(async () => (await callRest(port, `/v2/models/${model}/ready`)).status === 200);
  }
}

describe("the payload log, with a URL", () => {
  const sink = new EventSink();
  let root: string;
  let served: Served;
  before(async () => {
    root = await makeRepository();
    const url = `http://127.0.0.1:${await sink.listen()}/events?from=here`;
    served = await serve(root, [
      ...["--payload-log-url", url, "--payload-log-max-bytes", `${maxBytes}`],
      ...["--payload-log-queue-bytes", `${1024 * KiB}`, "--payload-log-namespace", "ns"],
      ...["--payload-log-headers", "x-user,x-secret,authorization"],
      ...["--payload-log-redact", "input:hidden,parameter:pin,header:x-secret,path:$..card"],
      ...["--payload-log-retries", "2", "--shutdown-grace", "10000"],
    ]);
    await untilReady(served, "add", "texts");
  });
  after(async () => {
    await served?.stop("SIGKILL");
    await sink.close();
    await rm(root, { recursive: true, force: true });
  });

  const post = (path: string, id: string, body: unknown, more: Partial<RestCall> = {}) =>
    callRest(served.port, path, {
      method: "POST",
      body,
      ...more,
      headers: { "ce-id": id, "content-type": "application/json", ...more.headers },
    });
  const infer = (id: string, body: unknown, more?: Partial<RestCall>) =>
    post("/v2/models/add/infer", id, body, more);
  async function pair(id: string): Promise<{ request: SunkEvent; response: SunkEvent }> {
    return { request: await sink.event(id, "request"), response: await sink.event(id, "response") };
  }
  const scrape = async () => new Scrape((await callRest(served.port, "/metrics")).bytes.toString());

  it("posts a request and its answer as KServe's logger does, with what is known of the call", async () => {
    const headers = { "x-user": 'Zoë "z"', "x-secret": "s", authorization: "Bearer t" };
    const sent = JSON.stringify({ id: "7", inputs: [x] });
    const answer = await infer("rest-1", sent, {
      headers: { ...headers, "x-user": Buffer.from(headers["x-user"]).toString("latin1") },
    });
    assert.equal(answer.status, 200);
    const { request, response } = await pair("rest-1");
    assert.equal(request.bytes.toString(), sent);
    assert.deepEqual(response.bytes, answer.bytes);
    const { time, recordedtime, metadata, ...attributes } = request.attributes;
    assert.deepEqual(attributes, {
      specversion: "1.0",
      id: "rest-1",
      type: "org.kubeflow.serving.inference.request",
      source: "urn:modelport",
      inferenceservicename: "add",
      namespace: "ns",
      component: "predictor",
      endpoint: "default",
      modelid: "add",
      protocol: "rest",
      payloadbytes: `${sent.length}`,
    });
    assert.ok(Date.parse(time ?? "") <= Date.parse(recordedtime ?? ""));
    const carried = JSON.parse(metadata ?? "") as Record<string, string[]>;
    assert.deepEqual(Object.keys(carried).sort(), ["authorization", "x-secret", "x-user"]);
    assert.deepEqual(carried["x-secret"], ["[REDACTED]"]);
    assert.deepEqual(carried["authorization"], ["[REDACTED]"]);
    assert.match(carried["x-user"]?.[0] ?? "", /^Zo.+ "z"$/);
    assert.equal(request.type, "application/json");
    assert.equal(response.attributes["type"], "org.kubeflow.serving.inference.response");
  });

  it("has calls of every RPC client in the form of REST", async () => {
    for (const kind of clientKinds) {
      if (kind.skip !== undefined) continue;
      const client = kind.open({ port: served.port });
      try {
        const raw = { modelName: "add", id: "r", inputs: [grpcX], rawInputContents: [four] };
        const contents = { fp32Contents: [1, 2, 3, 4] };
        const typed = { modelName: "add", inputs: [{ ...grpcX, contents }] };
        for (const [form, message] of Object.entries({ raw, typed })) {
          const id = `${kind.name} ${form}`.replaceAll(/\W+/g, "-");
          const header = { "ce-id": id };
          const outcome = await client.call(Inference.method.modelInfer, message, { header });
          assert.ok(outcome.ok, `${id}: ${JSON.stringify(outcome)}`);
          const { request, response } = await pair(id);
          const known = form === "raw" ? { id: "r" } : {};
          assert.deepEqual(request.json, { model_name: "add", ...known, inputs: [x] }, id);
          assert.deepEqual(response.json, {
            model_name: "add",
            ...((response.json as { model_version?: string }).model_version !== undefined && {
              model_version: (response.json as { model_version: string }).model_version,
            }),
            ...known,
            outputs: [y],
          });
          assert.equal(request.attributes["modelid"], "add");
          assert.match(request.attributes["protocol"] ?? "", /^(?:grpc|grpc-web|connect)$/);
        }
      } finally {
        client.close();
      }
    }
  });

  it("has each message of a stream, and no answer of one that fails", async () => {
    const baseUrl = `http://127.0.0.1:${served.port}`;
    const sessionManager = new Http2SessionManager(baseUrl);
    const client = createClient(Inference, createGrpcTransport({ baseUrl, sessionManager }));
    async function* requests() {
      yield { modelName: "add", id: "a", inputs: [grpcX], rawInputContents: [four] };
      yield { modelName: "nobody", id: "b", inputs: [grpcX], rawInputContents: [four] };
      yield { modelName: "add", id: "c", inputs: [grpcX], rawInputContents: [four] };
    }
    const headers = { "ce-id": "stream" };
    for await (const _ of client.modelStreamInfer(requests(), { headers }));
    sessionManager.abort();
    for (const [number, id] of [
      [1, "a"],
      [3, "c"],
    ] as const) {
      const { request, response } = await pair(`stream-${number}`);
      assert.deepEqual(request.json, { model_name: "add", id, inputs: [x] });
      assert.equal((response.json as { id: string }).id, id);
    }
    await sink.event("stream-2", "request");
    assert.equal(sink.ofId("stream-2").length, 1);
  });

  it("has V1, text routes, compressed and binary bodies", async () => {
    await post("/v1/models/add:predict", "v1", { instances: [{ x: [1, 2, 3, 4] }] });
    const v1 = await pair("v1");
    assert.deepEqual(v1.request.json, { instances: [{ x: [1, 2, 3, 4] }] });
    assert.deepEqual(v1.response.json, { predictions: [[2, 3, 4, 5]] });
    assert.equal(v1.request.attributes["modelid"], "add");

    const text = { model: "texts", input: "hello" };
    await post("/v1/embeddings", "openai", text);
    const openai = await pair("openai");
    assert.deepEqual(openai.request.json, text);
    assert.ok("data" in (openai.response.json as object));
    assert.equal(openai.request.attributes["inferenceservicename"], "texts");

    const encoding = { "content-encoding": "gzip" };
    await infer("gzip", gzipSync(JSON.stringify({ inputs: [x] })), { headers: encoding });
    assert.deepEqual((await pair("gzip")).request.json, { inputs: [x] });

    const { data: _, ...described } = x;
    const binary = { ...described, parameters: { binary_data_size: 16 } };
    const head = Buffer.from(
      JSON.stringify({ parameters: { binary_data_output: true }, inputs: [binary] }),
    );
    const length = { "inference-header-content-length": `${head.length}` };
    await infer("binary", Buffer.concat([head, four]), { headers: length });
    const { request, response } = await pair("binary");
    assert.deepEqual(request.json, { inputs: [x] });
    assert.deepEqual((response.json as { outputs: unknown }).outputs, [y]);
  });

  it("has the request of a call that fails, as it came, and no answer", async () => {
    assert.equal((await infer("missing", { inputs: [] })).status, 400);
    assert.equal((await post("/v2/models/nobody/infer", "nobody", { inputs: [x] })).status, 404);
    for (const id of ["missing", "nobody"]) {
      await sink.event(id, "request");
      assert.equal(sink.ofId(id).length, 1);
    }
  });

  it("hides what the rules name, in every form", async () => {
    const secret = { name: "hidden", datatype: "BYTES", shape: [1], data: ["top secret"] };
    const card = { number: "4111 1111" };
    await infer("redact-1", { parameters: { pin: 1234 }, inputs: [x, secret], a: [{ card }] });
    assert.deepEqual((await sink.event("redact-1", "request")).json, {
      parameters: { pin: "[REDACTED]" },
      inputs: [x, { ...secret, data: "[REDACTED]" }],
      a: [{ card: "[REDACTED]" }],
    });
    // The name comes last, and is spelled oddly.
    const odd = '{"inputs":[{"data":["top secret"],"n\\u0061me":"hidd\\u0065n"}]}';
    await infer("redact-2", odd);
    assert.doesNotMatch((await sink.event("redact-2", "request")).bytes.toString(), /secret/);
    await post("/v1/models/add:predict", "redact-3", { instances: ["top secret"] });
    assert.doesNotMatch((await sink.event("redact-3", "request")).bytes.toString(), /secret/);
    // What cannot be read is not shown.
    await infer("redact-4", '{"inputs":[{"name":"hidden","data":["top secret"]}]');
    const closed = await sink.event("redact-4", "request");
    assert.doesNotMatch(closed.bytes.toString(), /secret/);
    await infer("redact-5", "top secret");
    const omitted = await sink.event("redact-5", "request");
    assert.equal(omitted.bytes.length, 0);
    assert.match(omitted.attributes["omitted"] ?? "", /redaction/);
    assert.equal(sink.events.filter(({ bytes }) => bytes.includes("4111")).length, 0);
    const { port } = served;
    const client = clientKinds[0]?.open({ port });
    const contents = { bytesContents: [Buffer.from("top secret")] };
    const inputs = [{ name: "hidden", datatype: "BYTES", shape: [1n], contents }];
    const header = { "ce-id": "redact-6" };
    await client?.call(Inference.method.modelInfer, { modelName: "add", inputs }, { header });
    client?.close();
    const { json } = await sink.event("redact-6", "request");
    assert.deepEqual((json as { inputs: { data: unknown }[] }).inputs[0]?.data, "[REDACTED]");
  });

  it("cuts what is long, marks it, and keeps it JSON", async () => {
    const text = { model: "texts", input: "word ".repeat(10_000) };
    await post("/v1/embeddings", "long-1", text);
    const cut = await sink.event("long-1", "request");
    assert.equal(cut.attributes["truncated"], "true");
    assert.equal(cut.attributes["payloadbytes"], `${JSON.stringify(text).length}`);
    assert.ok(cut.bytes.length <= maxBytes + 2);
    const { model, input } = cut.json as typeof text;
    assert.ok(model === "texts" && text.input.startsWith(input) && input.length > maxBytes / 2);

    const client = clientKinds[0]?.open(served);
    const data = new Float32Array(100_000).map((_, at) => at);
    const wide = { name: "x", datatype: "FP32", shape: [25_000n, 4n] };
    const message = {
      modelName: "add",
      inputs: [wide],
      rawInputContents: [new Uint8Array(data.buffer)],
    };
    const header = { "ce-id": "long-2" };
    await client?.call(Inference.method.modelInfer, message, { header });
    client?.close();
    const { request, response } = await pair("long-2");
    for (const [event, side, first] of [
      [request, "inputs", 0],
      [response, "outputs", 1],
    ] as const) {
      assert.equal(event.attributes["truncated"], "true");
      assert.ok(event.bytes.length <= maxBytes + 200, `${event.bytes.length}`);
      const [tensor] =
        (event.json as Record<string, { shape: number[]; data: number[] }[]>)[side] ?? [];
      assert.deepEqual(tensor?.shape, [25_000, 4]);
      const expected = Array.from({ length: tensor?.data.length ?? 0 }, (_, at) => at + first);
      assert.ok(expected.length > 400);
      assert.deepEqual(tensor?.data, expected);
    }
  });

  it("goes on answering while the sink is slow, down, refuses or points elsewhere, and counts what it drops", async () => {
    const before = await scrape();
    const dropped = async (reason: string) =>
      (await scrape()).value("modelport_payload_log_dropped_total", { reason }) -
      before.value("modelport_payload_log_dropped_total", { reason });
    sink.answer = () => ({ status: 307, headers: { location: "/elsewhere" } });
    await infer("redirected", { inputs: [x] });
    await waitFor(async () => (await dropped("sink_refused")) === 2);
    assert.equal((await scrape()).value("modelport_payload_log_failing"), 1);

    // Three tries for each.
    const requests = sink.requests;
    sink.answer = () => ({ status: 500 });
    await infer("failed", { inputs: [x] });
    await waitFor(async () => (await dropped("sink_failed")) === 2);
    assert.equal(sink.requests - requests, 6);

    // It does not answer at all: the queue fills, and calls are answered all the same.
    sink.answer = () => undefined;
    const body = { inputs: [x], padding: "x".repeat(3 * KiB) };
    for (let sent = 0; (await dropped("queue_full")) === 0; sent += 50) {
      assert.ok(sent < 2_000);
      const answers = await Promise.all(
        Array.from({ length: 50 }, (_, at) => infer(`slow-${sent + at}`, body)),
      );
      assert.ok(answers.every(({ status }) => status === 200));
    }
    const full = await scrape();
    const queued = full.value("modelport_payload_log_queue_bytes");
    assert.ok(queued > 900 * KiB && queued <= 1024 * KiB, `${queued}`);
  });

  it("delivers what waits when the server stops", async () => {
    // The senders wait for answers that do not come: their connections are cut.
    const port = sink.port;
    await sink.close();
    sink.answer = () => ({ status: 200 });
    await sink.listen(port);
    assert.equal((await infer("last", { inputs: [x] })).status, 200);
    assert.equal(await served.stop(), 0);
    assert.ok(sink.events.some(({ attributes }) => attributes["id"]?.startsWith("slow-")));
    const closed = JSON.parse(
      served
        .complaints()
        .split("\n")
        .find((line) => line.includes("payload log closed")) ?? "{}",
    ) as { dropped: Record<string, number> };
    assert.equal(closed.dropped["shutdown"], undefined);
  });
});

describe("the payload log, with files", () => {
  let root: string;
  before(async () => {
    root = await makeRepository();
  });
  after(() => rm(root, { recursive: true, force: true }));

  it("writes one event per line, of the share of calls that the seed picks, and goes on when the disk is full", async (t) => {
    const folder = join(root, "log", "deep");
    const flags = ["--payload-log-folder", folder, "--payload-log-sample", "0.5"];
    const limits = ["--payload-log-retries", "0", "--payload-log-mode", "request"];
    const served = await startServed(
      [
        ...["--model-repository", root, "--engine-hosts", "1", "--root-model-dir", root],
        ...[...flags, ...limits, "--payload-log-seed", "1"],
      ],
      // No file may become longer: writes beyond fail, as on a full disk.
      { wrapper: ["prlimit", `--fsize=${64 * KiB}:`] },
    );
    t.after(() => served.stop("SIGKILL"));
    await untilReady(served, "add");
    const infer = async (id: number, padding = "") => {
      const body = { inputs: [x], padding };
      const headers = { "ce-id": `${id}` };
      const { status } = await callRest(served.port, "/v2/models/add/infer", { body, headers });
      assert.equal(status, 200);
    };
    for (let id = 0; id < 40; id++) await infer(id);
    const written = async () => {
      const names = await readdir(folder).catch(() => []);
      const texts = await Promise.all(names.map((name) => readFile(join(folder, name), "utf8")));
      return texts.flatMap((text) => {
        assert.ok(text === "" || text.endsWith("\n"));
        const lines = text.split("\n").filter((line) => line !== "");
        return lines.map((line) => structuredEvent(JSON.parse(line)));
      });
    };
    const sampler = new Sampler(0.5, 1);
    const picked = Array.from({ length: 40 }, (_, id) => id).filter(() => sampler.next());
    const scrape = async () =>
      new Scrape((await callRest(served.port, "/metrics")).bytes.toString());
    const logged = async () =>
      (await scrape()).value("modelport_payload_log_events_total", { type: "request" });
    await waitFor(async () => (await logged()) === picked.length);
    const ids = (await written()).map(({ attributes }) => Number(attributes["id"]));
    assert.deepEqual(ids, picked);
    for (let id = 100; id < 110; id++) await infer(id, "x".repeat(100 * KiB));
    await waitFor(async () => {
      const reason = "disk_full";
      return (await scrape()).value("modelport_payload_log_dropped_total", { reason }) > 0;
    });
    await infer(200);
    assert.equal(await served.stop(), 0);
    assert.deepEqual(
      (await written()).slice(0, ids.length).map(({ json }) => json),
      ids.map(() => ({ inputs: [x], padding: "" })),
    );
  });
});
