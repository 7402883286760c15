import { GRPCInferenceService, ModelReadyRequestSchema } from "../../gen/inference/inference_pb.ts";
import { canMeasureTrees } from "../../test/support/processes/process-tree.ts";
import { inferPath } from "../echo-servers.ts";
import { frameHeaderBytes, messageFrame, pathOf } from "../load/grpc-connection.ts";
import type { ModelClient } from "../load/model-client.ts";
import { inferFrame } from "../messages.ts";
import { tiny } from "../models.ts";
import type { Program } from "../program.ts";
import { settledMib } from "../settled-memory.ts";
import type { Workbench } from "../workbench.ts";

const stages = { full: [10, 1000, 10_000], quick: [10, 100, 300] };
const inFlight = 16;
/** Models that calls go to in turn, spread over all that are loaded. */
const asked = 10;
const streams = 32;

/** A lookup of a model and nothing else, and an inference. */
const calls = [
  {
    name: "modelReady",
    path: pathOf(GRPCInferenceService.method.modelReady),
    frame: (id: string) => messageFrame(ModelReadyRequestSchema, { name: id }),
    // A message with one true in it; an unknown model makes it empty.
    answerBytes: frameHeaderBytes + 2,
  },
  {
    name: "modelInfer",
    path: inferPath,
    frame: (id: string) => inferFrame({ model: id, shape: tiny.shape, form: "raw" }),
    answerBytes: frameHeaderBytes + tiny.outputElements * Float32Array.BYTES_PER_ELEMENT,
  },
] as const;

/** Loads more and more tiny models, and sees what each takes and how calls fare among them. */
export async function measureManyModels(
  bench: Workbench,
  program: Program,
  client: ModelClient,
): Promise<void> {
  const { measurements } = bench;
  const baseMib = canMeasureTrees ? await settledMib(program.pid) : 0;
  const ids: string[] = [];
  let seconds = 0;
  for (const models of bench.choose(stages)) {
    bench.log(`${models} models loaded at once`);
    const more = Array.from({ length: models - ids.length }, (_, n) => `many ${ids.length + n}`);
    seconds += more.length / (await client.loadMany({ ids: more, path: "tiny.onnx", inFlight }));
    ids.push(...more);
    await measureCalls(bench, program, ids);
  }
  const all = `scaling/${ids.length} models`;
  measurements.add(`${all}/loads`, "/s", ids.length / seconds);
  if (canMeasureTrees) {
    const kibEach = (((await settledMib(program.pid)) - baseMib) * 1024) / ids.length;
    measurements.add(`${all}/memory of each`, "KiB", kibEach);
    measurements.add(`${all}/held in 1 GiB`, "models", 1024 ** 2 / kibEach);
  }
  const unloads = await client.unloadMany({ ids, inFlight });
  measurements.add(`${all}/unloads`, "/s", unloads);
}

async function measureCalls(
  bench: Workbench,
  program: Program,
  ids: readonly string[],
): Promise<void> {
  const chosen = Array.from({ length: asked }, (_, n) => ids[Math.floor((n * ids.length) / asked)]);
  for (const { name, path, frame, answerBytes } of calls) {
    const [first = "", ...others] = await Promise.all(
      chosen.map((id = "", n) => bench.put(`${name}-${n}`, frame(id))),
    );
    const bodyFiles = [first, ...others] as const;
    const plan = { port: program.port, path, bodyFiles, streams, answerBytes };
    const { perSecond } = await bench.load(plan);
    bench.measurements.add(`scaling/${ids.length} models/${name}`, "/s", perSecond);
  }
}
