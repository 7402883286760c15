import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { freePorts } from "../../test/support/servers/free-ports.ts";
import { startMlServer } from "../peers/start-mlserver.ts";
import { startModelport } from "../peers/start-modelport.ts";
import { missingProgram, peerProgram } from "../peers/virtual-environment.ts";
import { writeJson } from "../peers/write-json.ts";
import type { Program } from "../program.ts";
import type { Workbench } from "../workbench.ts";
import { modelsReady } from "./models-ready.ts";

export interface TreeModel {
  readonly id: string;
  readonly library: "xgboost" | "lightgbm";
  /** The file as its library writes it. */
  readonly file: string;
}

/** A server of these models over the Open Inference Protocol. */
export interface TreePeer {
  readonly name: string;
  /** Why it cannot be measured here, if it cannot. */
  readonly missing: string | undefined;
  /** Starts it on the servers' core with these models loaded. */
  start(bench: Workbench, models: readonly TreeModel[]): Promise<Program>;
}

const modelport: TreePeer = {
  name: "modelport",
  missing: undefined,
  start: startModelport,
};

const runtimes = {
  xgboost: "mlserver_xgboost.XGBoostModel",
  lightgbm: "mlserver_lightgbm.LightGBMModel",
} as const;

/** MLServer with its own runtimes, in the one process that suits small models best. */
export const treeMlServer: TreePeer = {
  name: "MLServer",
  missing: missingProgram("mlserver"),
  async start(bench, models) {
    const folder = join(bench.folder, `mlserver-${models.length}`);
    for (const { id, library, file } of models) {
      await mkdir(join(folder, id), { recursive: true });
      await writeJson(join(folder, id, "model-settings.json"), {
        name: id,
        implementation: runtimes[library],
        parameters: { uri: file },
      });
    }
    const program = await startMlServer(bench, folder);
    await modelsReady(program.port, models);
    return program;
  },
};

/** KServe's Python server with models that call the libraries as its own do. */
const kserve: TreePeer = {
  name: "KServe",
  missing: missingProgram("python", ".venv-kserve"),
  async start(bench, models) {
    const [httpPort, grpcPort] = await freePorts(2);
    const script = join(import.meta.dirname, "../peers/kserve_trees.py");
    const program = await bench.start({
      command: [
        peerProgram("python", ".venv-kserve"),
        script,
        String(httpPort),
        String(grpcPort),
        ...models.map(({ id, library, file }) => [id, library, file].join("=")),
      ],
      cores: bench.cores.server,
      announcement: /Starting gRPC server on .*:(\d+)/,
    });
    await modelsReady(program.port, models);
    return program;
  },
};

export const treePeers: readonly TreePeer[] = [modelport, treeMlServer, kserve];
