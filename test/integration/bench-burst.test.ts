import assert from "node:assert/strict";
import net from "node:net";
import { before, describe, it } from "node:test";
import { messageFrame, pathOf } from "../../bench/load/grpc-connection.ts";
import { sendBurst } from "../../bench/load/unary-burst.ts";
import { ModelRuntime } from "../../gen/mmesh/model-runtime_pb.ts";
import { type FakeServer, startFakeServer, suiteCleanup } from "../support/fakes/fake-server.ts";

const { loadModel, unloadModel } = ModelRuntime.method;

describe("a burst of calls, as the bench sends it", () => {
  const cleanup = suiteCleanup();
  let fake: FakeServer;
  before(async () => {
    fake = await startFakeServer(cleanup);
  });

  /** Models of these ids and paths, loaded with `inFlight` calls at a time. */
  async function load(specs: readonly (readonly [id: string, path: string])[], inFlight: number) {
    const frames = specs.map(([modelId, modelPath]) =>
      messageFrame(loadModel.input, { modelId, modelPath }),
    );
    return await sendBurst({ port: fake.address.port, path: pathOf(loadModel), frames, inFlight });
  }

  it("makes every call once, however few or many are in flight", async () => {
    for (const inFlight of [1, 16, 500]) {
      fake.models.calls.length = 0;
      const ids = Array.from({ length: 300 }, (_, at) => `model ${at}`);
      const seconds = await load(
        ids.map((id) => [id, "path"]),
        inFlight,
      );
      assert.ok(seconds > 0);
      assert.deepEqual(fake.models.calls.map(({ id }) => id).sort(), ids.toSorted());
    }
  });

  it("takes empty messages for answers", async () => {
    const frames = ["a", "b"].map((modelId) => messageFrame(unloadModel.input, { modelId }));
    const burst = { path: pathOf(unloadModel), frames, inFlight: 2 };
    await sendBurst({ port: fake.address.port, ...burst });
  });

  it("goes on when it has got more than a window of HTTP/2 has", async () => {
    const specs = Array.from({ length: 7_000 }, (_, at) => [`m${at}`, "path"] as const);
    await load(specs, 64);
  });

  it("rejects where one call of many fails", async () => {
    const specs = [
      ["good", "path"],
      ["bad", "fails-load-failed"],
      ["better", "path"],
    ] as const;
    await assert.rejects(load(specs, 2), /mmesh\.ModelRuntime\/loadModel failed/);
  });

  it("rejects where the connection ends", async (t) => {
    const deaf = net.createServer((socket) => socket.end());
    await new Promise<void>((resolve) => deaf.listen(0, "127.0.0.1", resolve));
    t.after(() => deaf.close());
    const { port } = deaf.address() as net.AddressInfo;
    const frames = [messageFrame(unloadModel.input, { modelId: "a" })];
    const burst = { port, path: pathOf(unloadModel), frames, inFlight: 1 };
    await assert.rejects(sendBurst(burst), /the connection ended|ECONNRESET|EPIPE/);
  });
});
