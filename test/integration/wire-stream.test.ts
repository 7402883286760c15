import assert from "node:assert/strict";
import { before, describe, it } from "node:test";
import type { MessageInitShape } from "@bufbuild/protobuf";
import { Code, type ConnectError, createClient } from "@connectrpc/connect";
import { createGrpcTransport, Http2SessionManager } from "@connectrpc/connect-node";
import {
  GRPCInferenceService,
  type ModelInferRequestSchema,
} from "../../gen/inference/inference_pb.ts";
import type { Tensor } from "../../src/base/tensor.ts";
import { until } from "../support/clients/raw-http.ts";
import { type FakeServer, startFakeServer, suiteCleanup } from "../support/fakes/fake-server.ts";

type Request = MessageInitShape<typeof ModelInferRequestSchema>;

const one = new Uint8Array(Float32Array.of(1, 2, 3).buffer);
const inputs = [{ name: "x", datatype: "FP32", shape: [1n, 3n] }];
const addOne = (id: string): Request => ({
  modelName: "add-one",
  id,
  inputs,
  rawInputContents: [one],
});

describe("ModelStreamInfer", () => {
  const cleanup = suiteCleanup();
  let fake: FakeServer;
  let client: ReturnType<typeof createClient<typeof GRPCInferenceService>>;
  before(async () => {
    fake = await startFakeServer(cleanup);
    const baseUrl = `http://127.0.0.1:${fake.address.port}`;
    const sessionManager = new Http2SessionManager(baseUrl);
    cleanup.after(async () => sessionManager.abort());
    client = createClient(GRPCInferenceService, createGrpcTransport({ baseUrl, sessionManager }));
  });

  async function* stream(...requests: readonly Request[]) {
    yield* requests;
  }

  /** A model whose runs end when the test says so: by the first byte of their input. */
  function controlled(id: string): Map<number, PromiseWithResolvers<Tensor[]>> {
    const runs = new Map<number, PromiseWithResolvers<Tensor[]>>();
    fake.models.put(id, "UINT8", ({ inputs: [tensor] }) => {
      const run = Promise.withResolvers<Tensor[]>();
      runs.set(tensor?.data[0] ?? -1, run);
      return run.promise;
    });
    return runs;
  }
  const controlledRequest = (modelName: string, index: number): Request => ({
    modelName,
    id: `r${index}`,
    inputs: [{ name: "x", datatype: "UINT8", shape: [1n] }],
    rawInputContents: [Uint8Array.of(index)],
  });

  it("answers every request, with its id, and ends when the requests end", async () => {
    const answers = await collect(
      client.modelStreamInfer(stream(...Array.from({ length: 100 }, (_, at) => addOne(`r${at}`)))),
    );
    assert.equal(answers.length, 100);
    for (const [at, { errorMessage, inferResponse }] of answers.entries()) {
      assert.equal(errorMessage, "");
      assert.equal(inferResponse?.id, `r${at}`);
      assert.equal(inferResponse.modelName, "add-one");
      const [y] = inferResponse.rawOutputContents;
      assert.deepEqual(y, new Uint8Array(Float32Array.of(2, 3, 4).buffer));
    }
  });

  it("has no answer where there is no request", async () => {
    assert.deepEqual(await collect(client.modelStreamInfer(stream())), []);
  });

  it("puts the failure of one request in its place, and goes on", async () => {
    const logged = fake.logged.length;
    const answers = await collect(
      client.modelStreamInfer(
        stream(
          addOne("r0"),
          { modelName: "nobody", id: "r1" },
          { ...addOne("r2"), rawInputContents: [one, one] },
          { modelName: "fails", id: "r3" },
          { modelName: "hangs", id: "r4", parameters: { timeout: timeout(20_000n) } },
          addOne("r5"),
        ),
      ),
    );
    assert.deepEqual(
      answers.map(({ errorMessage }) => errorMessage),
      [
        "",
        "model 'nobody' is not loaded here",
        "model 'add-one' got 1 inputs, but 2 entries in raw_input_contents",
        "internal error",
        "the request did not finish within its timeout of 20000 microseconds",
        "",
      ],
    );
    assert.deepEqual(
      answers.map(({ inferResponse }) => inferResponse?.id),
      ["r0", "r1", "r2", "r3", "r4", "r5"],
    );
    const lines = fake.logged.slice(logged).filter(({ msg }) => msg === "call failed");
    assert.deepEqual(
      lines.map((line) => [line["rpc"], line["code"]]).sort(),
      ["DeadlineExceeded", "Internal", "InvalidArgument", "NotFound"].map((code) => [
        "inference.GRPCInferenceService/ModelStreamInfer",
        code,
      ]),
    );
  });

  it("answers while the client is still sending, and each request in its turn", async () => {
    const runs = controlled("in-turn");
    const more = Promise.withResolvers<void>();
    async function* slowly() {
      yield controlledRequest("in-turn", 0);
      yield controlledRequest("in-turn", 1);
      await more.promise;
      yield controlledRequest("in-turn", 2);
    }
    const answers = client.modelStreamInfer(slowly())[Symbol.asyncIterator]();
    await until(() => runs.size === 2, "both run, though none is answered");
    runs.get(1)?.resolve([]);
    runs.get(0)?.resolve([]);
    assert.equal((await answers.next()).value?.inferResponse?.id, "r0");
    assert.equal((await answers.next()).value?.inferResponse?.id, "r1");
    more.resolve();
    await until(() => runs.size === 3, "the third runs");
    runs.get(2)?.resolve([]);
    assert.equal((await answers.next()).value?.inferResponse?.id, "r2");
    assert.equal((await answers.next()).done, true);
  });

  it("runs a bounded number of requests at once", async () => {
    const runs = controlled("bounded");
    const requests = Array.from({ length: 20 }, (_, at) => controlledRequest("bounded", at));
    const answers = collect(client.modelStreamInfer(stream(...requests)));
    await until(() => runs.size === 8, "eight run");
    // A call of its own, so that everything that was sent before has been looked at.
    await client.serverLive({});
    assert.equal(runs.size, 8);
    for (let at = 0; at < 20; at++) {
      await until(() => runs.has(at), `request ${at} runs`);
      assert.ok(runs.size <= at + 8);
      runs.get(at)?.resolve([]);
    }
    assert.equal((await answers).length, 20);
  });

  it("ends with DEADLINE_EXCEEDED and aborts its runs when the time of the call is over", async () => {
    const calls = fake.models.calls.length;
    const endless = Promise.withResolvers<void>();
    async function* requests() {
      yield { modelName: "hangs", id: "r0" };
      await endless.promise;
    }
    await assert.rejects(
      collect(client.modelStreamInfer(requests(), { timeoutMs: 300 })),
      (error: ConnectError) => error.code === Code.DeadlineExceeded,
    );
    await until(() => fake.models.calls[calls]?.signal?.aborted === true, "the run is aborted");
    endless.resolve();
  });

  it("aborts its runs when the client cancels", async () => {
    const calls = fake.models.calls.length;
    const cancel = new AbortController();
    const requests = [0, 1].map((at): Request => ({ modelName: "hangs", id: `r${at}` }));
    const answers = collect(
      client.modelStreamInfer(stream(...requests), { signal: cancel.signal }),
    );
    const failed = assert.rejects(answers, (error: ConnectError) => error.code === Code.Canceled);
    await until(() => fake.models.calls.length === calls + 2, "both run");
    cancel.abort();
    await failed;
    await until(
      () => fake.models.calls.slice(calls).every(({ signal }) => signal?.aborted),
      "both are aborted",
    );
  });
});

function timeout(value: bigint) {
  return { parameterChoice: { case: "int64Param", value } } as const;
}

async function collect<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
  const collected: Item[] = [];
  for await (const item of items) collected.push(item);
  return collected;
}
