import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { MeshedRuntime, type MeshedRuntimeOptions } from "../support/model-mesh/meshed-runtime.ts";
import { MeshError, ModelMesh } from "../support/model-mesh/model-mesh.ts";
import { readRuntimeBooks } from "../support/model-mesh/runtime-books.ts";
import { writeWeightsModel } from "../support/models/layered-models.ts";
import { freePort } from "../support/servers/free-ports.ts";
import { startServed } from "../support/servers/served.ts";
import { waitFor } from "../support/wait-for.ts";

const MiB = 1024 * 1024;
const hangMs = 120_000;

async function startPod(t: TestContext, options?: MeshedRuntimeOptions): Promise<MeshedRuntime> {
  const pod = await MeshedRuntime.start({ scale: 20, ...options });
  t.after(() => pod.close());
  return pod;
}

async function temporaryFolder(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "modelport-mesh-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

describe("a start beside ModelMesh", () => {
  it("is STARTING, then READY, and serves through one connection", async (t) => {
    const pod = await startPod(t);
    assert.match(pod.mesh.books.polls.join(" "), /^(STARTING )*READY$/);
    await pod.addModel("m", 4);
    assert.equal(await pod.askFor("m"), 5);
    assert.equal(pod.mesh.connections, 1);
    assert.deepEqual(pod.mesh.books.codesOf("loadModel"), ["OK"]);
    assert.deepEqual(await pod.contradictions(), []);
  });

  it("is found by a ModelMesh that has polled in vain for a while", async (t) => {
    const port = await freePort();
    const starting = ModelMesh.start({ targets: [`localhost:${port}`], scale: 10 });
    t.after(async () => (await starting.catch(() => undefined))?.shutdown());
    await new Promise((resolve) => setTimeout(resolve, 500));
    const served = await startServed(["--port", `${port}`]);
    t.after(() => served.stop("SIGKILL"));
    const { polls } = (await starting).books;
    assert.match(polls.join(" "), /^(UNAVAILABLE )+(STARTING )*READY$/);
  });

  it("offers both places where ModelMesh looks by default", async (t) => {
    const socketPath = join(await temporaryFolder(t), "mmesh", "grpc.sock");
    const served = await startServed(["--unix-socket", socketPath]);
    t.after(() => served.stop("SIGKILL"));
    for (const first of [`unix:${socketPath}`, `localhost:${served.port}`]) {
      const missing = `unix:${socketPath}.missing`;
      const mesh = await ModelMesh.start({ targets: [missing, first], scale: 20 });
      assert.match(mesh.books.polls.join(" "), /^(UNAVAILABLE STARTING )*UNAVAILABLE READY$/);
      assert.equal(mesh.connections, 1);
      await mesh.shutdown();
    }
  });

  it("serves models over a unix socket as over TCP", async (t) => {
    const socketPath = join(await temporaryFolder(t), "grpc.sock");
    const pod = await startPod(t, { flags: ["--unix-socket", socketPath], socketPath });
    for (const id of ["a", "b", "c"]) await pod.addModel(id, id.charCodeAt(0));
    assert.deepEqual(await Promise.all(["a", "b", "c"].map((id) => pod.askFor(id))), [98, 99, 100]);
    pod.mesh.unregister("b");
    assert.deepEqual(await pod.contradictions(), []);
    assert.equal(pod.mesh.connections, 1);
  });
});

describe("a runtime that is started again beside a ModelMesh that goes on", () => {
  for (const signal of ["SIGKILL", "SIGTERM"] as const) {
    it(`after ${signal} serves every model again as soon as it is asked for`, async (t) => {
      const pod = await startPod(t);
      const ids = ["a", "b", "c"];
      for (const id of ids) await pod.addModel(id, id.charCodeAt(0));
      await Promise.all(ids.map((id) => pod.askFor(id)));
      await pod.restartRuntime(signal);
      // gRPC waits before it connects again, and until then calls fail at once.
      const patiently = async (id: string): Promise<number | undefined> => {
        for (;;) {
          try {
            return await pod.askFor(id);
          } catch (reason) {
            assert.match(`${reason}`, /ModelRuntime UNAVAILABLE/);
            await pod.mesh.clock.delay(500);
          }
        }
      };
      assert.deepEqual(await Promise.all(ids.map(patiently)), [98, 99, 100]);
      assert.equal(pod.mesh.books.lost.length, 3, "each is missed once");
      assert.equal(pod.mesh.books.countOf("loadModel", "OK"), 6);
      assert.equal(pod.mesh.books.polls.filter((poll) => poll === "READY").length, 1);
      assert.equal(pod.mesh.connections, 2);
      assert.deepEqual(await pod.contradictions(), []);
    });
  }

  it("has the loads that died with it tried again once ModelMesh forgets their failure", async (t) => {
    const pod = await startPod(t, { capacityBytes: 512 * MiB, failureExpiryMs: 5000 });
    const big = await pod.write("big", new Uint8Array());
    await writeWeightsModel(join(big.path, "model.onnx"), 150 * MiB);
    pod.mesh.register("big", big);
    const lost = assert.rejects(pod.mesh.ensureLoaded("big"), /INTERNAL: UNAVAILABLE/);
    await waitFor(() => pod.mesh.cache.entries.some(({ state }) => state === "loading"), hangMs);
    await pod.served.stop("SIGKILL");
    await lost;
    await pod.restartRuntime("SIGKILL");
    await waitFor(() => pod.mesh.openWork === 0, hangMs);
    const loaded = async () => {
      for (;;) {
        const entry = await pod.mesh.ensureLoaded("big").catch((reason: unknown) => {
          assert.ok(reason instanceof MeshError, `${reason}`);
        });
        if (entry !== undefined) return entry;
        await pod.mesh.clock.delay(1000);
      }
    };
    assert.equal((await loaded()).state, "active");
    assert.deepEqual(await pod.contradictions(), []);
  });
});

describe("a ModelMesh that is started again beside a runtime that goes on", () => {
  it("finds it READY and empty, whatever was loaded or loading", async (t) => {
    const pod = await startPod(t, { capacityBytes: 512 * MiB });
    const before = pod.mesh.parameters;
    for (const id of ["a", "b", "c"]) {
      await pod.addModel(id, 1);
      await pod.askFor(id);
    }
    const big = await pod.write("big", new Uint8Array());
    await writeWeightsModel(join(big.path, "model.onnx"), 100 * MiB);
    pod.mesh.register("big", big);
    pod.mesh.ensureLoaded("big").catch(() => {});
    await waitFor(() => pod.mesh.cache.entries.some(({ state }) => state === "loading"), hangMs);
    await pod.restartMesh();
    assert.match(pod.mesh.books.polls.join(" "), /^(STARTING )*READY$/);
    assert.deepEqual(pod.mesh.parameters, before);
    const { states } = await readRuntimeBooks(pod.served.port);
    assert.deepEqual([...states], []);
    await pod.addModel("a", 7);
    assert.equal(await pod.askFor("a"), 8);
    assert.deepEqual(await pod.contradictions(), []);
  });

  it("keeps the loads that it asks for while the purge of the old ones goes on", async (t) => {
    const pod = await startPod(t);
    for (let round = 0; round < 5; round++) {
      await pod.addModel("m", round);
      assert.equal(await pod.askFor("m"), round + 1);
      await pod.restartMesh();
    }
    await pod.addModel("m", 9);
    assert.equal(await pod.askFor("m"), 10);
    assert.deepEqual(pod.mesh.books.lost, []);
    assert.deepEqual(await pod.contradictions(), []);
  });
});

describe("a model that somebody else unloads behind ModelMesh's back", () => {
  for (const separateServing of [false, true]) {
    const how = separateServing ? "a channel for inferences" : "one channel for everything";
    it(`is loaded again by the next request, with ${how}`, async (t) => {
      const pod = await startPod(t, { separateServing });
      await pod.addModel("m", 1);
      await pod.askFor("m");
      const unloaded = await fetch(
        `http://127.0.0.1:${pod.served.port}/mmesh.ModelRuntime/unloadModel`,
        {
          method: "POST",
          headers: { "content-type": "application/json" },
          body: JSON.stringify({ modelId: "m" }),
        },
      );
      assert.equal(unloaded.status, 200);
      assert.deepEqual(await Promise.all([1, 2, 3].map(() => pod.askFor("m"))), [2, 2, 2]);
      assert.equal(pod.mesh.books.countOf("loadModel", "OK"), 2);
      assert.equal(pod.mesh.connections, separateServing ? 2 : 1);
      assert.deepEqual(await pod.contradictions(), []);
    });
  }
});
