import { settings } from "../../src/config/settings.ts";
import { ask, inferPath, readSettings, startFloor } from "../echo-servers.ts";
import type { SessionLoopResult } from "../limits/session-loop.ts";
import { ModelClient } from "../load/model-client.ts";
import { inferFrame } from "../messages.ts";
import { type BenchModel, benchModels, mlp } from "../models.ts";
import type { Program } from "../program.ts";
import type { Workbench } from "../workbench.ts";

// What an inference costs from the request on the wire to its response, in the real program with its engine
// hosts, compared with a plain loop around ONNX Runtime.

const inFlights = [1, 64];
const rounds = { full: 4, quick: 1 };
/** With fewer requests, too many belong to the start, when all bodies must arrive before the first
 *  response. */
const fewAnswers = 250;

interface ModelFiles {
  readonly model: BenchModel;
  readonly file: string;
  readonly request: Buffer;
  readonly bodyFile: string;
}

export async function measureInference(bench: Workbench): Promise<void> {
  const files = await Promise.all(benchModels.map((model) => writeFiles(bench, model)));
  const servers = await startServers(bench, files);
  const [asShipped] = Object.values(servers);
  const floor = await startLatencyFloor(bench, asShipped?.port ?? 0, files);
  for (const { port } of [...Object.values(servers), floor]) {
    for (const { request, bodyFile } of files) {
      const answerBytes = (await ask(port, request)).byteLength;
      const bodyFiles = [bodyFile] as const;
      await bench.warmUp({ port, path: inferPath, bodyFiles, streams: 64, answerBytes });
    }
  }
  for (let round = 0; round < bench.choose(rounds); round++) {
    for (const { model, file, request, bodyFile } of files) {
      bench.log(`${model.name}, limit`);
      const { perSecond, p50Us } = await runLoop(bench, model, file);
      bench.measurements.add(`inference/${model.name}/session.run`, "/s", perSecond);
      bench.measurements.add(`inference/${model.name}/session.run p50`, "µs", p50Us);
      for (const [name, { port }] of Object.entries(servers)) {
        const answerBytes = (await ask(port, request)).byteLength;
        for (const streams of inFlights) {
          bench.log(`${model.name}, ${streams} in flight, ${name}`);
          const result = await bench.load({
            port,
            path: inferPath,
            bodyFiles: [bodyFile],
            streams,
            answerBytes,
            ...(perSecond * bench.seconds < fewAnswers && { seconds: fewAnswers / perSecond }),
          });
          const id = `inference/${model.name}, ${streams} in flight/${name}`;
          bench.measurements.add(id, "/s", result.perSecond);
          bench.measurements.add(`${id} p50`, "µs", result.latency.p50Us);
          bench.measurements.add(`${id} p99`, "µs", result.latency.p99Us);
        }
      }
    }
    await measureAddedLatency(bench, floor, files);
  }
  await floor.stop();
  await Promise.all(Object.values(servers).map((server) => server.stop()));
}

async function writeFiles(bench: Workbench, model: BenchModel): Promise<ModelFiles> {
  const request = inferFrame({ model: model.name, shape: model.shape, form: "raw" });
  return {
    model,
    file: await bench.put(`${model.name}.onnx`, model.make()),
    request,
    bodyFile: await bench.put(`${model.name}.request`, request),
  };
}

/** The program as shipped and, where it can be switched off, without batching. */
async function startServers(
  bench: Workbench,
  files: readonly ModelFiles[],
): Promise<Record<string, Program>> {
  const servers: Record<string, Program> = { modelport: await bench.startModelport([]) };
  if ("max-batch-size" in settings) {
    servers["modelport, no batching"] = await bench.startModelport(["--max-batch-size", "1"]);
  } else {
    bench.measurements.skip("inference without batching", "this version never joins requests");
  }
  for (const { port } of Object.values(servers)) {
    const client = await ModelClient.open(port);
    await client.ready();
    for (const { model } of files) await client.load(model.name, `${model.name}.onnx`);
    client.close();
  }
  return servers;
}

async function runLoop(bench: Workbench, model: BenchModel, file: string) {
  const seconds = bench.choose({ full: ["0.3", "1"], quick: ["0.1", "0.3"] });
  const args = [file, JSON.stringify(model.shape), ...seconds];
  return (await bench.runLimit("bench/limits/session-loop.ts", args)) as SessionLoopResult;
}

// The MLP's request is 1 KiB, and its run is neither nothing nor everything.
function latencyFiles(files: readonly ModelFiles[]): ModelFiles {
  const found = files.find(({ model }) => model === mlp);
  if (found === undefined) throw new Error("the MLP is not among the models");
  return found;
}

async function startLatencyFloor(
  bench: Workbench,
  port: number,
  files: readonly ModelFiles[],
): Promise<Program> {
  const answerFile = await bench.put("answer", await ask(port, latencyFiles(files).request));
  return startFloor(bench, answerFile, await readSettings(port));
}

/** What the median call takes beyond an HTTP/2 exchange of the same bytes and the model's own run. */
async function measureAddedLatency(
  bench: Workbench,
  floor: Program,
  files: readonly ModelFiles[],
): Promise<void> {
  const { model, request, bodyFile } = latencyFiles(files);
  const { latency } = await bench.load({
    port: floor.port,
    path: inferPath,
    bodyFiles: [bodyFile],
    streams: 1,
    answerBytes: (await ask(floor.port, request)).byteLength,
  });
  const { measurements } = bench;
  const latest = (id: string) => measurements.get(id)?.rounds.at(-1) ?? Number.NaN;
  const exchangeUs = latency.p50Us;
  const runUs = latest(`inference/${model.name}/session.run p50`);
  const totalUs = latest(`inference/${model.name}, 1 in flight/modelport p50`);
  measurements.add(
    "inference/latency, 1 in flight/node:http2 + session.run",
    "µs",
    exchangeUs + runUs,
  );
  measurements.add("inference/latency, 1 in flight/modelport", "µs", totalUs);
  measurements.add("inference/latency, 1 in flight/added", "µs", totalUs - exchangeUs - runUs);
}
