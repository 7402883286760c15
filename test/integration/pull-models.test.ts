import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, readdir, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, afterEach, before, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { type Calls, callsOf, codeIn, sizeIn, valuesIn } from "../support/clients/calls.ts";
import { type Client, clientKinds } from "../support/clients/clients.ts";
import { FileServer } from "../support/fakes/file-server.ts";
import { addConstant, addOne } from "../support/models/simple-models.ts";
import { type Served, startServed } from "../support/servers/served.ts";
import { waitFor } from "../support/wait-for.ts";

// ModelMesh Serving without its storage helper: paths and keys come as the InferenceService has them.
describe("a runtime that pulls its models itself", () => {
  let folder: string;
  let pulled: string;
  let store: FileServer;
  let served: Served;
  let client: Client;
  let calls: Calls;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "modelport-pulls-"));
    pulled = join(folder, "models", "_pulled");
    const [config, volumes] = [join(folder, "config"), join(folder, "volumes")];
    await mkdir(config);
    await mkdir(join(volumes, "claim", "iris"), { recursive: true });
    await writeFile(join(volumes, "claim", "iris", "model.onnx"), addConstant(3));
    await symlink("/etc/hostname", join(volumes, "claim", "leak.onnx"));
    // As a whole volume is mounted, by its file system and a backup.
    for (const name of ["lost+found", "backup/texts", "models/1"]) {
      await mkdir(join(volumes, "disk", name), { recursive: true });
    }
    await writeFile(join(volumes, "disk", "models", "1", "model.onnx"), addConstant(4));
    await leaveFiles(pulled);
    store = new FileServer();
    await store.listen();
    await writeFile(
      join(config, "web"),
      JSON.stringify({ type: "http", url: `${store.origin}/models` }),
    );
    served = await startServed([
      ...["--root-model-dir", join(folder, "models"), "--storage-config-dir", config],
      ...["--pvc-mounts-dir", volumes, "--load-timeout", "4000"],
    ]);
    client = openClient(served.port);
    calls = callsOf(client);
  });
  after(async () => {
    client?.close();
    await served?.stop("SIGKILL");
    await store?.close();
    await rm(folder, { recursive: true, force: true });
  });
  afterEach(async () => {
    await calls.unload("m");
    await calls.unload("n");
    assert.deepEqual(await contents(pulled), []);
  });

  const keyOf = (more: object = {}) => JSON.stringify({ storage_key: "web", ...more });

  it("has cleaned up after those before it", async () => {
    const limitMs = performance.now() + 60_000;
    while ((await contents(pulled)).length > 0 && performance.now() < limitMs) await sleep(10);
    assert.deepEqual(await contents(pulled), []);
  });

  it("loads, serves, and removes the files when the model is unloaded", async () => {
    store.put("/models/add.onnx", Buffer.from(addOne()));
    const loaded = await calls.load("m", "add.onnx", { key: keyOf() });
    assert.ok(sizeIn(loaded) > 0);
    assert.deepEqual(valuesIn(await calls.infer("m")), [2, 3, 4, 5]);
    assert.equal((await contents(pulled)).length, 1);
    await calls.unload("m");
    assert.deepEqual(await contents(pulled), []);
  });

  it("keeps one copy for two models, and serves the one when the other has gone", async () => {
    store.put("/models/add.onnx", Buffer.from(addOne()));
    await Promise.all([
      calls.load("m", "add.onnx", { key: keyOf() }),
      calls.load("n", "add.onnx", { key: keyOf() }),
    ]);
    assert.equal((await contents(pulled)).length, 1);
    await calls.unload("m");
    assert.deepEqual(valuesIn(await calls.infer("n")), [2, 3, 4, 5]);
    assert.equal((await contents(pulled)).length, 1);
  });

  it("reads volumes where they lie, and follows no link out of them", async () => {
    const key = JSON.stringify({ storage_params: { type: "pvc", name: "claim" } });
    await calls.load("m", "iris", { key });
    assert.deepEqual(valuesIn(await calls.infer("m")), [4, 5, 6, 7]);
    await calls.load("n", "pvc://claim/iris/model.onnx");
    assert.deepEqual(valuesIn(await calls.infer("n")), [4, 5, 6, 7]);
    await calls.unload("n");
    await calls.load("n", "pvc://disk/");
    assert.deepEqual(valuesIn(await calls.infer("n")), [5, 6, 7, 8]);
    assert.equal(codeIn(await calls.load("o", "pvc://claim/leak.onnx")), "InvalidArgument");
    assert.equal(codeIn(await calls.load("o", "pvc://other/iris")), "FailedPrecondition");
    assert.equal(codeIn(await calls.load("o", "pvc://claim/../other")), "FailedPrecondition");
  });

  it("takes a storageUri as the controller of ModelMesh Serving passes it: without a path", async () => {
    const url = store.put("/other/add.onnx", Buffer.from(addOne()));
    const key = JSON.stringify({ storage_params: { type: "http", url: `${url}?sig=a` } });
    await calls.load("m", "", { key });
    assert.deepEqual(valuesIn(await calls.infer("m")), [2, 3, 4, 5]);
  });

  it("refuses a page for a model, and leaves nothing of a file that is none", async () => {
    assert.equal(
      codeIn(await calls.load("m", "none.onnx", { key: keyOf() })),
      "FailedPrecondition",
    );
    store.put("/models/junk.onnx", Buffer.from("<html>"));
    assert.equal(codeIn(await calls.load("m", "junk.onnx", { key: keyOf() })), "InvalidArgument");
  });

  it("predicts a model that it has had by what that needed", async () => {
    store.put("/models/add.onnx", Buffer.from(addOne()));
    const loaded = sizeIn(await calls.load("m", "add.onnx", { key: keyOf() }));
    assert.ok(sizeIn(await calls.predict("add.onnx", keyOf())) >= loaded);
  });

  it("says how far it was when time is up", async () => {
    store.put("/models/slow.onnx", Buffer.from(addOne()));
    store.fail("/models/slow.onnx", ...Array.from({ length: 9 }, () => ({ hangAfter: 10 })));
    const answer = await calls.load("m", "slow.onnx", { key: keyOf() });
    assert.equal(codeIn(answer), "DeadlineExceeded");
    assert.match(JSON.stringify(answer), /still being pulled, 10 of \d+ bytes/);
    await calls.unload("m");
    await waitFor(() => store.sockets.size === 0);
  });

  it("removes everything when it ends", async () => {
    const own = await startServed([
      ...["--root-model-dir", join(folder, "own"), "--pull-dir", join(folder, "own-pulled")],
    ]);
    const other = openClient(own.port);
    try {
      const url = store.put("/a.onnx", Buffer.from(addOne()));
      await callsOf(other).load("m", url);
      assert.equal((await contents(join(folder, "own-pulled"))).length, 1);
    } finally {
      other.close();
      await own.stop();
    }
    assert.deepEqual(await readdir(join(folder, "own-pulled")), []);
  });
});

function openClient(port: number): Client {
  const kind = clientKinds.find(({ name }) => name === "grpc-js");
  assert.ok(kind);
  return kind.open({ port });
}

/** What runtimes have below `folder`. */
/** What a process leaves behind that is killed. */
async function leaveFiles(folder: string): Promise<void> {
  const module = new URL("../../src/storage/process-folder.ts", import.meta.url);
  const script = `
    const { ProcessFolder } = await import(${JSON.stringify(module.href)});
    const path = await new ProcessFolder(${JSON.stringify(folder)}).path();
    (await import("node:fs")).mkdirSync(path + "/content-a");
    process.kill(process.pid, "SIGKILL");`;
  const child = spawn(process.execPath, ["--input-type=module", "--eval", script]);
  await once(child, "close");
  assert.equal((await contents(folder)).length, 1);
}

async function contents(folder: string): Promise<string[]> {
  const names = await readdir(folder, { recursive: true }).catch(() => []);
  return names.filter((name) => /(content|incoming)-[^/]*$/.test(name));
}
