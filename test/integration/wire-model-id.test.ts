import assert from "node:assert/strict";
import { before, describe, it } from "node:test";
import { create, fromBinary, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import {
  GRPCInferenceService,
  ModelInferRequestSchema,
  ModelInferResponseSchema,
} from "../../gen/inference/inference_pb.ts";
import { type Client, clientKinds } from "../support/clients/clients.ts";
import { exchange, grpcFrame, postGrpc } from "../support/clients/raw-http.ts";
import { type FakeServer, startFakeServer, suiteCleanup } from "../support/fakes/fake-server.ts";

const inferPath = "/inference.GRPCInferenceService/ModelInfer";
const { modelInfer, modelReady, modelMetadata } = GRPCInferenceService.method;
const tensor = { name: "x", datatype: "FP32", shape: [1n] };
const one = new Uint8Array(Float32Array.of(1).buffer);
const bin = (id: string) => Buffer.from(id).toString("base64");

describe("the model id of a call", () => {
  const cleanup = suiteCleanup();
  let fake: FakeServer;
  before(async () => {
    fake = await startFakeServer(cleanup);
    fake.models.put("größe/模型 ☃", "FP32", ({ inputs }) => [...inputs]);
  });

  async function infer(
    headers: Record<string, string>,
    request: MessageInitShape<typeof ModelInferRequestSchema> = {},
  ) {
    const message = create(ModelInferRequestSchema, request);
    const body = grpcFrame(toBinary(ModelInferRequestSchema, message));
    const answer = await postGrpc(fake.address.port, inferPath, { body, headers });
    const called = fake.models.calls.at(-1)?.id;
    if (answer.trailers["grpc-status"] !== "0") {
      const { "grpc-status": status, "grpc-message": text } = answer.trailers;
      return { status, text: decodeURIComponent(String(text)) };
    }
    const { modelName } = fromBinary(ModelInferResponseSchema, answer.body.subarray(5));
    return { called, modelName };
  }

  it("is taken from mm-model-id-bin before mm-model-id before the request", async () => {
    const field = { modelName: "add-one" };
    const plain = { "mm-model-id": "echo" };
    const binary = { "mm-model-id-bin": bin("größe/模型 ☃") };
    assert.equal((await infer({}, field)).called, "add-one");
    assert.equal((await infer(plain, field)).called, "echo");
    assert.equal((await infer({ ...binary, ...plain }, field)).called, "größe/模型 ☃");
  });

  it("is echoed as the request spelled it, else as it was resolved", async () => {
    const binary = { "mm-model-id-bin": bin("echo") };
    assert.equal((await infer(binary, { modelName: "alias" })).modelName, "alias");
    assert.equal((await infer(binary)).modelName, "echo");
  });

  it("may come as base64 with and without padding", async () => {
    for (const id of ["echo", "add-one", "größe/模型 ☃"]) {
      assert.equal((await infer({ "mm-model-id-bin": bin(id) })).called, id);
      const unpadded = bin(id).replace(/=+$/, "");
      assert.equal((await infer({ "mm-model-id-bin": unpadded })).called, id);
    }
  });

  it("is refused where it is malformed, and never taken for not found", async () => {
    const notOne = "metadata mm-model-id-bin is not one base64 value";
    const cases: [Record<string, string>, string][] = [
      [{ "mm-model-id-bin": "!!!" }, notOne],
      [{ "mm-model-id-bin": "abcde" }, notOne],
      [{ "mm-model-id-bin": `${bin("echo")},${bin("half")}` }, notOne],
      [{ "mm-model-id-bin": "w8M=" }, "metadata mm-model-id-bin is not UTF-8"],
      [
        { "mm-model-id": "gr\xf6\xdfe" },
        "metadata mm-model-id has characters that are not printable ASCII: send the id as mm-model-id-bin",
      ],
    ];
    for (const [headers, text] of cases) {
      assert.deepEqual(await infer(headers, { modelName: "echo" }), { status: "3", text });
    }
  });

  it("is refused by a clear line over HTTP/1.1 too if a header is not ASCII", async () => {
    const body = '{"modelName":"echo"}';
    const head = `POST ${inferPath} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\n`;
    const request = `${head}mm-model-id: \xff\xfe\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
    const answer = await exchange(fake.address.port, Buffer.from(request, "latin1"));
    assert.match(answer, /^HTTP\/1\.1 400 .*not printable ASCII/s);
  });

  it("may be injected after all other fields, and as a second occurrence", async () => {
    const message = create(ModelInferRequestSchema, { inputs: [tensor], rawInputContents: [one] });
    const fields = toBinary(ModelInferRequestSchema, message);
    const name = (id: string) => Buffer.concat([Uint8Array.of(0x0a, id.length), Buffer.from(id)]);
    for (const body of [
      Buffer.concat([fields, name("echo")]),
      Buffer.concat([name("nobody"), fields, name("echo")]),
    ]) {
      const { port } = fake.address;
      const answer = await postGrpc(port, inferPath, { body: grpcFrame(body) });
      assert.equal(answer.trailers["grpc-status"], "0");
      const response = fromBinary(ModelInferResponseSchema, answer.body.subarray(5));
      assert.equal(response.modelName, "echo");
      assert.deepEqual(Buffer.from(response.rawOutputContents[0] ?? []), Buffer.from(one));
    }
  });

  for (const kind of clientKinds) {
    it(`reaches every method through the metadata of ${kind.name}`, {
      skip: kind.skip ?? false,
    }, async () => {
      const client: Client = kind.open({ port: fake.address.port });
      const header = { "mm-model-id-bin": bin("größe/模型 ☃") };
      try {
        assert.ok((await client.call(modelInfer, {}, { header })).ok);
        const ready = await client.call(modelReady, {}, { header });
        assert.deepEqual(ready, { ok: true, message: { ready: true } });
        const metadata = await client.call(modelMetadata, {}, { header });
        assert.ok(metadata.ok && JSON.stringify(metadata.message).includes("größe/模型 ☃"));
      } finally {
        client.close();
      }
    });
  }
});
