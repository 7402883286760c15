import assert from "node:assert/strict";
import { once } from "node:events";
import http from "node:http";
import http2 from "node:http2";
import { before, describe, it } from "node:test";
import { deflateSync, gzipSync } from "node:zlib";
import { until } from "../support/clients/raw-http.ts";
import { assertError, callRest, type RestCall, x, y } from "../support/clients/rest-calls.ts";
import { type FakeServer, startFakeServer, suiteCleanup } from "../support/fakes/fake-server.ts";
import { fakeBatchesJson, fakeInferenceJson } from "../support/fakes/fake-statistics.ts";

describe("REST", () => {
  const cleanup = suiteCleanup();
  let fake: FakeServer;
  let base: string;
  before(async () => {
    fake = await startFakeServer(cleanup);
    base = `http://127.0.0.1:${fake.address.port}`;
    fake.models.put("teams/ü %2F.v1", "FP32", ({ inputs }) => [...inputs]);
    fake.models.put("m".repeat(1000), "FP32", ({ inputs }) => [...inputs]);
  });

  const call = (path: string, options?: RestCall) => callRest(fake.address.port, path, options);
  const infer = (model: string, body: unknown, headers: Record<string, string> = {}) =>
    call(`/v2/models/${encodeURIComponent(model)}/infer`, { method: "POST", headers, body });

  it("tells who it is", async () => {
    for (const path of ["/v2", "/v2/", "/v2?x=1"]) {
      const { status, headers, json } = await call(path);
      assert.equal(status, 200);
      assert.equal(headers.get("content-type"), "application/json");
      assert.deepEqual(json, {
        name: "modelport",
        version: "1.2.3",
        extensions: [
          "binary_tensor_data",
          "classification",
          "model_configuration",
          "model_repository",
          "statistics",
        ],
      });
    }
  });

  it("tells whether it lives and whether it is ready", async () => {
    assert.deepEqual((await call("/v2/health/live")).json, { live: true });
    assert.deepEqual((await call("/v2/health/ready")).json, { ready: true, live: true });
    fake.models.ready = false;
    try {
      const answer = await call("/v2/health/ready");
      assertError(answer, 503, /not ready/);
      assert.equal((answer.json as { ready: unknown }).ready, false);
      assert.equal((await call("/v2/health/live")).status, 200);
    } finally {
      fake.models.ready = true;
    }
  });

  it("describes models and their versions", async () => {
    const spec = { platform: "fake_fake" };
    const inputs = [{ name: "x", datatype: "FP32", shape: [-1, 3] }];
    const outputs = [{ name: "y", datatype: "FP32", shape: [-1, 3] }];
    const plain = await call("/v2/models/add-one");
    assert.deepEqual(plain.json, { name: "add-one", ...spec, inputs, outputs });
    const versioned = await call("/v2/models/versioned/versions/1");
    const versions = ["1", "2"];
    assert.deepEqual(versioned.json, { name: "versioned", versions, ...spec, inputs, outputs });
    assertError(await call("/v2/models/nobody"), 404, /'nobody' is not loaded/);
    assertError(await call("/v2/models/versioned/versions/7"), 400, /version '7'/);
  });

  it("tells whether a model is ready", async () => {
    const ready = await call("/v2/models/versioned/versions/2/ready");
    assert.deepEqual([ready.status, ready.json], [200, { name: "versioned", ready: true }]);
    assertError(await call("/v2/models/nobody/ready"), 404, /not loaded/);
    assertError(await call("/v2/models/fails-model-not-ready/ready"), 503, /told to/);
  });

  it("runs a model, flat or nested, and repeats the id", async () => {
    for (const data of [x.data, [x.data]]) {
      const { status, headers, json } = await infer("add-one", {
        id: "42",
        parameters: { priority: 1, note: 18446744073709551615n.toString(), custom: null },
        inputs: [{ ...x, data }],
        whatever: [],
      });
      assert.equal(status, 200);
      assert.equal(headers.get("content-type"), "application/json");
      assert.deepEqual(json, { model_name: "add-one", id: "42", outputs: [y] });
    }
  });

  it("logs no error of an inference that succeeds, in either form", async () => {
    const before = fake.logged.length;
    for (const parameters of [{}, { binary_data_output: true }]) {
      assert.equal((await infer("add-one", { inputs: [x], parameters })).status, 200);
    }
    assert.deepEqual(
      fake.logged.slice(before).filter(({ level }) => Number(level) >= 40),
      [],
    );
  });

  it("runs the version that is asked for, and names the one that ran", async () => {
    for (const [path, version] of [
      ["/v2/models/versioned/infer", "2"],
      ["/v2/models/versioned/versions/1/infer", "1"],
    ] as const) {
      const { json } = await call(path, { body: { inputs: [x] } });
      assert.deepEqual(json, { model_name: "versioned", model_version: version, outputs: [y] });
    }
  });

  it("hands the wanted outputs to the model in their order", async () => {
    const outputs = [{ name: "b" }, { name: "a", parameters: { classification: 3 } }];
    await infer("echo", { inputs: [x], outputs });
    assert.deepEqual(fake.models.calls.at(-1)?.request?.outputs, ["b", "a"]);
  });

  it("keeps integers beyond 2^53 in both directions", async () => {
    const text = "[9007199254740993,-9223372036854775808]";
    const body = `{"inputs":[{"name":"n","datatype":"INT64","shape":[2],"data":${text}}]}`;
    const { bytes } = await infer("echo", body);
    assert.ok(bytes.toString().includes(`"data":${text}`), bytes.toString());
  });

  it("takes and gives binary tensors, mixed with JSON ones", async () => {
    const floats = Buffer.from(Float32Array.of(1, 2, 3).buffer);
    const json = JSON.stringify({
      inputs: [
        { name: "a", datatype: "FP32", shape: [3], parameters: { binary_data_size: 12 } },
        { name: "b", datatype: "INT8", shape: [2], data: [-1, 1] },
        { name: "c", datatype: "FP16", shape: [1], parameters: { binary_data_size: 2 } },
        { name: "d", datatype: "FP32", shape: [0], parameters: { binary_data_size: 0 } },
      ],
      outputs: [
        { name: "a" },
        { name: "b", parameters: { binary_data: false } },
        { name: "c", parameters: { binary_data: true } },
        { name: "d" },
      ],
      parameters: { binary_data_output: true },
    });
    const body = Buffer.concat([Buffer.from(json), floats, Uint8Array.of(0, 0x3c)]);
    const length = { "inference-header-content-length": String(Buffer.byteLength(json)) };
    const { status, headers, bytes } = await infer("echo", body, length);
    assert.equal(status, 200, bytes.toString());
    assert.equal(headers.get("content-type"), "application/octet-stream");
    const jsonLength = Number(headers.get("inference-header-content-length"));
    assert.deepEqual(JSON.parse(bytes.subarray(0, jsonLength).toString()), {
      model_name: "echo",
      outputs: [
        { name: "a", datatype: "FP32", shape: [3], parameters: { binary_data_size: 12 } },
        { name: "b", datatype: "INT8", shape: [2], data: [-1, 1] },
        { name: "c", datatype: "FP16", shape: [1], parameters: { binary_data_size: 2 } },
        { name: "d", datatype: "FP32", shape: [0], parameters: { binary_data_size: 0 } },
      ],
    });
    assert.deepEqual(bytes.subarray(jsonLength), body.subarray(body.length - 14));
  });

  it("inflates what is sent, and never compresses what it sends", async () => {
    const json = Buffer.from(
      JSON.stringify({
        inputs: [{ name: "a", datatype: "INT8", shape: [2], parameters: { binary_data_size: 2 } }],
      }),
    );
    const body = Buffer.concat([json, Uint8Array.of(1, 2)]);
    for (const [encoding, packed] of [
      ["gzip", gzipSync(body)],
      ["deflate", deflateSync(body)],
    ] as const) {
      const { headers, json: answer } = await infer("echo", packed, {
        "content-encoding": encoding,
        "accept-encoding": "gzip, deflate",
        "content-type": "application/octet-stream",
        // Of the JSON as it is after inflation.
        "inference-header-content-length": String(json.length),
      });
      assert.equal(headers.get("content-encoding"), null);
      const outputs = [{ name: "a", datatype: "INT8", shape: [2], data: [1, 2] }];
      assert.deepEqual(answer, { model_name: "echo", outputs });
    }
  });

  it("takes a body of HTTP/2 that says neither type nor length", async () => {
    const session = http2.connect(base);
    try {
      const stream = session.request({ ":method": "POST", ":path": "/v2/models/add-one/infer" });
      const answered = once(stream, "response");
      stream.end(JSON.stringify({ inputs: [x] }));
      const [headers] = await answered;
      assert.equal(headers[":status"], 200);
      const text = Buffer.concat(await stream.toArray()).toString();
      assert.deepEqual(JSON.parse(text), { model_name: "add-one", outputs: [y] });
    } finally {
      session.destroy();
    }
  });

  it("puts a body together that comes in pieces of any size, announced or not", async () => {
    const json = JSON.stringify({
      inputs: [
        { name: "b", datatype: "UINT8", shape: [99_000], parameters: { binary_data_size: 99_000 } },
      ],
      parameters: { binary_data_output: true },
    });
    const blob = Buffer.from(Array.from({ length: 99_000 }, (_, index) => index % 251));
    const body = Buffer.concat([Buffer.from(json), blob]);
    for (const framing of [{ "content-length": body.length }, { "transfer-encoding": "chunked" }]) {
      const headers = { ...framing, "inference-header-content-length": json.length };
      const request = http.request(`${base}/v2/models/echo/infer`, { method: "POST", headers });
      const answered = once(request, "response");
      let sent = 0;
      for (const size of [1, 1, 3, 20_000, 1, 60_000]) {
        request.write(body.subarray(sent, sent + size));
        sent += size;
        await new Promise((resolve) => setImmediate(resolve));
      }
      request.end(body.subarray(sent));
      const [response] = (await answered) as [http.IncomingMessage];
      const bytes = Buffer.concat(await response.toArray());
      assert.equal(response.statusCode, 200, bytes.toString());
      const jsonLength = Number(response.headers["inference-header-content-length"]);
      assert.ok(blob.equals(bytes.subarray(jsonLength)), JSON.stringify(framing));
    }
  });

  for (const type of [
    "application/json; charset=utf-8",
    "application/octet-stream",
    "text/plain",
  ]) {
    it(`takes a body of type ${type}`, async () => {
      const answer = await infer("add-one", { inputs: [x] }, { "content-type": type });
      assert.equal(answer.status, 200);
    });
  }

  it("finds models whose names have slashes, letters beyond ASCII, percent signs and length", async () => {
    for (const model of ["teams/ü %2F.v1", "m".repeat(1000)]) {
      const { status, json } = await infer(model, { inputs: [x] });
      assert.equal(status, 200);
      assert.equal((json as { model_name: string }).model_name, model);
    }
  });

  it("answers HEAD as it does GET, without the body", async () => {
    const { status, bytes } = await call("/v2/health/live", { method: "HEAD" });
    assert.deepEqual([status, bytes.length], [200, 0]);
  });

  it("answers 504 when the time of a request is over, and lets the model go", async () => {
    const body = { inputs: [x], parameters: { timeout: 20_000 } };
    assertError(await infer("hangs", body), 504, /timeout of 20000 microseconds/);
    assert.equal(fake.models.calls.at(-1)?.signal?.aborted, true);
  });

  it("lets the model go when the caller goes away", async () => {
    const gone = new AbortController();
    const before = fake.models.calls.length;
    const asked = fetch(`${base}/v2/models/hangs/infer`, {
      method: "POST",
      body: JSON.stringify({ inputs: [x] }),
      signal: gone.signal,
    });
    await until(() => fake.models.calls.length > before, "the model runs");
    const { signal } = fake.models.calls[before] ?? {};
    assert.equal(signal?.aborted, false);
    gone.abort();
    await assert.rejects(asked, { name: "AbortError" });
    await until(() => signal?.aborted === true, "the run is aborted");
  });

  it("lets the model go when a call of HTTP/2 is cancelled", async () => {
    const before = fake.models.calls.length;
    const session = http2.connect(base);
    try {
      const stream = session.request({ ":method": "POST", ":path": "/v2/models/hangs/infer" });
      stream.on("error", () => {});
      stream.end(JSON.stringify({ inputs: [x] }));
      await until(() => fake.models.calls.length > before, "the model runs");
      stream.close(http2.constants.NGHTTP2_CANCEL);
      const { signal } = fake.models.calls[before] ?? {};
      await until(() => signal?.aborted === true, "the run is aborted");
    } finally {
      session.destroy();
    }
  });

  it("lists models, all or those that are ready", async () => {
    const { json } = await call("/v2/models");
    assert.ok((json as { models: string[] }).models.includes("shelved"));
    const index = async (body: unknown) =>
      (await call("/v2/repository/index", { method: "POST", body })).json as object[];
    const shelved = { name: "shelved", version: "1", state: "UNAVAILABLE", reason: "not loaded" };
    const addOne = { name: "add-one", state: "READY", reason: "" };
    for (const body of [undefined, {}, { ready: false }]) {
      const names = JSON.stringify(await index(body));
      assert.ok(names.includes(JSON.stringify(shelved)) && names.includes(JSON.stringify(addOne)));
    }
    const ready = JSON.stringify(await index({ ready: true }));
    assert.ok(!ready.includes("shelved") && ready.includes(JSON.stringify(addOne)));
    const wrong = await call("/v2/repository/index", { body: { ready: "yes" } });
    assertError(wrong, 400, /empty or a JSON object/);
  });

  it("tells how often models ran", async () => {
    const stats = {
      name: "versioned",
      version: "1",
      last_inference: 1_700_000_000_000,
      inference_count: 6,
      execution_count: 2,
      batch_stats: fakeBatchesJson,
      memory_usage: [{ type: "CPU", id: 0, byte_size: 123_456_789 }],
    };
    const one = await call("/v2/models/versioned/versions/1/stats");
    assert.match(one.bytes.toString(), /"success":\{"count":3,"ns":9007199254740993\}/);
    const { model_stats } = one.json as { model_stats: Record<string, unknown>[] };
    assert.equal(model_stats.length, 1);
    const { inference_stats, ...rest } = model_stats[0] ?? {};
    assert.deepEqual(rest, stats);
    const { success, ...others } = inference_stats as Record<string, object>;
    assert.ok(success !== undefined);
    assert.deepEqual(others, fakeInferenceJson);
    const all = (await call("/v2/models/stats")).json as { model_stats: object[] };
    assert.ok(all.model_stats.length > 2);
    assertError(await call("/v2/models/nobody/stats"), 404, /not loaded/);
  });

  it("loads and unloads models of the repository", async () => {
    const post = (path: string, body?: unknown) =>
      call(`/v2/repository/models/${path}`, { method: "POST", body });
    const loaded = await post("shelved/load", { parameters: {} });
    assert.deepEqual([loaded.status, loaded.json], [200, { name: "shelved", load: true }]);
    assert.equal((await call("/v2/models/shelved/ready")).status, 200);
    const unloaded = await post("shelved/unload");
    assert.deepEqual([unloaded.status, unloaded.json], [200, { name: "shelved", unload: true }]);
    assertError(await post("shelved/unload"), 404, /not loaded/);
    assertError(await post("nobody/load"), 404, /not in the model repository/);
    assertError(await post("fails-failed-precondition/load"), 400, /told to/);
  });

  it("refuses to load with a configuration or files that it would not take", async () => {
    const path = "/v2/repository/models/shelved/load";
    const post = (body: unknown) => call(path, { method: "POST", body });
    const config = { parameters: { config: '{"max_batch_size": 1}' } };
    assertError(await post(config), 400, /parameter 'config', expected none: .*modelport\.json/);
    const file = (base64: string) => ({ parameters: { "file:1/model.onnx": base64 } });
    for (const base64 of ["AAAA", "A".repeat(2_000_000)]) {
      assertError(
        await post(file(base64)),
        400,
        /expected no.*: put the files into the repository/,
      );
    }
    assertError(await post({ parameters: { priority: 1 } }), 400, /parameter 'priority'/);
    assertError(await post([1]), 400, /must be empty or a JSON object/);
  });

  it("refuses to load and unload for a web page from elsewhere", async () => {
    const before = fake.models.calls.length;
    for (const verb of ["load", "unload"]) {
      const answer = await call(`/v2/repository/models/versioned/${verb}`, {
        method: "POST",
        headers: { origin: "https://example.com" },
      });
      assertError(answer, 403, /pages of https:\/\/example\.com may not call/);
    }
    assert.equal(fake.models.calls.length, before);
  });
});
