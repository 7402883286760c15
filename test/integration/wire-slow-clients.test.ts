import assert from "node:assert/strict";
import http2 from "node:http2";
import net from "node:net";
import { before, describe, it, type TestContext } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import {
  ModelInferRequestSchema,
  ModelStreamInferResponseSchema,
} from "../../gen/inference/inference_pb.ts";
import { grpcFrame, until } from "../support/clients/raw-http.ts";
import { type FakeServer, startFakeServer, suiteCleanup } from "../support/fakes/fake-server.ts";

const requestTimeoutMs = 600;
const inferPath = "/inference.GRPCInferenceService/ModelInfer";
const streamPath = "/inference.GRPCInferenceService/ModelStreamInfer";
const MiB = 1024 * 1024;

function inferMessage(modelName: string, sizeBytes: number): Uint8Array {
  const request = create(ModelInferRequestSchema, {
    modelName,
    inputs: [{ name: "x", datatype: "UINT8", shape: [BigInt(sizeBytes)] }],
    rawInputContents: [Buffer.alloc(sizeBytes, "x")],
  });
  return toBinary(ModelInferRequestSchema, request);
}

function echoFrame(sizeBytes: number): Buffer {
  return grpcFrame(inferMessage("echo", sizeBytes));
}

interface Answer {
  readonly headers: http2.IncomingHttpHeaders & http2.IncomingHttpStatusHeader;
  /** Trailers, or the headers where those are all there is. */
  readonly status: http2.IncomingHttpHeaders;
  readonly body: Buffer;
  readonly rstCode: number | undefined;
}

function begin(session: http2.ClientHttp2Session, path: string, type = "application/grpc") {
  return session.request({
    ":method": "POST",
    ":path": path,
    "content-type": type,
    te: "trailers",
  });
}

/** All that comes until the stream is closed. */
async function answerOf(stream: http2.ClientHttp2Stream): Promise<Answer> {
  stream.on("error", () => {});
  let headers: Answer["headers"] = {};
  let trailers: http2.IncomingHttpHeaders | undefined;
  const chunks: Buffer[] = [];
  stream.on("response", (received) => {
    headers = received;
  });
  stream.on("trailers", (received) => {
    trailers = received;
  });
  stream.on("data", (chunk: Buffer) => chunks.push(chunk));
  if (!stream.destroyed) await new Promise((resolve) => stream.once("close", resolve));
  return {
    headers,
    status: trailers ?? headers,
    body: Buffer.concat(chunks),
    rstCode: stream.rstCode,
  };
}

describe("a port whose clients are slow", () => {
  const cleanup = suiteCleanup();
  let fake: FakeServer;
  before(async () => {
    fake = await startFakeServer(cleanup, {
      requestTimeoutMs,
      readMaxBytes: 2 * MiB,
      maxConnectionBytes: 4 * MiB,
    });
  });

  function connect(t: TestContext, settings: http2.Settings = {}): http2.ClientHttp2Session {
    const session = http2.connect(`http://127.0.0.1:${fake.address.port}`, { settings });
    session.on("error", () => {});
    t.after(() => session.destroy());
    return session;
  }

  it("answers unary gRPC calls that stop within their body with DEADLINE_EXCEEDED", async (t) => {
    const session = connect(t);
    const stalled = begin(session, inferPath);
    stalled.write(echoFrame(1_000).subarray(0, 500));
    const { headers, status, rstCode } = await answerOf(stalled);
    assert.equal(headers[":status"], 200);
    assert.equal(status["grpc-status"], "4");
    assert.equal(status["grpc-message"], "the request did not arrive in time");
    assert.equal(rstCode, http2.constants.NGHTTP2_NO_ERROR);
    const next = begin(session, inferPath);
    next.end(echoFrame(1_000));
    assert.equal((await answerOf(next)).status["grpc-status"], "0", "the connection goes on");
  });

  it("answers bodies that only drip, too", async (t) => {
    const dripping = begin(connect(t), inferPath);
    const frame = echoFrame(100_000);
    let sent = 0;
    const drip = setInterval(() => dripping.write(frame.subarray(sent++, sent)), 20);
    const { status } = await answerOf(dripping).finally(() => clearInterval(drip));
    assert.equal(status["grpc-status"], "4");
  });

  it("answers calls of Connect and REST in their own form", async (t) => {
    const session = connect(t);
    const message = "the request did not arrive in time";
    const forms: [path: string, type: string, body: object][] = [
      [inferPath, "application/json", { code: "deadline_exceeded", message }],
      ["/v2/models/echo/infer", "application/json", { error: message }],
    ];
    for (const [path, type, body] of forms) {
      const stalled = begin(session, path, type);
      stalled.write('{"model_name":');
      const answer = await answerOf(stalled);
      assert.equal(answer.headers[":status"], 408, path);
      assert.deepEqual(JSON.parse(String(answer.body)), body);
    }
    const web = begin(session, inferPath, "application/grpc-web+proto");
    web.write(echoFrame(1_000).subarray(0, 500));
    assert.equal((await answerOf(web)).status["grpc-status"], "4");
  });

  it("lets the client of a stream be silent between messages, but not within one", async (t) => {
    const stream = begin(connect(t), streamPath);
    const frame = echoFrame(1_000);
    const answered = answerOf(stream);
    stream.write(frame);
    await sleep(3 * requestTimeoutMs);
    stream.end(frame);
    const { status, body } = await answered;
    assert.equal(status["grpc-status"], "0");
    const size = body.readUInt32BE(1);
    assert.equal(body.length, 2 * (5 + size), "two answers");
    const first = fromBinary(ModelStreamInferResponseSchema, body.subarray(5, 5 + size));
    assert.equal(first.inferResponse?.rawOutputContents[0]?.length, 1_000);

    const stalled = begin(connect(t), streamPath);
    stalled.write(Buffer.concat([frame, frame.subarray(0, 500)]));
    // Its first answer has been sent, so that there is no way back to an error in headers.
    assert.equal((await answerOf(stalled)).rstCode, http2.constants.NGHTTP2_ENHANCE_YOUR_CALM);
  });

  it("waits for an inference for as long as it takes", async (t) => {
    fake.models.put("slow", "UINT8", async ({ inputs }) => {
      await sleep(2 * requestTimeoutMs);
      return [...inputs];
    });
    const call = begin(connect(t), inferPath);
    call.end(grpcFrame(inferMessage("slow", 1)));
    assert.equal((await answerOf(call)).status["grpc-status"], "0");
  });

  it("refuses the oldest unfinished request where a connection holds too much", async (t) => {
    const session = connect(t);
    const half = echoFrame(1.5 * MiB).subarray(0, MiB);
    const calls: { call: http2.ClientHttp2Stream; answered: Promise<Answer> }[] = [];
    for (let made = 0; made < 5; made++) {
      const call = begin(session, inferPath);
      calls.push({ call, answered: answerOf(call) });
      await new Promise((resolve) => call.write(half, resolve));
    }
    const [oldest, ...others] = calls;
    assert.ok(oldest);
    const { status } = await oldest.answered;
    assert.equal(status["grpc-status"], "8");
    assert.match(String(status["grpc-message"]), /hold too much memory/);
    for (const { call } of others) call.close();
    const next = begin(session, inferPath);
    next.end(echoFrame(MiB));
    assert.equal((await answerOf(next)).status["grpc-status"], "0", "the memory is free again");
  });

  it("lets go of answers that nobody takes", async (t) => {
    const session = connect(t, { initialWindowSize: 0 });
    const calls = Array.from({ length: 3 }, () => {
      const call = begin(session, inferPath);
      call.end(echoFrame(100_000));
      return call;
    });
    const startMs = performance.now();
    const answers = await Promise.all(calls.map(answerOf));
    assert.ok(performance.now() - startMs >= requestTimeoutMs * 0.9, "not before their time");
    for (const { rstCode, body } of answers) {
      assert.equal(rstCode, http2.constants.NGHTTP2_ENHANCE_YOUR_CALM);
      assert.equal(body.length, 0);
    }
    await until(() => fake.logged.some(({ msg }) => msg === "call cut off"), "a word in the log");
  });

  it("goes on serving, and has logged no failure of its own", async (t) => {
    const call = begin(connect(t), inferPath);
    call.end(echoFrame(10));
    assert.equal((await answerOf(call)).status["grpc-status"], "0");
    assert.deepEqual(
      fake.logged.filter(({ level }) => Number(level) >= 50),
      [],
    );
  });
});

describe("a port whose HTTP/1.1 clients are slow", () => {
  const cleanup = suiteCleanup();
  let fake: FakeServer;
  before(async () => {
    fake = await startFakeServer(cleanup, { requestTimeoutMs, readMaxBytes: 2 * MiB });
  });

  it("lets go of one that does not take its answer", async () => {
    const socket = net.connect(fake.address.port, "127.0.0.1");
    socket.on("error", () => {});
    const body = inferMessage("echo", 2_000_000);
    const head = `POST ${inferPath} HTTP/1.1\r\nHost: x\r\nContent-Type: application/proto\r\n`;
    const request = Buffer.concat([
      Buffer.from(`${head}Content-Length: ${body.length}\r\n\r\n`),
      body,
    ]);
    // More than the buffers of both kernels hold.
    for (let sent = 0; sent < 8; sent++) socket.write(request);
    socket.pause();
    const { server } = fake;
    await until(() => server.connectionCount > 0, "it is connected");
    const startMs = performance.now();
    await until(() => server.connectionCount === 0, "it is let go");
    assert.ok(performance.now() - startMs >= requestTimeoutMs * 0.9, "not before its time");
    socket.destroy();
  });
});
