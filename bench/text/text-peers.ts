import { existsSync } from "node:fs";
import { cp } from "node:fs/promises";
import { join } from "node:path";
import { freePorts } from "../../test/support/servers/free-ports.ts";
import { ModelClient } from "../load/model-client.ts";
import { missingProgram, peerProgram } from "../peers/virtual-environment.ts";
import type { Program } from "../program.ts";
import type { Workbench } from "../workbench.ts";
import { modelName } from "./http-embeddings.ts";

/** A server of all-MiniLM-L6-v2 on the servers' core. */
export interface TextPeer {
  readonly name: string;
  /** Why it cannot be measured here, if it cannot. */
  readonly missing: string | undefined;
  /** Where OpenAI's embeddings are. */
  readonly path: string;
  /** Starts it; resolves when it can be asked, with the time that it was asked to load the model at, of
   *  `performance.now()`. */
  start(bench: Workbench): Promise<StartedPeer>;
}

export interface StartedPeer {
  readonly program: Program;
  readonly loadedFromMs: number;
}

const peersFolder = join(import.meta.dirname, "../peers");

/** As set-up-text.sh takes it out of its package, and with a `model.onnx` beside it for fastembed. */
const miniLmFolder = join(peersFolder, ".minilm");

export const missingMiniLm = existsSync(join(miniLmFolder, "model.safetensors"))
  ? undefined
  : "bench/peers/set-up-text.sh has not been run";

/** The model in the folder that models are loaded from, without the file that is for fastembed. */
export async function copyMiniLm(bench: Workbench, name = modelName): Promise<string> {
  const folder = join(bench.folder, name);
  const filter = (path: string) => !path.endsWith(".onnx");
  await cp(miniLmFolder, folder, { recursive: true, filter });
  return folder;
}

export const modelport: TextPeer = {
  name: "modelport",
  missing: missingMiniLm,
  path: "/v1/embeddings",
  start: (bench) => startWithMiniLm(bench, bench.cores.server, ["--engine-hosts", "1"]),
};

export async function startWithMiniLm(
  bench: Workbench,
  cores: string | undefined,
  flags: readonly string[],
): Promise<StartedPeer> {
  const program = await bench.startModelport(flags, cores);
  const client = await ModelClient.open(program.port);
  await client.ready();
  const loadedFromMs = performance.now();
  await client.load(modelName, modelName);
  client.close();
  return { program, loadedFromMs };
}

export const infinity: TextPeer = {
  name: "infinity",
  missing: missingMiniLm ?? missingProgram("infinity_emb", ".venv-infinity"),
  path: "/embeddings",
  async start(bench) {
    const [port] = await freePorts(1);
    // It loads models at its start only.
    const loadedFromMs = performance.now();
    const program = await bench.start({
      command: [
        "env",
        ...["HF_HUB_OFFLINE=1", "DO_NOT_TRACK=1", "OMP_NUM_THREADS=1"],
        ...[peerProgram("infinity_emb", ".venv-infinity"), "v2"],
        ...["--model-id", miniLmFolder, "--served-model-name", modelName],
        ...["--engine", "torch", "--device", "cpu", "--no-bettertransformer"],
        ...["--no-model-warmup", "--host", "127.0.0.1", "--port", String(port)],
      ],
      cores: bench.cores.server,
      announcement: /Uvicorn running on http:\/\/127\.0\.0\.1:(\d+)/,
      // It imports torch.
      startLimitMs: 180_000,
    });
    return { program, loadedFromMs };
  },
};

export const missingFastembed = missingMiniLm ?? missingProgram("python", ".venv-fastembed");

/** What bench/peers/fastembed_bench.py prints. */
export interface FastembedResult {
  readonly vectors: readonly (readonly number[])[];
  /** From the load of the model to its first embedding. */
  readonly coldMs: number;
  /** Of all texts, at its defaults. */
  readonly cpuMs: number;
  readonly privateMib: number;
}

/** Runs fastembed, which is a library, in a process of its own on the servers' core. */
export async function runFastembed(
  bench: Workbench,
  texts: readonly string[],
): Promise<FastembedResult> {
  const file = await bench.put("texts.json", Buffer.from(JSON.stringify(texts)));
  const script = join(peersFolder, "fastembed_bench.py");
  const result = await bench.runOther([
    peerProgram("python", ".venv-fastembed"),
    ...[script, miniLmFolder, file],
  ]);
  return result as FastembedResult;
}
