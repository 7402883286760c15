import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { addConstant } from "../models/simple-models.ts";
import { openFilesBelow } from "../processes/open-files.ts";
import { canMeasureTrees } from "../processes/process-tree.ts";
import { capacityFlags } from "../servers/capacity-flags.ts";
import { type Served, startServed } from "../servers/served.ts";
import { waitFor } from "../wait-for.ts";
import { encodeInfer, fp32Output, inferMethod } from "./infer-message.ts";
import { ModelMesh, type ModelMeshOptions } from "./model-mesh.ts";
import { readRuntimeBooks } from "./runtime-books.ts";
import type { CallLimits } from "./runtime-channel.ts";
import { unitBytes } from "./runtime-parameters.ts";

export interface MeshedRuntimeOptions extends Omit<ModelMeshOptions, "targets"> {
  /** More flags of `modelport serve`. */
  readonly flags?: readonly string[];
  /** Bytes for models. ModelMesh asks for ten times 256 KiB, the default size of a model here. */
  readonly capacityBytes?: number;
  /** Where ModelMesh connects, in place of the TCP port. */
  readonly socketPath?: string;
}

const KiB = 1024;
/** A test that waits longer than this hangs. */
const hangMs = 60_000;

/** A pod: the runtime in a process of its own, and the stand-in for ModelMesh beside it. */
export class MeshedRuntime {
  /** Where models lie, in a folder each, as the storage helper puts them. */
  readonly root: string;
  served: Served;
  mesh: ModelMesh;
  readonly #options: MeshedRuntimeOptions;

  private constructor(parts: { root: string; served: Served; mesh: ModelMesh }, options: object) {
    this.root = parts.root;
    this.served = parts.served;
    this.mesh = parts.mesh;
    this.#options = options;
  }

  static async start(options: MeshedRuntimeOptions = {}): Promise<MeshedRuntime> {
    const root = await mkdtemp(join(tmpdir(), "modelport-mesh-"));
    let served: Served | undefined;
    try {
      served = await startServed(flagsOf(root, options));
      const mesh = await ModelMesh.start(meshOptions(served, options));
      return new MeshedRuntime({ root, served, mesh }, options);
    } catch (reason) {
      await served?.stop("SIGKILL");
      await rm(root, { recursive: true, force: true });
      throw reason;
    }
  }

  /** Writes a model that adds `amount`, and registers it with ModelMesh. */
  async addModel(id: string, amount: number): Promise<void> {
    this.mesh.register(id, await this.write(id, addConstant(amount)));
  }

  /** Writes a model file. Returns what to register. */
  async write(id: string, model: Uint8Array): Promise<{ type: string; path: string }> {
    const path = join(this.root, encodeURIComponent(id).slice(0, 200), "model.onnx");
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, model);
    return { type: "mt:onnx", path: dirname(path) };
  }

  /** What model `id` makes of 1, by way of ModelMesh. */
  async askFor(id: string, limits?: CallLimits): Promise<number | undefined> {
    return await this.ask({ "mm-model-id": id }, limits);
  }

  async ask(
    headers: Readonly<Record<string, string>>,
    limits?: CallLimits,
  ): Promise<number | undefined> {
    const body = encodeInfer([1, 1, 1, 1]);
    const answer = await this.mesh.call({ method: inferMethod, body, headers }, limits);
    return fp32Output(answer)[0];
  }

  /** Ends the runtime by `signal` and starts it again on the same port, with ModelMesh none the wiser. */
  async restartRuntime(signal: NodeJS.Signals): Promise<void> {
    const { port } = this.served;
    await this.served.stop(signal);
    this.served = await startServed([...flagsOf(this.root, this.#options), "--port", `${port}`]);
  }

  /** Ends ModelMesh, in the middle of whatever it does, and starts another. */
  async restartMesh(): Promise<void> {
    await this.mesh.shutdown();
    this.mesh = await ModelMesh.start(meshOptions(this.served, this.#options));
  }

  /** Waits until ModelMesh has nothing to do, and compares its books with those of the runtime. One line for
   *  each thing that should not be. */
  async contradictions(): Promise<string[]> {
    const { cache, books } = this.mesh;
    await waitFor(() => this.mesh.openWork === 0, hangMs);
    const { states, sizes } = await readRuntimeBooks(this.served.port);
    const entries = new Map(cache.entries.map((entry) => [entry.id, entry]));
    const found = books.breaches.map((breach) => `breach: ${breach}`);
    for (const [id, state] of states) {
      if (state !== "READY") found.push(`${id} is ${state} in an idle runtime`);
      if (!entries.has(id)) found.push(`${id} is in the runtime only: ${books.recent(id)}`);
    }
    for (const { id, sizeBytes, state } of entries.values()) {
      if (state !== "active") found.push(`${id} is ${state} in an idle ModelMesh`);
      if (sizes.get(id) !== sizeBytes) {
        found.push(`${id} has ${sizes.get(id)} bytes, ModelMesh was told ${sizeBytes}`);
      }
    }
    const { accounts, loads } = cache;
    if (accounts.unloadingUnits !== 0) found.push(`${accounts.unloadingUnits} units unloading`);
    if (accounts.lostUnits !== 0) found.push(`${accounts.lostUnits} units lost for good`);
    for (const id of loads.trackedIds) if (!entries.has(id)) found.push(`${id} is still tracked`);
    const bytes = [...sizes.values()].reduce((sum, size) => sum + size, 0);
    if (bytes > accounts.heldUnits * unitBytes) {
      found.push(`the runtime holds ${bytes} bytes, ModelMesh counts ${accounts.heldUnits} units`);
    }
    if (canMeasureTrees) found.push(...(await openFilesBelow(this.root, this.served.pid)));
    return found;
  }

  async close(): Promise<void> {
    await this.mesh.shutdown();
    await this.served.stop("SIGKILL");
    await rm(this.root, { recursive: true, force: true });
  }
}

/** Without the churn guard, as operators run ModelMesh whose models come and go. */
function meshOptions(served: Served, options: MeshedRuntimeOptions): ModelMeshOptions {
  return { minChurnAgeMs: 0, ...options, targets: [targetOf(served, options)] };
}

function targetOf({ port }: Served, { socketPath }: MeshedRuntimeOptions): string {
  return socketPath === undefined ? `localhost:${port}` : `unix:${socketPath}`;
}

function flagsOf(root: string, { flags = [], capacityBytes = 4000 * KiB }: MeshedRuntimeOptions) {
  return [
    ...["--root-model-dir", root],
    ...capacityFlags(capacityBytes),
    ...["--default-model-size", `${256 * KiB}`],
    ...flags,
  ];
}
