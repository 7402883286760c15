// `node bench/watchers.ts [watchers] [models] [seconds]`: what watchers cost the real program, by gRPC-Web over
// a connection each, as browsers watch. docs/watch.md quotes it.

import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import http from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { GRPCInferenceService } from "../gen/inference/inference_pb.ts";
import { ModelRuntime } from "../gen/mmesh/model-runtime_pb.ts";
import { RuntimeWatchService } from "../gen/modelport/v1/runtime_watch_pb.ts";
import { addOne } from "../test/support/models/simple-models.ts";
import { cpuMsOf, privateBytesOf } from "../test/support/processes/process-tree.ts";
import { type Served, startServed } from "../test/support/servers/served.ts";
import { quantile } from "./measurements.ts";

const watcherCount = Number(process.argv[2] ?? 500);
const modelCount = Number(process.argv[3] ?? 200);
const seconds = Number(process.argv[4] ?? 10);

interface Watchers {
  /** Bytes that all of them have received so far. */
  readonly bytes: () => number;
  close(): void;
}

/** As many streams as are wanted, which are read and not understood: this process shares the cores. */
async function openWatchers(port: number, count: number): Promise<Watchers> {
  const agent = new http.Agent();
  const path = `/${RuntimeWatchService.typeName}/Watch`;
  const headers = { "content-type": "application/grpc-web+proto" };
  let bytes = 0;
  const opened: http.ClientRequest[] = [];
  for (let at = 0; at < count; at++) {
    const request = http.request({ port, host: "127.0.0.1", path, method: "POST", agent, headers });
    request.end(Buffer.alloc(5));
    request.on("error", () => {}); // It is destroyed at the end.
    const [response] = (await once(request, "response")) as [http.IncomingMessage];
    response.on("error", () => {});
    response.on("data", (chunk: Buffer) => {
      bytes += chunk.length;
    });
    opened.push(request);
  }
  return {
    bytes: () => bytes,
    close: () => {
      for (const request of opened) request.destroy();
      agent.destroy();
    },
  };
}

const root = await mkdtemp(join(tmpdir(), "modelport-watchers-"));
let served: Served | undefined;
try {
  await writeFile(join(root, "one.onnx"), addOne());
  // As `npm run serve` does.
  const nodeFlags = ["--max-semi-space-size=4"];
  served = await startServed(["--root-model-dir", root], { nodeFlags });
  await measure(served);
} finally {
  await served?.stop();
  await rm(root, { recursive: true, force: true });
}

async function measure({ port, pid }: Served): Promise<void> {
  const transport = createGrpcTransport({ baseUrl: `http://127.0.0.1:${port}` });
  const runtime = createClient(ModelRuntime, transport);
  const inference = createClient(GRPCInferenceService, transport);
  const load = (modelId: string) =>
    runtime.loadModel({ modelId, modelPath: "one.onnx", modelType: "mt:onnx" });
  for (let at = 0; at < modelCount; at++) await load(`model-${at}`);

  const infer = (modelName: string) =>
    inference.modelInfer({
      modelName,
      inputs: [
        {
          name: "x",
          datatype: "FP32",
          shape: [1n, 4n],
          contents: { fp32Contents: [1, 2, 3, 4] },
        },
      ],
    });
  /** Ten loads or unloads and fifty inferences a second, over all models. */
  const work = async (untilMs: number) => {
    for (let step = 0; performance.now() < untilMs; step++) {
      const calls = Array.from({ length: 5 }, (_, at) =>
        infer(`model-${(step * 5 + at) % modelCount}`),
      );
      if (step % 2 === 0) await load("comes-and-goes");
      else await runtime.unloadModel({ modelId: "comes-and-goes" });
      await Promise.all(calls);
      await sleep(100);
    }
  };
  const rest = (untilMs: number) => sleep(untilMs - performance.now());

  /** CPU of the server's process while `during` goes on, in percent of one core. */
  const cpuPercent = async (during: (untilMs: number) => Promise<void>) => {
    const startMs = performance.now();
    const before = await cpuMsOf(pid);
    await during(startMs + seconds * 1_000);
    return ((await cpuMsOf(pid)) - before) / ((performance.now() - startMs) / 100);
  };

  process.stdout.write(`${modelCount} models, ${seconds} s each, server's own process\n`);
  process.stdout.write("watchers        CPU at rest   CPU at work   MiB a second   private MiB\n");
  for (const count of [0, 1, watcherCount]) {
    const watchers = await openWatchers(port, count);
    await sleep(1_500);
    const atRest = await cpuPercent(rest);
    const before = watchers.bytes();
    const atWork = await cpuPercent(work);
    const mibPerSecond = (watchers.bytes() - before) / seconds / 1024 ** 2;
    const privateMib = (await privateBytesOf(pid)) / 1024 ** 2;
    const row = [`${atRest.toFixed(1)} %`, `${atWork.toFixed(1)} %`, mibPerSecond.toFixed(2)];
    process.stdout.write(
      `${String(count).padEnd(12)}${[...row, privateMib.toFixed(0)].map((cell) => cell.padStart(14)).join("")}\n`,
    );
    watchers.close();
  }
  const latencies = await loadLatencies();
  const [p50Ms, p99Ms] = [quantile(latencies, 0.5), quantile(latencies, 0.99)];
  process.stdout.write(
    `from a load's answer to the change at a watcher among ${watcherCount}: ` +
      `p50 ${p50Ms.toFixed(0)} ms, p99 ${p99Ms.toFixed(0)} ms\n`,
  );

  async function loadLatencies(): Promise<number[]> {
    const watchers = await openWatchers(port, watcherCount - 1);
    const cancel = new AbortController();
    const seen = new Map<string, number>();
    const reading = (async () => {
      const stream = createClient(RuntimeWatchService, transport).watch(
        {},
        { signal: cancel.signal },
      );
      for await (const { update } of stream) {
        for (const { modelId } of update.value?.events ?? []) seen.set(modelId, performance.now());
      }
    })().catch(() => {});
    const found: number[] = [];
    for (let at = 0; at < 40; at++) {
      const modelId = `late-${at}`;
      await load(modelId);
      const answeredMs = performance.now();
      while (!seen.has(modelId)) await sleep(2);
      found.push(Math.max(0, (seen.get(modelId) ?? 0) - answeredMs));
    }
    cancel.abort();
    await reading;
    watchers.close();
    return found;
  }
}
