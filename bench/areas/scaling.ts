import {
  ask,
  type EchoServer,
  inferPath,
  readSettings,
  startEcho,
  startFloor,
} from "../echo-servers.ts";
import { inferFrame } from "../messages.ts";
import { tiny } from "../models.ts";
import { withModelport } from "../with-modelport.ts";
import type { Workbench } from "../workbench.ts";
import { measureManyModels } from "./scaling-models.ts";

// How costs grow: with calls in flight, payload size, and loaded models.

const KiB = 1024;

interface Point {
  readonly name: string;
  readonly tensorBytes: number;
  readonly streams: number;
}

const points: readonly Point[] = [
  ...[1, 4, 16, 64, 256, 1000].map((streams) => ({
    name: `${streams} streams`,
    tensorBytes: KiB,
    streams,
  })),
  ...[1, 16, 256, 1024, 4096, 16_384].map((kib) => ({
    name: kib < 1024 ? `payload of ${kib} KiB` : `payload of ${kib / 1024} MiB`,
    tensorBytes: kib * KiB,
    // Eight of the largest would exceed what a connection may hold.
    streams: kib > 4096 ? 4 : 8,
  })),
];

const rounds = { full: 2, quick: 1 };
const echo: EchoServer = "modelport-echo";

export async function measureScaling(bench: Workbench): Promise<void> {
  const modelport = await startEcho(bench, echo);
  const settings = await readSettings(modelport.port);
  for (const { name, tensorBytes, streams } of points) {
    const shape = [1, tensorBytes / Float32Array.BYTES_PER_ELEMENT];
    const request = inferFrame({ model: "echo", shape, form: "raw" });
    const bodyFile = await bench.put("request", request);
    const answer = await ask(modelport.port, request);
    const floor = await startFloor(bench, await bench.put("answer", answer), settings);
    const plan = {
      path: inferPath,
      bodyFiles: [bodyFile],
      streams,
      answerBytes: answer.length,
    } as const;
    // Modelport keeps running for all points; the floor is a new process for each.
    for (const { port } of [floor, ...(name === points[0]?.name ? [modelport] : [])]) {
      await bench.warmUp({ ...plan, port });
    }
    for (let round = 0; round < bench.choose(rounds); round++) {
      for (const [server, { port }] of Object.entries({ "node:http2": floor, modelport })) {
        await bench.measure(`scaling/${name}/${server}`, { ...plan, port });
      }
    }
    await floor.stop();
  }
  await modelport.stop();
  await bench.put("tiny.onnx", tiny.make());
  await withModelport(bench, (program, client) => measureManyModels(bench, program, client));
}
