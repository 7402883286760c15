import assert from "node:assert/strict";
import { before, describe, it } from "node:test";
import { grpcFrame, postGrpc } from "../support/clients/raw-http.ts";
import { type FakeServer, startFakeServer, suiteCleanup } from "../support/fakes/fake-server.ts";

// A field of 5 bytes, of which only one comes.
const broken = Buffer.from([0x0a, 0x05, 0x61]);
const unary = "/inference.GRPCInferenceService/ModelInfer";
const stream = "/inference.GRPCInferenceService/ModelStreamInfer";

describe("a message that is not protobuf", () => {
  const cleanup = suiteCleanup();
  let fake: FakeServer;
  let port: number;
  before(async () => {
    fake = await startFakeServer(cleanup);
    port = fake.address.port;
  });

  /** Over HTTP/2, where streams in both directions work too. */
  async function post(path: string, type: string, body: Uint8Array) {
    const answer = await postGrpc(port, path, { body, headers: { "content-type": type } });
    return { status: answer.headers[":status"], text: answer.body.toString("latin1") };
  }

  for (const path of [unary, stream]) {
    it(`is INVALID_ARGUMENT over gRPC, ${path}`, async () => {
      const { headers, trailers } = await postGrpc(port, path, { body: grpcFrame(broken) });
      const received = { ...headers, ...trailers };
      assert.equal(received["grpc-status"], "3");
      assert.match(String(received["grpc-message"]), /^parse binary: /);
    });

    it(`is INVALID_ARGUMENT over gRPC-Web, ${path}`, async () => {
      const { status, text } = await post(path, "application/grpc-web+proto", grpcFrame(broken));
      assert.equal(status, 200);
      assert.match(text, /grpc-status: 3\r\n/);
      assert.match(text, /grpc-message: parse/);
    });
  }

  it("is 400 and invalid_argument over Connect", async () => {
    const { status, text } = await post(unary, "application/proto", broken);
    assert.equal(status, 400);
    const { code, message } = JSON.parse(text) as { code: string; message: string };
    assert.equal(code, "invalid_argument");
    assert.match(message, /^parse binary: /);
  });

  it("is invalid_argument at the end of a stream over Connect", async () => {
    const { status, text } = await post(stream, "application/connect+proto", grpcFrame(broken));
    assert.equal(status, 200);
    assert.match(text, /"code":"invalid_argument","message":"parse binary: /);
  });

  for (const path of [unary, stream]) {
    it(`is logged once, as other failures are, ${path}`, async () => {
      const before = fake.logged.length;
      await postGrpc(port, path, { body: grpcFrame(broken) });
      const lines = fake.logged.slice(before).filter(({ msg }) => msg === "call failed");
      assert.deepEqual(
        lines.map(({ code }) => code),
        ["InvalidArgument"],
      );
    });
  }
});
