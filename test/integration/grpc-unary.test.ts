import assert from "node:assert/strict";
import { once } from "node:events";
import http2 from "node:http2";
import { after, before, describe, it } from "node:test";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import {
  GRPCInferenceService as Inference,
  ModelInferRequestSchema,
  ModelInferResponseSchema,
} from "../../gen/inference/inference_pb.ts";
import { createLogger } from "../../src/observe/log.ts";
import { GrpcUnary } from "../../src/rpc/grpc/unary.ts";
import type { UnaryMethod } from "../../src/rpc/grpc/unary-method.ts";
import { GrpcExchange } from "../support/clients/grpc-exchange.ts";
import { grpcFrame, until } from "../support/clients/raw-http.ts";
import { type FakeServer, startFakeServer, suiteCleanup } from "../support/fakes/fake-server.ts";

const path = "/inference.GRPCInferenceService/ModelInfer";
const usual = { ":method": "POST", ":path": path, "content-type": "application/grpc" };

function request(modelName: string, raw: Uint8Array): Buffer {
  const message = create(ModelInferRequestSchema, {
    modelName,
    inputs: [{ name: "x", datatype: "UINT8", shape: [BigInt(raw.length)] }],
    rawInputContents: [raw],
  });
  return grpcFrame(toBinary(ModelInferRequestSchema, message));
}

describe("the fast path of unary gRPC calls", () => {
  const server = http2.createServer();
  let client: http2.ClientHttp2Session;
  const taken: boolean[] = [];

  before(async () => {
    const echo: UnaryMethod<Uint8Array, Uint8Array> = {
      method: Inference.method.modelInfer,
      rpc: "inference.GRPCInferenceService/ModelInfer",
      needsEnd: false,
      decode: (bytes) => bytes,
      run: (message) => message,
      encode: (answer) => [grpcFrame(answer)],
    };
    const unary = new GrpcUnary({
      methods: [echo],
      gate: () => {},
      readMaxBytes: 1_000,
      log: createLogger("silent"),
      peerOf: () => undefined,
      shutdownSignal: new AbortController().signal,
    });
    server.on("stream", (stream, headers) => {
      const isTaken = unary.take(stream, headers, undefined);
      taken.push(isTaken);
      if (!isTaken) stream.respond({ ":status": 204 });
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const address = server.address();
    assert.ok(typeof address === "object" && address !== null);
    client = http2.connect(`http://127.0.0.1:${address.port}`);
  });
  after(() => {
    client.destroy();
    server.close();
  });

  async function isTaken(headers: http2.OutgoingHttpHeaders): Promise<boolean | undefined> {
    const stream = client.request({ ...usual, ...headers }, { endStream: false });
    stream.end(grpcFrame(Buffer.of(1, 2, 3)));
    await once(stream, "response");
    await stream.toArray();
    return taken.at(-1);
  }

  it("is for usual calls", async () => {
    for (const headers of [
      {},
      { "content-type": "application/grpc+proto" },
      { "grpc-encoding": "identity" },
      { "grpc-timeout": "5S", "x-a": "b", "mm-model-id-bin": "AAEC" },
      { ":authority": "[::1]:80" },
    ]) {
      assert.equal(await isTaken(headers), true, JSON.stringify(headers));
    }
  });

  it("is not for anything else", async () => {
    for (const headers of [
      { ":path": "/inference.GRPCInferenceService/Other" },
      { ":path": `${path}?a` },
      { ":path": `${path}/` },
      { "content-type": "application/grpc+json" },
      { "content-type": "application/grpc; charset=utf-8" },
      { "content-type": "application/grpc-web" },
      { "content-type": "application/proto" },
      { "grpc-encoding": "gzip" },
      { ":method": "PUT" },
      { ":authority": "a:b:c" },
    ]) {
      assert.equal(await isTaken(headers), false, JSON.stringify(headers));
    }
  });
});

describe("a unary gRPC call", () => {
  const cleanup = suiteCleanup();
  let server: FakeServer;
  let session: http2.ClientHttp2Session;
  let exchange: GrpcExchange;

  before(async () => {
    server = await startFakeServer(cleanup);
    const { port } = server.address;
    session = http2.connect(`http://127.0.0.1:${port}`);
    exchange = new GrpcExchange(port);
    cleanup.after(async () => {
      session.destroy();
      exchange.close();
    });
  });

  it("is answered at its deadline, even if its body never ends", async () => {
    const answer = exchange.send({
      path,
      body: Buffer.of(0, 0, 0),
      headers: { "grpc-timeout": "50m" },
      keepOpen: true,
    });
    assert.equal((await answer).trailers["grpc-status"], "4");
  });

  it("stops its work as soon as it is cancelled", async () => {
    const stream = session.request(usual, { endStream: false });
    stream.on("error", () => {});
    stream.end(request("hangs", new Uint8Array(3)));
    const running = () => server.models.calls.filter(({ id }) => id === "hangs");
    await until(() => running().length === 1, "the call runs");
    stream.close(http2.constants.NGHTTP2_CANCEL);
    await until(() => running()[0]?.signal?.aborted === true, "the signal aborts");
    const line = () =>
      server.logged.find(({ msg, code }) => msg === "call failed" && code === "Canceled");
    await until(() => line() !== undefined, "the log says so");
    assert.equal(line()?.["level"], 20, "at level debug");
  });

  it("ends when the connection breaks", async () => {
    const lost = http2.connect(`http://127.0.0.1:${server.address.port}`);
    lost.on("error", () => {});
    const stream = lost.request(usual, { endStream: false });
    stream.on("error", () => {});
    const before = server.models.calls.length;
    stream.end(request("hangs", new Uint8Array(3)));
    await until(() => server.models.calls.length > before, "the call runs");
    lost.destroy();
    await until(() => server.models.calls.at(-1)?.signal?.aborted === true, "the signal aborts");
  });

  it("that is refused does not keep its stream open while its client goes on sending", async () => {
    const stream = session.request({ ...usual, "grpc-timeout": "soon" }, { endStream: false });
    stream.on("error", () => {});
    const sending = setInterval(() => stream.write(Buffer.alloc(1_000)), 20);
    try {
      await once(stream, "close", { signal: AbortSignal.timeout(20_000) });
      assert.equal(stream.rstCode, http2.constants.NGHTTP2_NO_ERROR);
    } finally {
      clearInterval(sending);
    }
  });

  it("keeps the memory of its message to itself, however many others run and fail beside it", async () => {
    // The fake's answers are views of the requests; large ones are put together in buffers that are used
    // again. "late" looks at its tensors only after its caller has gone.
    const seen: boolean[] = [];
    server.models.put("late", "UINT8", async ({ inputs }) => {
      const expected = inputs[0]?.data[0];
      await new Promise((resolve) => setTimeout(resolve, 100));
      seen.push(inputs[0]?.data.every((byte) => byte === expected) ?? false);
      return [...inputs];
    });
    const calls = Array.from({ length: 60 }, async (_, index) => {
      const sent = new Uint8Array(100_000).fill(index + 1);
      if (index % 3 === 0) {
        const stream = session.request(usual, { endStream: false });
        stream.on("error", () => {});
        stream.end(request("late", sent));
        await new Promise((resolve) => setTimeout(resolve, 40 + index));
        stream.close(http2.constants.NGHTTP2_CANCEL);
        return;
      }
      const { body, trailers } = await exchange.send({ path, body: request("echo", sent) });
      assert.equal(trailers["grpc-status"], "0");
      const answer = fromBinary(ModelInferResponseSchema, Buffer.from(body, "hex").subarray(5));
      const [received] = answer.rawOutputContents;
      assert.ok(received?.length === sent.length && received.every((byte) => byte === index + 1));
    });
    await Promise.all(calls);
    const late = server.models.calls.filter(({ id }) => id === "late").length;
    assert.ok(late > 0);
    await until(() => seen.length === late, "all late ones have looked");
    assert.ok(seen.every(Boolean));
  });
});
