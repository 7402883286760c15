import { fromBinary } from "@bufbuild/protobuf";
import { ModelInferResponseSchema } from "../../gen/inference/inference_pb.ts";
import { ask, inferPath } from "../echo-servers.ts";
import { frameHeaderBytes } from "../load/grpc-connection.ts";
import { ModelClient } from "../load/model-client.ts";
import { inferFrame } from "../messages.ts";
import { type BenchModel, conv, mlp } from "../models.ts";
import { missingMlServer, startMlServer } from "../peers/mlserver.ts";
import type { Program } from "../program.ts";
import type { Workbench } from "../workbench.ts";

// Other model servers with the same models, the same protocol, the same load and the same core.

const models: readonly BenchModel[] = [mlp, conv];
const inFlights = [1, 64];
const rounds = { full: 3, quick: 1 };

export async function measurePeers(bench: Workbench): Promise<void> {
  const missing = missingMlServer();
  if (missing !== undefined) {
    bench.measurements.skip("MLServer", missing);
    return;
  }
  const files = await Promise.all(
    models.map(async (model) => ({
      model,
      name: model.name,
      file: await bench.put(`${model.name}.onnx`, model.make()),
    })),
  );
  const servers: Record<string, Program> = {
    modelport: await startModelport(bench),
    MLServer: await startMlServer(bench, files),
  };
  for (let round = 0; round < bench.choose(rounds); round++) {
    for (const { model } of files) {
      const request = inferFrame({ model: model.name, shape: model.shape, form: "raw" });
      const bodyFile = await bench.put(`${model.name}.request`, request);
      const answers = await askAll(servers, request);
      requireEqual(answers);
      for (const streams of inFlights) {
        for (const [name, { port }] of Object.entries(servers)) {
          bench.log(`${model.name}, ${streams} in flight, ${name}`);
          const answerBytes = answers[name]?.byteLength ?? 0;
          const plan = {
            port,
            path: inferPath,
            bodyFiles: [bodyFile],
            streams,
            answerBytes,
          } as const;
          const { perSecond, p50Us } = await bench.load(plan);
          const id = `peers/${model.name}, ${streams} in flight/${name}`;
          bench.measurements.add(id, "/s", perSecond);
          bench.measurements.add(`${id} p50`, "µs", p50Us);
        }
      }
    }
  }
  await Promise.all(Object.values(servers).map((server) => server.stop()));
}

/** On one core, like the peer, and with one engine host for it. */
async function startModelport(bench: Workbench): Promise<Program> {
  const program = await bench.startModelport(["--engine-hosts", "1"], bench.cores.server);
  const client = await ModelClient.open(program.port);
  await client.ready();
  for (const { name } of models) await client.load(name, `${name}.onnx`);
  client.close();
  return program;
}

async function askAll(servers: Readonly<Record<string, Program>>, request: Uint8Array) {
  const answers: Record<string, Buffer> = {};
  for (const [name, { port }] of Object.entries(servers)) answers[name] = await ask(port, request);
  return answers;
}

/** Throws unless all servers computed the same: else they would not have done the same work. */
function requireEqual(answers: Readonly<Record<string, Buffer>>): void {
  const [first = [], ...others] = Object.values(answers).map(valuesIn);
  for (const values of others) {
    const isEqual =
      values.length === first.length &&
      values.every((value, index) => Math.abs(value - (first[index] ?? Number.NaN)) < 1e-3);
    if (!isEqual) throw new Error(`servers disagree: ${shorten(first)} and ${shorten(values)}`);
  }
}

function shorten(values: readonly number[]): string {
  return `${values.length} values, first ${values.slice(0, 3)}`;
}

function valuesIn(frame: Buffer): number[] {
  const message = fromBinary(ModelInferResponseSchema, frame.subarray(frameHeaderBytes));
  const raw = message.rawOutputContents[0];
  // Copied, since a view into the frame starts anywhere.
  if (raw !== undefined) return [...new Float32Array(new Uint8Array(raw).buffer)];
  return message.outputs[0]?.contents?.fp32Contents ?? [];
}
