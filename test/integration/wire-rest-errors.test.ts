import assert from "node:assert/strict";
import { once } from "node:events";
import http from "node:http";
import { before, describe, it } from "node:test";
import { deflateSync, gzipSync } from "node:zlib";
import { assertError, callRest, type RestCall, x, y } from "../support/clients/rest-calls.ts";
import { type FakeServer, startFakeServer, suiteCleanup } from "../support/fakes/fake-server.ts";

const readMaxBytes = 256 * 1024;

describe("the errors of REST", () => {
  const cleanup = suiteCleanup();
  let fake: FakeServer;
  before(async () => {
    fake = await startFakeServer(cleanup, { readMaxBytes });
  });

  const call = (path: string, options?: RestCall) => callRest(fake.address.port, path, options);
  const infer = (model: string, body: unknown, headers: Record<string, string> = {}) =>
    call(`/v2/models/${encodeURIComponent(model)}/infer`, { method: "POST", headers, body });

  const bad: [string, unknown, RegExp][] = [
    ["no body", "", /^the request is not JSON/],
    ["half of JSON", '{"inputs":', /^the request is not JSON/],
    ["an array", [], /^the request must be a JSON object$/],
    ["no inputs", {}, /^inputs must be an array$/],
    ["an input that is not an object", { inputs: [7] }, /^inputs\[0\] must be a JSON object$/],
    ["an input without a name", { inputs: [{ ...x, name: 7 }] }, /^name of an input/],
    ["an unknown datatype", { inputs: [{ ...x, datatype: "FP8" }] }, /datatype 'FP8'/],
    ["a shape that is none", { inputs: [{ ...x, shape: ["1"] }] }, /array of integers/],
    ["a negative dimension", { inputs: [{ ...x, shape: [-1, 3] }] }, /shape \[-1,3\]/],
    ["neither data nor blob", { inputs: [{ ...x, data: undefined }] }, /neither data nor/],
    ["an input twice", { inputs: [x, x] }, /'x' is named twice as an input/],
    ["an output twice", { inputs: [x], outputs: [y, y] }, /'y' is named twice as an output/],
    ["an id that is not a string", { id: 7, inputs: [x] }, /^id must be a string$/],
    ["parameters that are none", { inputs: [x], parameters: [] }, /^parameters of the request/],
    [
      "a flag that is none",
      { inputs: [x], parameters: { binary_data_output: 1 } },
      /true or false/,
    ],
    ["a timeout that is none", { inputs: [x], parameters: { timeout: -1 } }, /'timeout'/],
    [
      "an input in shared memory",
      { inputs: [{ ...x, data: undefined, parameters: { shared_memory_region: "r" } }] },
      /^input 'x' for model 'echo' has the parameter 'shared_memory_region', but shared memory is not supported/,
    ],
    [
      "an output in shared memory",
      { inputs: [x], outputs: [{ name: "x", parameters: { shared_memory_region: "r" } }] },
      /^output 'x' has the parameter 'shared_memory_region', but shared memory is not supported/,
    ],
    ["an element with parts", { inputs: [{ ...x, data: [1, 2, { a: [] }] }] }, /2 is an object/],
    [
      "a late duplicate among very many names",
      { inputs: [x], outputs: [...Array(15_000).keys(), 14_999].map((n) => ({ name: `${n}` })) },
      /'14999' is named twice as an output/,
    ],
    [
      "a blob without the header",
      { inputs: [{ ...x, data: undefined, parameters: { binary_data_size: 12 } }] },
      /header Inference-Header-Content-Length is missing/,
    ],
  ];
  for (const [name, body, message] of bad) {
    it(`refuses a request with ${name}`, async () => {
      assertError(await infer("echo", body), 400, message);
    });
  }

  it("refuses a binary request whose lengths do not add up", async () => {
    const input = { ...x, data: undefined, parameters: { binary_data_size: 12 } };
    const json = JSON.stringify({ inputs: [input] });
    const blob = (size: number) => Buffer.concat([Buffer.from(json), Buffer.alloc(size)]);
    const length = (value: number | string) => ({ "inference-header-content-length": `${value}` });
    const right = length(json.length);
    assertError(await infer("echo", blob(11), right), 400, /12, but only 11 bytes are left/);
    assertError(
      await infer("echo", blob(13), right),
      400,
      /1 bytes that do not belong to any input/,
    );
    for (const wrong of [json.length + 13, "-1", "1e2", "12, 12", "0x10"]) {
      assertError(await infer("echo", blob(12), length(wrong)), 400, /Content-Length is '/);
    }
    const both = JSON.stringify({ inputs: [{ ...x, parameters: { binary_data_size: 0 } }] });
    assertError(await infer("echo", both, length(both.length)), 400, /both data and binary/);
  });

  it("says how to get an output that JSON cannot carry", async () => {
    assertError(await infer("half", { inputs: [x] }), 400, /'half' is FP16.*"binary_data": true/);
  });

  const statuses: [string, number][] = [
    ["fails-invalid-argument", 400],
    ["fails-failed-precondition", 400],
    ["fails-permission-denied", 403],
    ["fails-model-not-found", 404],
    ["fails-aborted", 409],
    ["fails-over-budget", 429],
    ["fails-overloaded", 429],
    ["fails-cancelled", 499],
    ["fails-run-failed", 500],
    ["fails-model-not-ready", 503],
    ["fails-shutting-down", 503],
    ["fails-deadline-exceeded", 504],
  ];
  for (const [model, status] of statuses) {
    it(`answers ${status} where a run ${model}`, async () => {
      assertError(await infer(model, { inputs: [x] }), status, /^the fake fails as it was told to/);
    });
  }

  it("keeps what nobody foresaw from the caller, and writes it to the log", async () => {
    assertError(await infer("fails", { inputs: [x] }), 500, /^internal error$/);
    const line = fake.logged.find(({ modelId }) => modelId === "fails");
    assert.equal(line?.["rpc"], "POST /v2/models/:model/infer");
    assert.match(JSON.stringify(line?.["err"]), /a secret of the implementation/);
  });

  it("answers every other path and method with an error of the same form", async () => {
    assertError(await call("/v2/nothing"), 404, /there is nothing at \/v2\/nothing/);
    const large = { method: "POST", body: Buffer.alloc(2 * readMaxBytes) };
    assertError(await call("/v2/nothing", large), 404, /nothing at/);
    assertError(await call("/v2/models/a/b/c"), 404, /nothing at/);
    const get = await call("/v2/models/add-one/infer");
    assertError(get, 405, /GET is not allowed for this path: use POST/);
    assert.equal(get.headers.get("allow"), "POST");
    assertError(await call("/v2", { body: {} }), 405, /use GET/);
    assertError(await call("/v2/models/add-one", { method: "DELETE" }), 405, /use GET/);
    const type = { "content-type": "no type at all" };
    assertError(await infer("add-one", { inputs: [x] }, type), 415, /Unsupported Media Type/);
    assertError(await call("/v2/models/%zz"), 400, /./);
  });

  it("refuses what is larger than it may be, as sent or as inflated", async () => {
    const large = Buffer.alloc(readMaxBytes + 1, " ");
    assertError(await infer("echo", large), 413, /larger than MAX_MESSAGE_BYTES \(262144\)/);
    const bomb = gzipSync(large);
    assert.ok(bomb.length < 1000);
    const gzip = { "content-encoding": "gzip" };
    assertError(await infer("echo", bomb, gzip), 413, /larger than MAX_MESSAGE_BYTES \(262144\)/);
    const deflate = { "content-encoding": "deflate" };
    assertError(await infer("echo", deflateSync(large), deflate), 413, /larger than/);
  });

  it("refuses a body in chunks as soon as it is too large", async () => {
    const path = "/v2/models/echo/infer";
    const request = http.request(`http://127.0.0.1:${fake.address.port}${path}`, {
      method: "POST",
    });
    const answered = once(request, "response");
    for (let sent = 0; sent <= readMaxBytes; sent += 65_536) request.write(Buffer.alloc(65_536));
    const [response] = (await answered) as [http.IncomingMessage];
    assert.equal(response.statusCode, 413);
    response.resume();
    request.destroy();
  });

  it("refuses encodings that it does not know, and bodies that are not what they say", async () => {
    const encoded = (name: string) => infer("echo", "{}", { "content-encoding": name });
    assertError(await encoded("br"), 415, /'br', expected gzip, deflate or identity/);
    assertError(await encoded("gzip"), 400, /the body is not gzip/);
    assertError(await encoded("deflate"), 400, /the body is not deflate/);
  });
});
