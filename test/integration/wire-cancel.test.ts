import assert from "node:assert/strict";
import http2 from "node:http2";
import net from "node:net";
import { before, describe, it } from "node:test";
import { create, toBinary } from "@bufbuild/protobuf";
import { GRPCInferenceService, ModelInferRequestSchema } from "../../gen/inference/inference_pb.ts";
import { ModelRuntime } from "../../gen/mmesh/model-runtime_pb.ts";
import { clientKinds } from "../support/clients/clients.ts";
import { grpcFrame, postGrpc, until } from "../support/clients/raw-http.ts";
import { type FakeServer, startFakeServer, suiteCleanup } from "../support/fakes/fake-server.ts";

const { modelInfer } = GRPCInferenceService.method;
const { loadModel } = ModelRuntime.method;
const inferPath = "/inference.GRPCInferenceService/ModelInfer";
const hanging = grpcFrame(
  toBinary(ModelInferRequestSchema, create(ModelInferRequestSchema, { modelName: "hangs" })),
);

describe("a call that nobody waits for any more", () => {
  const cleanup = suiteCleanup();
  let fake: FakeServer;
  before(async () => {
    fake = await startFakeServer(cleanup);
  });
  const lastSignal = () => fake.models.calls.at(-1)?.signal;

  for (const kind of clientKinds) {
    describe(`of ${kind.name}`, { skip: kind.skip ?? false }, () => {
      it("aborts the signal of a load that its client cancels", async () => {
        const client = kind.open({ port: fake.address.port });
        const before = fake.models.calls.length;
        const cancel = new AbortController();
        const spec = { modelId: "m", modelPath: "hangs" };
        const outcome = client.call(loadModel, spec, { signal: cancel.signal });
        await until(() => fake.models.calls.length > before, "the load has begun");
        assert.equal(lastSignal()?.aborted, false);
        cancel.abort();
        await until(() => lastSignal()?.aborted === true, "the load is aborted");
        const result = await outcome;
        assert.ok(!result.ok);
        assert.equal(result.code, "Canceled");
        client.close();
      });

      it("aborts the signal of an inference whose deadline has passed", async () => {
        const client = kind.open({ port: fake.address.port });
        const before = fake.models.calls.length;
        const outcome = await client.call(modelInfer, { modelName: "hangs" }, { timeoutMs: 100 });
        assert.ok(!outcome.ok);
        assert.equal(outcome.code, "DeadlineExceeded");
        assert.equal(fake.models.calls.length, before + 1);
        await until(() => lastSignal()?.aborted === true, "the inference is aborted");
        client.close();
      });
    });
  }

  it("is answered DEADLINE_EXCEEDED by the server itself, in every unit of grpc-timeout", async () => {
    for (const timeout of ["50m", "50000u", "50000000n", "00000050m"]) {
      const answer = await postGrpc(fake.address.port, inferPath, {
        body: hanging,
        headers: { "grpc-timeout": timeout },
      });
      assert.equal(answer.trailers["grpc-status"], "4", timeout);
    }
  });

  it("is answered DEADLINE_EXCEEDED even where the work cannot be stopped", async () => {
    const work = Promise.withResolvers<void>();
    fake.models.unload = () => work.promise;
    const answer = await postGrpc(fake.address.port, "/mmesh.ModelRuntime/unloadModel", {
      body: grpcFrame(Buffer.from("\n\u0001m")),
      headers: { "grpc-timeout": "50m" },
    });
    assert.equal(answer.trailers["grpc-status"], "4");
    work.resolve();
  });

  it("is noted as cancelled, not as a failure of ours, when an HTTP/1.1 client hangs up", async () => {
    const logged = fake.logged.length;
    const calls = fake.models.calls.length;
    const socket = net.connect(fake.address.port, "127.0.0.1");
    const body = '{"modelName":"hangs"}';
    socket.write(
      `POST ${inferPath} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
    );
    await until(() => fake.models.calls.length > calls, "the inference has begun");
    socket.destroy();
    await until(() => lastSignal()?.aborted === true, "the inference is aborted");
    await until(() => fake.logged.slice(logged).some(({ msg }) => msg === "call failed"), "a line");
    const lines = fake.logged.slice(logged).filter(({ msg }) => msg === "call failed");
    assert.equal(lines.length, 1);
    assert.equal(lines[0]?.["code"], "Canceled");
    assert.equal(lines[0]?.["modelId"], "hangs");
    assert.equal(lines[0]?.["level"], 20);
  });

  it("does not cost the others their connection, even 2,000 times in a row", async () => {
    const session = http2.connect(`http://127.0.0.1:${fake.address.port}`);
    let goaway: number | undefined;
    session.on("goaway", (code) => {
      goaway = code;
    });
    const open = () => {
      const stream = session.request({
        ":method": "POST",
        ":path": inferPath,
        "content-type": "application/grpc",
      });
      stream.on("error", () => {});
      stream.end(hanging);
      return stream;
    };
    const calls = fake.models.calls.length;
    const survivor = open();
    let answered = false;
    survivor.on("close", () => {
      answered = true;
    });
    for (let round = 0; round < 20; round++) {
      const streams = Array.from({ length: 100 }, open);
      await new Promise((resolve) => setImmediate(resolve));
      for (const stream of streams) stream.close(http2.constants.NGHTTP2_CANCEL);
    }
    await new Promise((resolve, reject) =>
      session.ping((error) => (error ? reject(error) : resolve(0))),
    );
    assert.equal(goaway, undefined);
    assert.equal(answered, false, "the call beside them is still running");
    const seen = () => fake.models.calls.slice(calls);
    await until(
      () => seen().filter(({ signal }) => signal?.aborted === false).length === 1,
      "all calls but one are aborted",
    );
    session.destroy();
  });
});

describe("a call that fails", () => {
  const cleanup = suiteCleanup();
  let fake: FakeServer;
  before(async () => {
    fake = await startFakeServer(cleanup);
  });

  it("is logged in one line of a fitting level, without its data", async () => {
    const client = clientKinds[0]?.open({ port: fake.address.port });
    assert.ok(client);
    const kinds: [string, string, number][] = [
      ["fails-invalid-argument", "InvalidArgument", 30],
      ["fails-overloaded", "ResourceExhausted", 40],
      ["fails-run-failed", "Internal", 50],
      ["fails", "Internal", 50],
    ];
    for (const [modelName, code, level] of kinds) {
      const logged = fake.logged.length;
      const rawInputContents = [Buffer.from("very private data")];
      const inputs = [{ name: "x", datatype: "UINT8", shape: [17n] }];
      await client.call(modelInfer, { modelName, inputs, rawInputContents });
      const lines = fake.logged.slice(logged).filter(({ msg }) => msg === "call failed");
      assert.equal(lines.length, 1, modelName);
      const [line] = lines;
      assert.equal(line?.["rpc"], "inference.GRPCInferenceService/ModelInfer");
      assert.equal(line?.["code"], code);
      assert.equal(line?.["level"], level);
      assert.equal(line?.["modelId"], modelName);
      assert.doesNotMatch(JSON.stringify(line), /private|cHJpdmF0/);
    }
    client.close();
  });

  it("keeps the text of errors that are not ours from callers, but not from the log", async () => {
    const client = clientKinds[0]?.open({ port: fake.address.port });
    const outcome = await client?.call(modelInfer, { modelName: "fails" });
    client?.close();
    assert.deepEqual(outcome, { ok: false, code: "Internal", message: "internal error" });
    assert.match(JSON.stringify(fake.logged.at(-1)), /a secret of the implementation/);
  });

  it("carries a message that is long and in any script below ModelMesh's limit, in one line", async () => {
    fake.models.failure = `first\nsecond\t${"模型 ☃ ".repeat(2000)}`;
    const message = create(ModelInferRequestSchema, { modelName: "fails-load-failed" });
    const body = grpcFrame(toBinary(ModelInferRequestSchema, message));
    const answer = await postGrpc(fake.address.port, inferPath, { body });
    assert.equal(answer.trailers["grpc-status"], "13");
    const sent = String(answer.trailers["grpc-message"]);
    assert.ok(sent.length <= 1024, `${sent.length} bytes`);
    assert.match(decodeURIComponent(sent), /^first second 模型 ☃ .*…$/);
  });
});
