import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { chmod, cp, mkdir, mkdtemp, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, before, describe, it, type TestContext } from "node:test";
import { promisify } from "node:util";
import { environmentOf, readComposeFile } from "../support/docs/compose-file.ts";
import {
  fingerprint,
  type ImageFacts,
  layImage,
  readImageFacts,
} from "../support/docs/image-tree.ts";
import {
  buildManifests,
  environmentOfContainer,
  findKustomize,
  type ServingRuntime,
} from "../support/docs/kserve-manifests.ts";
import { MeshApi } from "../support/model-mesh/mesh-api.ts";
import { ModelMesh } from "../support/model-mesh/model-mesh.ts";
import { slowLoop } from "../support/models/heavy-models.ts";
import { ContainerProcess } from "../support/processes/container-process.ts";
import { freePort } from "../support/servers/free-ports.ts";
import { projectRoot } from "../support/servers/served.ts";

const run = promisify(execFile);
const { services } = readComposeFile("docker-compose.yml");

/** Whether others than the owner may read what is in this folder, and so the user of the image. */
async function isOpenToAll(folder: string): Promise<boolean> {
  if (((await stat(folder)).mode & 0o001) === 0) return false;
  return folder === "/" || isOpenToAll(dirname(folder));
}
const isRoot = process.getuid?.() === 0;
const choosesUser = isRoot && (await isOpenToAll(projectRoot)) && (await isOpenToAll(tmpdir()));

// The container's own command, by its user, in what the Dockerfile copies, with what the manifests give it. Only
// ports and directories are others, so that this can run beside anything.
describe("the container", () => {
  let image: ImageFacts;
  let folder: string;
  let app: string;
  let laid: readonly string[];
  const userOf = ({ userId }: ImageFacts) => (choosesUser ? userId : undefined);

  before(async () => {
    image = await readImageFacts();
    folder = await mkdtemp(join(tmpdir(), "modelport-image-"));
    await chmod(folder, 0o755);
    app = join(folder, "app");
    await layImage(app, userOf(image));
    laid = await fingerprint(app);
  });
  after(() => rm(folder, { recursive: true, force: true }));

  /** Directories of the container as they are here. */
  async function environmentHere(given: Readonly<Record<string, string>>) {
    const here: Record<string, string> = {
      ...image.environment,
      ...given,
      ADAPTER_PORT: String(await freePort()),
    };
    if (here["MM_PRESTOP_WAIT_PORT"] !== undefined)
      here["MM_PRESTOP_WAIT_PORT"] = String(await freePort());
    for (const [name, value] of Object.entries(here)) {
      if (value.startsWith("/")) here[name] = join(folder, value);
    }
    return here;
  }

  async function start(
    t: TestContext,
    given: Readonly<Record<string, string>>,
    awaited: "live" | "ready" = "ready",
  ) {
    const environment = await environmentHere(given);
    const options = { folder: app, environment, userId: userOf(image) };
    for (const directory of ["models", "run/modelport"]) {
      await mkdir(join(folder, directory), { recursive: true });
    }
    await chmod(join(folder, "run/modelport"), 0o777);
    await cp(join(projectRoot, "examples/models"), join(folder, "models"), { recursive: true });
    const container = new ContainerProcess(image.entrypoint, options);
    t.after(() => container.stop("SIGKILL"));
    const command = (args: readonly string[]) =>
      new ContainerProcess(
        args.map((each) => each.replace("/app/", `${app}/`)),
        options,
      );
    const [program = "", script = ""] = image.healthcheck;
    const healthy = await command([program, script, awaited, "60"]).exited;
    assert.equal(healthy, 0, container.output);
    return { container, environment, command };
  }

  async function startMesh(
    t: TestContext,
    target: string,
  ): Promise<{ mesh: ModelMesh; api: string }> {
    const mesh = await ModelMesh.start({ targets: [target], scale: 20 });
    t.after(() => mesh.shutdown());
    const api = new MeshApi(mesh);
    t.after(() => api.close());
    return { mesh, api: `127.0.0.1:${await api.listen()}` };
  }

  /** Asks for a digit as the comments of the compose file do. */
  async function askForDigit(address: string): Promise<string> {
    const args = ["examples/clients/grpc.js", address];
    return (await run(process.execPath, args, { cwd: projectRoot, timeout: 30_000 })).stdout;
  }

  async function assertEnds(container: ContainerProcess): Promise<void> {
    assert.equal(await container.stop("SIGTERM"), 0, container.output);
    assert.deepEqual(await fingerprint(app), laid, "something was written into the image");
  }

  it("runs by the user of the image", { skip: choosesUser ? false : "needs root" }, async (t) => {
    const { container } = await start(t, {});
    assert.equal((await stat(`/proc/${container.pid}`)).uid, image.userId);
    assert.notEqual(image.userId, 0);
    await assertEnds(container);
  });

  it("of docker-compose.yml gets the example models registered and serves them by way of ModelMesh", async (t) => {
    const given = environmentOf(services["modelport-a"] ?? assert.fail());
    const { container, environment, command } = await start(t, given);
    const { mesh, api } = await startMesh(t, `localhost:${environment["ADAPTER_PORT"]}`);
    const entrypoint = services["register"]?.entrypoint ?? [];
    const register = command(
      entrypoint.map((each) => (each.startsWith("http:") ? `http://${api}` : each)),
    );
    assert.equal(await register.exited, 0, register.output);
    assert.equal(register.output, "digits: LOADED\niris: LOADED\n");
    assert.equal(await askForDigit(api), "the digit is 8\n");
    const extracted = JSON.parse(
      environmentOf(services["mesh-a"] ?? assert.fail())["MM_DATAPLANE_CONFIG"] ?? "",
    ) as { rpcConfigs: Record<string, { idExtractionPath: number[] }> };
    for (const [method, path] of mesh.parameters.methods ?? []) {
      // Of the others, only the metadata name the model.
      if (path.length === 0) continue;
      assert.deepEqual(extracted.rpcConfigs[method]?.idExtractionPath, path, method);
    }
    await assertEnds(container);
  });

  it("of docker-compose.yml says which model it cannot load, and why", async (t) => {
    const { environment, command } = await start(
      t,
      environmentOf(services["modelport-b"] ?? assert.fail()),
    );
    const { api } = await startMesh(t, `localhost:${environment["ADAPTER_PORT"]}`);
    const register = command([
      ...(services["register"]?.entrypoint?.slice(0, 2) ?? []),
      `http://${api}`,
      "iris=iris",
      "missing=not/here",
    ]);
    assert.equal(await register.exited, 1);
    assert.match(register.output, /^iris: LOADED\nmissing: LOADING_FAILED: .*not\/here.*\n$/);
  });

  it("of standalone.yml serves the models that are mounted", async (t) => {
    const { services: standalone } = readComposeFile("deploy/compose/standalone.yml");
    const given = environmentOf(standalone["modelport"] ?? assert.fail());
    const { container, environment } = await start(t, given);
    // It is ready before it has told so.
    while (!container.output.includes("Try it")) {
      assert.doesNotMatch(container.output, /"level":60/);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    assert.equal(await askForDigit(`127.0.0.1:${environment["ADAPTER_PORT"]}`), "the digit is 8\n");
    await assertEnds(container);
  });

  it("is left alone by all who end what does not live, while it is at its first pass", async (t) => {
    const repository = join(folder, "long");
    await mkdir(join(repository, "slow"), { recursive: true });
    // Its first run would take a quarter of an hour.
    await writeFile(join(repository, "slow/model.onnx"), slowLoop(300_000));
    const given = {
      MODEL_REPOSITORY: "/long",
      LOADTIME_TIMEOUT: "600000",
      WARMUP_TIMEOUT: "600000",
    };
    const { container, command } = await start(t, given, "live");
    const kustomize = await findKustomize();
    const manifests = kustomize === undefined ? [] : await buildManifests(kustomize, "base");
    const probed = (manifests as ServingRuntime[])[0]?.spec.containers[0];
    const probes = [image.healthcheck];
    for (const probe of [probed?.startupProbe, probed?.livenessProbe]) {
      if (probe !== undefined) probes.push(probe.exec.command);
    }
    for (const probe of probes) assert.equal(await command(probe).exited, 0, probe.join(" "));
    const [program = "", script = ""] = image.healthcheck;
    assert.equal(await command([program, script, "ready"]).exited, 1);
    await assertEnds(container);
  });

  it("of each serving runtime of deploy/kserve serves what the storage helper put there", async (t) => {
    const kustomize = await findKustomize();
    if (kustomize === undefined) {
      t.skip("needs kubectl or kustomize");
      return;
    }
    const overlays = ["cluster", "pulls-itself", "unix-socket", "autoscaled"];
    for (const path of ["base", ...overlays.map((name) => `overlays/${name}`)]) {
      await t.test(path, async (t) => {
        const [runtime] = (await buildManifests(kustomize, path)) as ServingRuntime[];
        const spec = runtime?.spec ?? assert.fail();
        const probed = spec.containers[0] ?? assert.fail();
        const { container, environment, command } = await start(t, environmentOfContainer(probed));
        for (const probe of [probed.startupProbe, probed.livenessProbe]) {
          assert.equal(await command(probe?.exec.command ?? []).exited, 0);
        }
        const socket = /^unix:(.+)$/.exec(spec.grpcDataEndpoint)?.[1];
        const target =
          socket === undefined
            ? `localhost:${environment["ADAPTER_PORT"]}`
            : `unix:${join(folder, socket)}`;
        const { mesh, api } = await startMesh(t, target);
        mesh.register("digits", {
          type: "mt:onnx:1",
          path: join(folder, "models/digits"),
          key: JSON.stringify({ model_type: { name: "onnx" }, disk_size_bytes: 150_000 }),
        });
        assert.equal(await askForDigit(api), "the digit is 8\n");
        await assertEnds(container);
        assert.notEqual(await command(probed.livenessProbe?.exec.command ?? []).exited, 0);
      });
    }
  });
});
