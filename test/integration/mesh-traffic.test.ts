import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { Random } from "../support/attacks/mutate.ts";
import { encodeInfer, inferMethod } from "../support/model-mesh/infer-message.ts";
import { MeshedRuntime, type MeshedRuntimeOptions } from "../support/model-mesh/meshed-runtime.ts";
import { MeshError } from "../support/model-mesh/model-mesh.ts";
import { junk } from "../support/models/failing-models.ts";
import { slowLoop } from "../support/models/heavy-models.ts";
import { addConstant } from "../support/models/simple-models.ts";
import { waitFor } from "../support/wait-for.ts";

const MiB = 1024 * 1024;

async function startPod(t: TestContext, options?: MeshedRuntimeOptions): Promise<MeshedRuntime> {
  const pod = await MeshedRuntime.start({ scale: 50, ...options });
  t.after(() => pod.close());
  return pod;
}

async function addModels(pod: MeshedRuntime, count: number): Promise<string[]> {
  const ids = Array.from({ length: count }, (_, at) => `model/${at}`);
  await Promise.all(ids.map((id, at) => pod.addModel(id, at)));
  return ids;
}

function slowly(pod: MeshedRuntime, id: string, slowRounds: number): Promise<Buffer> {
  const body = encodeInfer([1, 1, 1, 1], { slowRounds });
  return pod.mesh.call({ method: inferMethod, body, headers: { "mm-model-id": id } });
}

describe("a storm of first requests for many models", () => {
  it("loads each model once and answers everybody", async (t) => {
    const pod = await startPod(t, { capacityBytes: 64 * MiB });
    const ids = await addModels(pod, 60);
    const asked = [...ids, ...ids, ...ids];
    const answers = await Promise.all(asked.map((id) => pod.askFor(id)));
    assert.deepEqual(
      answers,
      asked.map((_, at) => (at % ids.length) + 1),
    );
    assert.equal(pod.mesh.books.countOf("loadModel", "OK"), ids.length);
    assert.deepEqual(pod.mesh.books.codesOf("loadModel"), ["OK"]);
    assert.deepEqual(await pod.contradictions(), []);
  });
});

describe("many models in little memory", () => {
  it("come and go under traffic that sees nothing of it", async (t) => {
    const pod = await startPod(t, { capacityBytes: 5.5 * MiB });
    const ids = await addModels(pod, 90);
    const random = new Random(7);
    const user = async () => {
      for (let request = 0; request < 60; request++) {
        // Most requests are for few models.
        const at = Math.floor(ids.length * (random.below(1000) / 1000) ** 2);
        assert.equal(await pod.askFor(ids[at] ?? ""), at + 1);
      }
    };
    await Promise.all(Array.from({ length: 8 }, user));
    const { books } = pod.mesh;
    assert.ok(books.evictions > ids.length / 2, `${books.evictions} evictions`);
    assert.deepEqual(books.lost, []);
    assert.deepEqual(books.codesOf(inferMethod), ["OK"]);
    assert.deepEqual(books.codesOf("unloadModel"), ["OK"]);
    assert.deepEqual(await pod.contradictions(), []);
  });
});

describe("loads that ModelMesh gives up", () => {
  it("leave nothing behind, whenever that happens", async (t) => {
    const pod = await startPod(t);
    const random = new Random(11);
    const [id = ""] = await addModels(pod, 1);
    for (let round = 1; round <= 60; round++) {
      pod.mesh.ensureLoaded(id).catch(() => {});
      await sleep(random.below(25));
      pod.mesh.unregister(id);
      // Some of the next loads meet the cancelled one, some its unload, some neither.
      await sleep(random.below(25));
      await pod.addModel(id, round);
    }
    // Else ModelMesh might hand the cancelled load to this caller.
    await waitFor(() => pod.mesh.openWork === 0);
    assert.equal(await pod.askFor(id), 61);
    const { books } = pod.mesh;
    assert.ok(books.cancelledLoads > 0, "some loads were cancelled");
    assert.ok(books.countOf("loadModel", "OK") > 1, "some loads were not");
    assert.deepEqual(books.lost, []);
    assert.deepEqual(books.codesOf("unloadModel"), ["OK"]);
    assert.deepEqual(await pod.contradictions(), []);
    pod.mesh.unregister(id);
    assert.deepEqual(await pod.contradictions(), []);
  });

  it("after a failure are cleaned up and tell why", async (t) => {
    const pod = await startPod(t, { failureExpiryMs: 1000 });
    pod.mesh.register("junk", await pod.write("junk", junk(5000)));
    const why = /^Error: INTERNAL: INVALID_ARGUMENT: .*model\.onnx/;
    await assert.rejects(pod.mesh.ensureLoaded("junk"), why);
    await assert.rejects(pod.mesh.ensureLoaded("junk"), why, "and again without a call");
    assert.equal(pod.mesh.books.countOf("loadModel", "INVALID_ARGUMENT"), 1);
    await waitFor(() => pod.mesh.openWork === 0);
    assert.equal(pod.mesh.books.countOf("unloadModel", "OK"), 1);
    await pod.mesh.clock.delay(1000);
    await pod.addModel("junk", 1);
    assert.equal(await pod.askFor("junk"), 2);
    assert.deepEqual(await pod.contradictions(), []);
  });
});

describe("a rolling update", () => {
  it("of a virtual model gives every caller one of the two versions, and then the new one", async (t) => {
    const pod = await startPod(t);
    const info = (version: number) => pod.write(`v-${version}`, addConstant(version));
    await pod.mesh.setVModel("v", "v-1", await info(1));
    let settled = 1;
    let newest = 1;
    let over = false;
    const user = async () => {
      while (!over) {
        const least = settled;
        const answer = (await pod.ask({ "mm-vmodel-id": "v" })) ?? 0;
        const all = `${answer - 1} is from ${least} to ${newest}`;
        assert.ok(answer - 1 >= least && answer - 1 <= newest, all);
      }
    };
    const users = Array.from({ length: 4 }, user);
    const update = async () => {
      for (let version = 2; version <= 8; version++) {
        newest = version;
        await pod.mesh.setVModel("v", `v-${version}`, await info(version));
        settled = version;
        await pod.mesh.clock.delay(2000);
      }
    };
    await update().finally(() => {
      over = true;
    });
    await Promise.all(users);
    assert.deepEqual(pod.mesh.books.codesOf(inferMethod), ["OK"]);
    assert.deepEqual(await pod.contradictions(), []);
    assert.deepEqual(
      pod.mesh.cache.entries.map(({ id }) => id),
      ["v-8"],
    );
  });

  it("of one id answers from the new file once it is registered again", async (t) => {
    const pod = await startPod(t);
    for (let version = 1; version <= 10; version++) {
      const info = await pod.write(`m@${version}`, addConstant(version));
      pod.mesh.unregister("m");
      // The old one may still be on its way out, and be saved by the new wish: then it answers.
      await waitFor(() => pod.mesh.openWork === 0);
      pod.mesh.register("m", info);
      assert.equal(await pod.askFor("m"), version + 1);
    }
    assert.deepEqual(await pod.contradictions(), []);
  });
});

describe("a copy that is scaled down", () => {
  it("finishes what is in flight first", async (t) => {
    const pod = await startPod(t);
    pod.mesh.register("slow", await pod.write("slow", slowLoop()));
    await pod.mesh.ensureLoaded("slow");
    const running = slowly(pod, "slow", 60);
    await waitFor(() => pod.mesh.cache.entries.some(({ inFlight }) => inFlight > 0));
    pod.mesh.scaleDown("slow");
    assert.ok((await running).length > 0);
    assert.deepEqual(await pod.contradictions(), []);
    assert.deepEqual(pod.mesh.cache.entries, []);
  });

  it("ends what ModelMesh will not wait for any longer, as aborted and not as unknown", async (t) => {
    const pod = await startPod(t, { scale: 200, flags: ["--drain-timeout", "200"] });
    pod.mesh.register("slow", await pod.write("slow", slowLoop()));
    await pod.mesh.ensureLoaded("slow");
    const running = assert.rejects(slowly(pod, "slow", 1_000_000), { code: "ABORTED" });
    await waitFor(() => pod.mesh.cache.entries.some(({ inFlight }) => inFlight > 0));
    pod.mesh.scaleDown("slow");
    await running;
    assert.deepEqual(await pod.contradictions(), []);
  });
});

describe("inference through ModelMesh", () => {
  it("finds the model whatever it is called and whatever the caller wrote into the message", async (t) => {
    const pod = await startPod(t);
    for (const id of ["plain", "mit Ümläut/€ 模型", "../up", " ", "x".repeat(1024)]) {
      await pod.addModel(id, 2);
      assert.equal(await pod.askFor(id), 3);
      // Replaced where it is there, appended behind the tensors where it is not.
      const body = encodeInfer([1, 1, 1, 1], { model: "something else" });
      await pod.mesh.call({ method: inferMethod, body, headers: { "mm-model-id": id } });
    }
    assert.deepEqual(pod.mesh.books.codesOf(inferMethod), ["OK"]);
    assert.deepEqual(await pod.contradictions(), []);
  });

  it("carries messages of up to 16 MiB both ways, uncompressed", async (t) => {
    const pod = await startPod(t);
    await pod.addModel("m", 1);
    const elements = 4 * MiB - 1024;
    const body = encodeInfer(new Array<number>(elements).fill(1));
    const request = { method: inferMethod, body, headers: { "mm-model-id": "m" } };
    const answer = await pod.mesh.call(request);
    assert.ok(answer.length > 4 * elements);
    const tooLong = encodeInfer(new Array<number>(elements + 2048).fill(1));
    await assert.rejects(pod.mesh.call({ ...request, body: tooLong }), (error) => {
      return error instanceof MeshError && error.code === "RESOURCE_EXHAUSTED";
    });
    assert.deepEqual(await pod.contradictions(), []);
  });

  it("fails without the model being taken for unknown, and within ModelMesh's limit for headers", async (t) => {
    const pod = await startPod(t);
    const id = "ü".repeat(512);
    await pod.addModel(id, 1);
    const cases = [
      // An input that is none.
      Buffer.from([0x2a, 1, 0xff]),
      encodeInfer([1, 1, 1, 1], { version: "7" }),
      encodeInfer([1, 1, 1, 1], { slowRounds: 1 }),
    ];
    for (const body of cases) {
      const failing = pod.mesh.call({ method: inferMethod, body, headers: { "mm-model-id": id } });
      await assert.rejects(failing, MeshError);
    }
    const path = `${pod.root}/${"ü".repeat(4000)}`;
    pod.mesh.register("far", { type: "mt:onnx", path });
    await assert.rejects(pod.mesh.ensureLoaded("far"), /INTERNAL: \w+: ./);
    assert.deepEqual(pod.mesh.books.lost, []);
    assert.deepEqual(await pod.contradictions(), []);
  });

  it("stops when its caller leaves or has no more time", async (t) => {
    const pod = await startPod(t);
    pod.mesh.register("slow", await pod.write("slow", slowLoop()));
    await pod.mesh.ensureLoaded("slow");
    const body = encodeInfer([1, 1, 1, 1], { slowRounds: 1_000_000 });
    const request = { method: inferMethod, body, headers: { "mm-model-id": "slow" } };
    const late = pod.mesh.call(request, { timeoutMs: 300 });
    await assert.rejects(late, { code: "DEADLINE_EXCEEDED" });
    const caller = new AbortController();
    const left = assert.rejects(pod.mesh.call(request, { signal: caller.signal }), {
      code: "CANCELLED",
    });
    await sleep(100);
    caller.abort();
    await left;
    pod.mesh.unregister("slow");
    assert.deepEqual(await pod.contradictions(), []);
  });
});
