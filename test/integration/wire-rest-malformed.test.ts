import assert from "node:assert/strict";
import { once } from "node:events";
import http2 from "node:http2";
import { before, describe, it } from "node:test";
import { exchange } from "../support/clients/raw-http.ts";
import { assertError, callRest, x, y } from "../support/clients/rest-calls.ts";
import { type FakeServer, startFakeServer, suiteCleanup } from "../support/fakes/fake-server.ts";

/** One answer of HTTP/1.1, taken apart. */
function parseAnswer(text: string) {
  const [head = "", body = ""] = text.split("\r\n\r\n", 2);
  const type = /^content-type: (.*)$/im.exec(head)?.[1];
  return { status: Number(head.split(" ")[1]), type, json: JSON.parse(body) as { error: string } };
}

describe("REST that meets what it cannot route", () => {
  const cleanup = suiteCleanup();
  let fake: FakeServer;
  let port: number;
  before(async () => {
    fake = await startFakeServer(cleanup, { headersTimeoutMs: 300 });
    port = fake.address.port;
  });

  const send = async (path: string, headers: Record<string, string>, body?: Buffer) => {
    const session = http2.connect(`http://127.0.0.1:${port}`);
    try {
      const stream = session.request({ ":path": path, ...headers });
      const answered = once(stream, "response");
      stream.end(body);
      const [received] = await answered;
      const text = Buffer.concat(await stream.toArray()).toString();
      return { status: received[":status"], type: received["content-type"], text, received };
    } finally {
      session.destroy();
    }
  };

  for (const path of ["/v2/models/%zz", "/v2/models/100%/ready", "/v2/models/%ff", "/v2/%c3%28"]) {
    it(`refuses the path ${path} in the form of REST, with one line in the log`, async () => {
      const before = fake.logged.length;
      assertError(await callRest(port, path), 400, /is not percent-encoded UTF-8$/);
      const lines = fake.logged.slice(before);
      assert.deepEqual(
        lines.map(({ msg, statusCode }) => [msg, statusCode]),
        [["call failed", 400]],
      );
      assert.ok(String(lines[0]?.["reason"]).startsWith(path));
    });
  }

  it("reads and drops the body of a request with such a path", async () => {
    const body = Buffer.alloc(3_000_000);
    const lengths = `Content-Length: ${body.length}\r\nConnection: close\r\n\r\n`;
    const head = `POST /v2/models/%zz/infer HTTP/1.1\r\nHost: x\r\n${lengths}`;
    const answer = parseAnswer(await exchange(port, Buffer.concat([Buffer.from(head), body])));
    assert.deepEqual([answer.status, answer.type], [400, "application/json"]);
    const method = { ":method": "POST" };
    assert.equal((await send("/v2/models/%zz/infer", method, body)).status, 400);
  });

  it("refuses a name that is longer than any may be with 414", async () => {
    const { status, type, text } = await send(`/v2/models/${"m".repeat(30_000)}`, {});
    assert.deepEqual([status, type], [414, "application/json"]);
    assert.match(JSON.parse(text).error, /is too long$/);
    assert.ok(text.length < 400, "does not repeat the name");
  });

  it("answers outside of /v2 in this form, too, but for gRPC", async () => {
    assertError(await callRest(port, "/%zz"), 400, /is not percent-encoded UTF-8$/);
    const grpc = { ":method": "POST", "content-type": "application/grpc" };
    const { received } = await send("/%zz", grpc, Buffer.alloc(5));
    assert.deepEqual([received[":status"], received["grpc-status"]], [200, "3"]);
  });

  it("answers a method that nobody has heard of with 501, without a word of Fastify's", async () => {
    const before = fake.logged.length;
    const { status, text } = await send("/v2", { ":method": "BREW" });
    assert.equal(status, 501);
    assert.deepEqual(JSON.parse(text), { error: "unknown HTTP method" });
    assert.equal(fake.logged.length, before);
  });

  it("answers wrong methods on the documents with 405", async () => {
    for (const path of ["/v2/openapi.json", "/v2/docs", "/v2/docs/"]) {
      const answer = await callRest(port, path, { method: "POST" });
      assertError(answer, 405, /POST is not allowed for this path: use GET/);
      assert.equal(answer.headers.get("allow"), "GET, HEAD");
      const head = await callRest(port, path, { method: "HEAD" });
      assert.deepEqual([head.status, head.bytes.length], [200, 0], path);
    }
  });

  it("answers several Host headers with 400, whoever else took which of them", async () => {
    for (const path of ["/v2", "/", "/inference.GRPCInferenceService/ServerReady"]) {
      const text = `GET ${path} HTTP/1.1\r\nHost: x\r\nhost: y\r\nConnection: close\r\n\r\n`;
      const answer = (await exchange(port, Buffer.from(text))).toString();
      assert.match(answer, /^HTTP\/1\.1 400 /);
      assert.match(answer, /several Host headers, expected one/);
    }
  });

  const unreadable: [string, string, number, RegExp][] = [
    ["a header that is none", "GET /v2 HTTP/1.1\r\nHost: x\r\nno header\r\n\r\n", 400, /header/],
    ["letters that no path has", "GET /v2/\xff HTTP/1.1\r\nHost: x\r\n\r\n", 400, /url/],
    [
      "two lengths",
      "POST /v2 HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
      400,
      /./,
    ],
    [
      "large headers",
      `GET /v2 HTTP/1.1\r\nHost: x\r\nX: ${"y".repeat(20_000)}\r\n\r\n`,
      431,
      /larger than 16 KiB/,
    ],
    ["headers without an end", "GET /v2 HTTP/1.1\r\nHost: x\r\n", 408, /in time/],
    [
      "a chunk that is none",
      "POST /v2/models/echo/infer HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n\r\n",
      400,
      /chunk/,
    ],
  ];
  for (const [what, text, status, message] of unreadable) {
    it(`answers ${what} with ${status}, closes, and says so in the log`, async () => {
      const before = fake.logged.length;
      const answer = parseAnswer(await exchange(port, Buffer.from(text, "latin1")));
      assert.deepEqual([answer.status, answer.type], [status, "application/json"]);
      assert.deepEqual(Object.keys(answer.json), ["error"]);
      assert.match(answer.json.error, message);
      const lines = fake.logged.slice(before).filter(({ msg }) => msg === "request not readable");
      assert.deepEqual(
        lines.map(({ statusCode }) => statusCode),
        [status],
      );
    });
  }

  it("answers a request before it refuses the garbage that follows it", async () => {
    const calls = fake.models.calls.length;
    const body = JSON.stringify({ inputs: [x], parameters: { timeout: 200_000 } });
    const post = `POST /v2/models/hangs/infer HTTP/1.1\r\nHost: x\r\nContent-Length: ${body.length}`;
    const answers = await exchange(port, `${post}\r\n\r\n${body}no request at all\r\n\r\n`);
    assert.equal(fake.models.calls.length, calls + 1);
    const statuses = [...answers.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status]) => status);
    assert.deepEqual(statuses, ["504", "400"]);
  });

  it("goes on with a connection after every kind of refusal", async () => {
    const body = JSON.stringify({ inputs: [x] });
    const requests: [path: string, headers: string, status: string][] = [
      ["/v2/models/%zz/infer", "", "400"],
      ["/v2/nothing", "", "404"],
      ["/v2/health/live", "", "405"],
      ["/v2/models/nobody/infer", "", "404"],
      ["/v2/models/echo/infer", "Content-Encoding: br\r\n", "415"],
      ["/v2/models/echo/infer", "Content-Type: none\r\n", "415"],
      ["/v2/models/echo/infer", "Inference-Header-Content-Length: x\r\n", "400"],
      ["/v2/repository/models/versioned/unload", "Origin: https://example.com\r\n", "403"],
      ["/v2/models/add-one/infer", "Connection: close\r\n", "200"],
    ];
    const text = requests.map(
      ([path, headers]) =>
        `POST ${path} HTTP/1.1\r\nHost: x\r\n${headers}Content-Length: ${body.length}\r\n\r\n${body}`,
    );
    const answers = await exchange(port, text.join(""));
    const statuses = [...answers.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status]) => status);
    assert.deepEqual(
      statuses,
      requests.map(([, , status]) => status),
    );
    assert.ok(answers.endsWith(JSON.stringify({ model_name: "add-one", outputs: [y] })));
  });

  it("writes who was refused to load and unload into the log", async () => {
    const before = fake.logged.length;
    const origin = "https://example.com";
    const headers = { origin };
    const method = "POST";
    const answer = await callRest(port, "/v2/repository/models/versioned/unload", {
      method,
      headers,
    });
    const rpc = "POST /v2/repository/models/:model/unload";
    assertError(answer, 403, /^pages of https:\/\/example\.com may not call this server: /);
    const [line, ...more] = fake.logged.slice(before);
    assert.equal(more.length, 0);
    assert.deepEqual(
      { rpc: line?.["rpc"], peer: line?.["peer"], origin: line?.["origin"], id: line?.["modelId"] },
      { rpc, peer: { kind: "tcp", address: "127.0.0.1", isTls: false }, origin, id: "versioned" },
    );
  });

  it("writes nothing to the log where all is well", async () => {
    const before = fake.logged.length;
    for (const path of ["/v2", "/v2/docs", "/v2/openapi.json"]) await callRest(port, path);
    const { status } = await callRest(port, "/v2/models/add-one/infer", { body: { inputs: [x] } });
    assert.equal(status, 200);
    // What goes wrong after an answer is written to the log a moment later.
    await new Promise((resolve) => setTimeout(resolve, 50));
    assert.deepEqual(fake.logged.slice(before), []);
  });
});
