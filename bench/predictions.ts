// `node bench/predictions.ts [predictions] [loads at once]`: how long the real program takes for
// predictModelSize beside a load queue that is never empty, and for an empty call, which shows the share of
// the machine and this client. docs/memory.md quotes it.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { GRPCInferenceService } from "../gen/inference/inference_pb.ts";
import { ModelRuntime } from "../gen/mmesh/model-runtime_pb.ts";
import { writeWeightsModel } from "../test/support/models/layered-models.ts";
import { startServed } from "../test/support/servers/served.ts";
import { quantile } from "./measurements.ts";

const predictions = Number(process.argv[2] ?? 5_000);
const loadsAtOnce = Number(process.argv[3] ?? 20);
const MiB = 1024 * 1024;
const files = Array.from({ length: 40 }, (_, at) => `m${at}.onnx`);

const root = await mkdtemp(join(tmpdir(), "modelport-predictions-"));
let served: Awaited<ReturnType<typeof startServed>> | undefined;
try {
  for (const file of files) await writeWeightsModel(join(root, file), MiB);
  served = await startServed(["--root-model-dir", root]);
  const transport = createGrpcTransport({ baseUrl: `http://127.0.0.1:${served.port}` });
  const runtime = createClient(ModelRuntime, transport);
  let isOver = false;
  let loads = 0;
  const keepLoading = async (modelId: string) => {
    while (!isOver) {
      const modelPath = files[loads++ % files.length] ?? "";
      await runtime.loadModel({ modelId, modelPath, modelType: "mt:onnx" });
      await runtime.unloadModel({ modelId });
    }
  };
  const queue = Array.from({ length: loadsAtOnce }, (_, at) => keepLoading(`load-${at}`));
  const inference = createClient(GRPCInferenceService, transport);
  const tookMs: number[] = [];
  const idleMs: number[] = [];
  for (let at = 0; at < predictions; at++) {
    const modelPath = files[at % files.length] ?? "";
    const startMs = performance.now();
    await runtime.predictModelSize({ modelId: "asked", modelPath, modelType: "mt:onnx" });
    tookMs.push(performance.now() - startMs);
    const idleStartMs = performance.now();
    await inference.serverLive({});
    idleMs.push(performance.now() - idleStartMs);
  }
  isOver = true;
  await Promise.all(queue);
  process.stdout.write(`beside ${loads} loads, ${loadsAtOnce} at once:\n`);
  process.stdout.write(`${predictions} predictions   ${figures(tookMs)}\n`);
  process.stdout.write(`as many serverLive ${figures(idleMs)}\n`);
} finally {
  await served?.stop();
  await rm(root, { recursive: true, force: true });
}

function figures(tookMs: readonly number[]): string {
  const of = (share: number) => `${quantile(tookMs, share).toFixed(1)} ms`;
  const late = tookMs.filter((ms) => ms > 50).length;
  return `median ${of(0.5)}, p99 ${of(0.99)}, p99.9 ${of(0.999)}, slowest ${of(1)}, ${late} over 50 ms`;
}
