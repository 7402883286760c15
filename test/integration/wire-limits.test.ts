import assert from "node:assert/strict";
import { before, describe, it } from "node:test";
import { gzipSync } from "node:zlib";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { compressionGzip } from "@connectrpc/connect-node";
import * as grpc from "@grpc/grpc-js";
import {
  GRPCInferenceService,
  ModelInferRequestSchema,
  ModelInferResponseSchema,
} from "../../gen/inference/inference_pb.ts";
import { type Client, clientKinds } from "../support/clients/clients.ts";
import { exchange, grpcFrame, postGrpc } from "../support/clients/raw-http.ts";
import { type FakeServer, startFakeServer, suiteCleanup } from "../support/fakes/fake-server.ts";

const readMaxBytes = 2 * 1024 * 1024;
const { modelInfer } = GRPCInferenceService.method;
const inferPath = "/inference.GRPCInferenceService/ModelInfer";

/** A request for the model "echo" with one raw tensor of `sizeBytes`. */
function echoRequest(sizeBytes: number) {
  return {
    modelName: "echo",
    inputs: [{ name: "x", datatype: "UINT8", shape: [BigInt(sizeBytes)] }],
    rawInputContents: [Buffer.alloc(sizeBytes, "modelport")],
  };
}

function encoded(sizeBytes: number): Uint8Array {
  return toBinary(ModelInferRequestSchema, create(ModelInferRequestSchema, echoRequest(sizeBytes)));
}

describe("the limits of the wire", () => {
  const cleanup = suiteCleanup();
  let fake: FakeServer;
  let port: number;
  before(async () => {
    fake = await startFakeServer(cleanup, { readMaxBytes });
    port = fake.address.port;
  });

  async function withClient(
    kind: (typeof clientKinds)[number],
    use: (client: Client) => Promise<void>,
  ): Promise<void> {
    const client = kind.open({ port });
    try {
      await use(client);
    } finally {
      client.close();
    }
  }

  for (const kind of clientKinds) {
    describe(`for ${kind.name}`, { skip: kind.skip ?? false }, () => {
      it("carry a tensor of 600 KB both ways unchanged", () =>
        withClient(kind, async (client) => {
          const request = echoRequest(600_000);
          const outcome = await client.call(modelInfer, request);
          assert.ok(outcome.ok);
          const { rawOutputContents } = outcome.message as { rawOutputContents: string[] };
          assert.deepEqual(
            Buffer.from(rawOutputContents[0] ?? "", "base64"),
            request.rawInputContents[0],
          );
        }));

      it("refuse a message that is too large by the name of the setting, then go on serving the client", () =>
        withClient(kind, async (client) => {
          const outcome = await client.call(modelInfer, echoRequest(readMaxBytes));
          assert.ok(!outcome.ok);
          assert.equal(outcome.code, "ResourceExhausted");
          assert.match(outcome.message, /larger than MAX_MESSAGE_BYTES \(2097152\)$/);
          assert.ok((await client.call(modelInfer, echoRequest(10))).ok);
        }));
    });
  }

  it("refuse a frame of 3 GiB by its head alone", async () => {
    const head = grpcFrame(Buffer.alloc(0));
    head.writeUInt32BE(3 * 2 ** 30, 1);
    const answer = await postGrpc(port, inferPath, { body: head });
    assert.equal(answer.trailers["grpc-status"], "8");
    assert.match(String(answer.trailers["grpc-message"]), /^message size 3221225472 is larger/);
  });

  it("accept a gzip request and answer it uncompressed, however much the client offers", async () => {
    const answer = await postGrpc(port, inferPath, {
      body: grpcFrame(gzipSync(encoded(100_000)), 1),
      headers: { "grpc-encoding": "gzip", "grpc-accept-encoding": "identity,deflate,gzip" },
    });
    assert.equal(answer.trailers["grpc-status"], "0");
    assert.equal(answer.headers["grpc-encoding"], undefined);
    assert.equal(answer.headers["content-encoding"], undefined);
    assert.equal(answer.body[0], 0, "the flag of the frame says uncompressed");
    const message = fromBinary(ModelInferResponseSchema, answer.body.subarray(5));
    assert.equal(message.rawOutputContents[0]?.length, 100_000);
  });

  it("answer a gzip request uncompressed if the client offers nothing", async () => {
    const answer = await postGrpc(port, inferPath, {
      body: grpcFrame(gzipSync(encoded(100_000)), 1),
      headers: { "grpc-encoding": "gzip" },
    });
    assert.equal(answer.trailers["grpc-status"], "0");
    assert.equal(answer.headers["grpc-encoding"], undefined);
    assert.equal(answer.body[0], 0);
  });

  it("answer Connect requests uncompressed too, and accept compressed ones", async () => {
    const answer = await fetch(`http://127.0.0.1:${port}${inferPath}`, {
      method: "POST",
      headers: {
        "Content-Type": "application/proto",
        "Content-Encoding": "gzip",
        "Accept-Encoding": "gzip, br",
      },
      body: gzipSync(encoded(100_000)),
    });
    assert.equal(answer.status, 200);
    assert.equal(answer.headers.get("content-encoding"), null);
    const message = fromBinary(ModelInferResponseSchema, await answer.bytes());
    assert.equal(message.rawOutputContents[0]?.length, 100_000);
  });

  it("serve grpc-js with gzip and with deflate requests", async () => {
    for (const algorithm of [grpc.compressionAlgorithms.gzip, grpc.compressionAlgorithms.deflate]) {
      const client = new grpc.Client(`127.0.0.1:${port}`, grpc.credentials.createInsecure(), {
        "grpc.default_compression_algorithm": algorithm,
      });
      const answer = await new Promise<Buffer>((resolve, reject) => {
        client.makeUnaryRequest(
          inferPath,
          (bytes: Buffer) => bytes,
          (bytes) => bytes,
          Buffer.from(encoded(50_000)),
          (error, bytes) => (error ? reject(error) : resolve(bytes as Buffer)),
        );
      }).finally(() => client.close());
      const message = fromBinary(ModelInferResponseSchema, answer);
      assert.equal(message.rawOutputContents[0]?.length, 50_000);
    }
  });

  it("refuse a gzip bomb", async () => {
    const bomb = gzipSync(Buffer.alloc(64 * readMaxBytes));
    assert.ok(bomb.length < readMaxBytes / 8, "small on the wire");
    const answer = await postGrpc(port, inferPath, {
      body: grpcFrame(bomb, 1),
      headers: { "grpc-encoding": compressionGzip.name },
    });
    assert.equal(answer.trailers["grpc-status"], "8");
    assert.match(
      String(answer.trailers["grpc-message"]),
      /larger than MAX_MESSAGE_BYTES \(2097152\)/,
    );
  });

  it("refuse an unknown compression as unimplemented", async () => {
    const answer = await postGrpc(port, inferPath, {
      body: grpcFrame(encoded(10), 1),
      headers: { "grpc-encoding": "snappy" },
    });
    assert.equal(answer.trailers["grpc-status"], "12");
  });

  // INTERNAL is what gRPC asks for where a request cannot be parsed.
  const broken: [string, Uint8Array, string][] = [
    ["half a frame", grpcFrame(encoded(100)).subarray(0, 60), "3"],
    ["half the head of a frame", grpcFrame(encoded(100)).subarray(0, 3), "3"],
    ["a truncated protobuf", grpcFrame(encoded(100).subarray(0, 60)), "3"],
    ["a string that is not UTF-8", grpcFrame(Uint8Array.of(0x0a, 2, 0xc3, 0x28)), "3"],
    ["no message", Buffer.alloc(0), "12"],
    ["a second message", Buffer.concat([grpcFrame(encoded(9)), grpcFrame(encoded(9))]), "12"],
  ];
  for (const [what, body, status] of broken) {
    it(`refuse ${what} with status ${status}`, async () => {
      const answer = await postGrpc(port, inferPath, { body });
      assert.equal(answer.headers[":status"], 200);
      const message = String(answer.trailers["grpc-message"]);
      assert.equal(answer.trailers["grpc-status"], status, message);
      assert.match(message, /^[ -~]{10,200}$/, "says what is wrong, in one line");
    });
  }

  it("refuse broken JSON as an invalid argument", async () => {
    for (const body of ["{", '{"modelName":1}', '{"nobody":"knows"', "\xff"]) {
      const answer = await fetch(`http://127.0.0.1:${port}${inferPath}`, {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body,
      });
      assert.equal(answer.status, 400, body);
      assert.equal(((await answer.json()) as { code: string }).code, "invalid_argument");
    }
  });

  it("let an HTTP/1.1 client that sends too much read the answer", async () => {
    const head = `POST ${inferPath} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/proto\r\n`;
    const answer = await exchange(
      port,
      Buffer.concat([
        Buffer.from(`${head}Content-Length: ${4 * readMaxBytes}\r\n\r\n`),
        Buffer.alloc(4 * readMaxBytes),
      ]),
    );
    assert.match(answer, /^HTTP\/1\.1 429 /);
    assert.match(answer, /resource_exhausted/);
  });

  it("hold at least 600 calls in flight on one connection", async () => {
    const kind = clientKinds.find(({ name }) => name === "grpc-js");
    assert.ok(kind);
    let running = 0;
    const all = Promise.withResolvers<void>();
    fake.models.put("together", "FP32", async ({ inputs }) => {
      running += 1;
      if (running === 600) all.resolve();
      await all.promise;
      return [...inputs];
    });
    await withClient(kind, async (client) => {
      const request = { ...echoRequest(10), modelName: "together" };
      const calls = Array.from({ length: 600 }, () => client.call(modelInfer, request));
      const outcomes = await Promise.all(calls);
      assert.ok(outcomes.every(({ ok }) => ok));
    });
  });
});
