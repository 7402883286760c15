import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { type Calls, callsOf, codeIn, sizeIn, valuesIn } from "../support/clients/calls.ts";
import { type Client, clientKinds } from "../support/clients/clients.ts";
import { externalData, weights } from "../support/models/layered-models.ts";
import { addOne } from "../support/models/simple-models.ts";
import { openFilesBelow } from "../support/processes/open-files.ts";
import { canMeasureTrees } from "../support/processes/process-tree.ts";
import { type Served, startServed } from "../support/servers/served.ts";

const MiB = 1024 * 1024;

// ModelMesh Serving's storage helper puts a model below /models/ID, rewrites the key, and removes the folder
// as soon as the unload is answered.
describe("a runtime behind the storage helper", () => {
  let root: string;
  let served: Served;
  let client: Client;
  let calls: Calls;

  before(async () => {
    root = await mkdtemp(join(tmpdir(), "modelport-puller-"));
    // Models of a MiB and more have a process of their own, so that both ways of unloading are seen.
    const sizes = ["--dedicated-host-size", `${MiB}`];
    served = await startServed(["--root-model-dir", root, ...sizes]);
    const kind = clientKinds.find(({ name }) => name === "grpc-js");
    assert.ok(kind);
    client = kind.open({ port: served.port });
    calls = callsOf(client);
  });
  after(async () => {
    client?.close();
    await served?.stop("SIGKILL");
    await rm(root, { recursive: true, force: true });
  });

  function keyOf(id: string, diskBytes: number): string {
    return JSON.stringify({
      model_type: { name: "onnx", version: "1" },
      disk_size_bytes: diskBytes,
      schema_path: join(root, id, "_schema.json"),
    });
  }

  /** As the helper leaves it: the model in a folder of its id, the schema beside it. */
  async function pull(id: string, model: Uint8Array): Promise<{ path: string; key: string }> {
    const path = join(root, id, "model");
    await mkdir(path, { recursive: true });
    await writeFile(join(path, "model.onnx"), model);
    await writeFile(join(root, id, "_schema.json"), "{}");
    return { path, key: keyOf(id, model.length) };
  }

  it("predicts a model that is not here yet by what the helper counted", async () => {
    const path = join(root, "later", "model");
    const small = sizeIn(await calls.predict(path, keyOf("later", 10 * MiB)));
    const large = sizeIn(await calls.predict(path, keyOf("later", 100 * MiB)));
    assert.ok(small >= 10 * MiB && large >= 100 * MiB, `${small} and ${large} bytes`);
  });

  it("loads from an absolute path with the key that the helper writes", async () => {
    const { path, key } = await pull("m", addOne());
    const type = "rt:modelport";
    assert.equal(codeIn(await calls.load("m", path, { type, key })), "OK");
    assert.deepEqual(valuesIn(await calls.infer("m")), [2, 3, 4, 5]);
    assert.equal(codeIn(await calls.unload("m")), "OK");
  });

  it("answers unloads of folders that it never heard of, as the helper sends them at its start", async () => {
    for (const id of ["never-loaded", "lost+found"]) {
      assert.equal(codeIn(await calls.unload(id)), "OK");
    }
  });

  const skip = canMeasureTrees ? false : "needs /proc";

  it("has no file of a model open or mapped once the unload is answered", { skip }, async () => {
    const models: [id: string, model: Uint8Array][] = [
      ["shared", addOne()],
      ["dedicated", weights({ bytes: 4 * MiB })],
    ];
    for (const [id, model] of models) {
      const { path, key } = await pull(id, model);
      assert.equal(codeIn(await calls.load(id, path, { key })), "OK");
      assert.equal(codeIn(await calls.unload(id)), "OK");
      assert.deepEqual(await openFilesBelow(root, served.pid), []);
      await rm(join(root, id), { recursive: true });
    }
  });

  it("nor one with weights in a file of their own", { skip }, async () => {
    const folder = join(root, "external", "model");
    await mkdir(folder, { recursive: true });
    const path = await externalData(folder);
    assert.equal(codeIn(await calls.load("external", path)), "OK");
    assert.equal(codeIn(await calls.unload("external")), "OK");
    assert.deepEqual(await openFilesBelow(root, served.pid), []);
  });

  it("nor after a load that failed or was cancelled", { skip }, async () => {
    const broken = await pull("broken", weights({ bytes: MiB }).subarray(0, 500_000));
    assert.equal(codeIn(await calls.load("broken", broken.path)), "InvalidArgument");
    const brief = await pull("brief", weights({ bytes: 64 * MiB }));
    const cancel = new AbortController();
    const loading = calls.load("brief", brief.path, { signal: cancel.signal });
    await sleep(50);
    cancel.abort();
    await loading;
    assert.equal(codeIn(await calls.unload("brief")), "OK");
    assert.deepEqual(await openFilesBelow(root, served.pid), []);
  });
});
