import assert from "node:assert/strict";
import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { gzipSync } from "node:zlib";
import { makeTar } from "../support/archives/make-tar.ts";
import { makeZip } from "../support/archives/make-zip.ts";
import { type Calls, callsOf, valuesIn } from "../support/clients/calls.ts";
import { type Client, clientKinds } from "../support/clients/clients.ts";
import { HubServer } from "../support/fakes/hub-server.ts";
import { RegistryServer } from "../support/fakes/registry-server.ts";
import { addConstant } from "../support/models/simple-models.ts";
import { type Served, startServed } from "../support/servers/served.ts";
import { waitFor } from "../support/wait-for.ts";

const imageConfig = "application/vnd.oci.image.config.v1+json";
const layer = "application/vnd.oci.image.layer.v1.tar+gzip";
const model = (constant: number) => Buffer.from(addConstant(constant));
const mlmodel = (data: string) => `flavors:\n  python_function: {}\n  onnx:\n    data: ${data}\n`;

// The whole program: what a store or an archive holds is a model that answers.
describe("a runtime with models of the hub, of a registry, in archives and of MLflow", () => {
  let folder: string;
  let hub: HubServer;
  let registry: RegistryServer;
  let served: Served;
  let client: Client;
  let calls: Calls;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "modelport-stores-"));
    const models = join(folder, "models");
    await mkdir(join(models, "flow"), { recursive: true });
    await writeFile(join(models, "flow", "MLmodel"), mlmodel("b.onnx"));
    await writeFile(join(models, "flow", "a.onnx"), model(1));
    await writeFile(join(models, "flow", "b.onnx"), model(2));
    const inner = [
      { name: "packed/1/model.onnx", bytes: model(1) },
      { name: "packed/2/model.onnx", bytes: model(3) },
    ];
    await writeFile(join(models, "packed.tar.gz"), gzipSync(makeTar(inner)));
    await writeFile(join(models, "broken.zip"), makeZip(inner).subarray(0, 200));
    hub = new HubServer();
    registry = new RegistryServer();
    await Promise.all([hub.listen(), registry.listen()]);
    hub.token = "hf_secret";
    const flow = { "run/MLmodel": mlmodel("model.onnx"), "run/model.onnx": model(4) };
    hub.commit("owner/flow", flow, "v1");
    const files = makeTar([{ name: "models/model.onnx", bytes: model(5) }]);
    registry.push("team/m", "v1", imageConfig, [{ mediaType: layer, bytes: gzipSync(files) }]);
    served = await startServed([
      ...["--model-repository", models, "--root-model-dir", models],
      ...["--pull-dir", join(folder, "pulled")],
      ...["--hf-endpoint", hub.origin, "--hf-token", "hf_secret"],
    ]);
    const kind = clientKinds.find(({ name }) => name === "grpc-js") ?? assert.fail();
    client = kind.open({ port: served.port });
    calls = callsOf(client);
    // The port is up before the repository's models are.
    for (const id of ["packed", "flow"]) {
      await waitFor(async () => (await calls.infer(id)).ok);
    }
  });
  after(async () => {
    client?.close();
    await served?.stop("SIGKILL");
    await Promise.all([hub?.close(), registry?.close()]);
    await rm(folder, { recursive: true, force: true });
  });

  const first = async (id: string) => valuesIn(await calls.infer(id))[0];
  const pulled = async () => {
    const names = await readdir(join(folder, "pulled"), { recursive: true });
    return names.filter((name) => /\/[^/]+$/.test(name));
  };

  it("serves what lies in its repository", async () => {
    assert.equal(await first("packed"), 4);
    assert.equal(await first("flow"), 3);
  });

  it("serves what it pulls, and keeps nothing of it", async () => {
    const before = await pulled();
    const packed = join(folder, "models", "packed.tar.gz");
    for (const [path, expected] of [
      ["hf://owner/flow@v1/run", 5],
      [`oci://${registry.host}/team/m:v1`, 6],
      [packed, 4],
    ] as const) {
      await calls.load("m", path, { type: "mt:mlflow" });
      assert.equal(await first("m"), expected);
      await calls.unload("m");
      assert.deepEqual(await pulled(), before);
    }
  });

  it("says what is wrong with an archive, and goes on", async () => {
    const loaded = await calls.load("broken", join(folder, "models", "broken.zip"));
    assert.match(JSON.stringify(loaded), /not a zip archive, or ends too early/);
    assert.equal(await first("packed"), 4);
  });
});
