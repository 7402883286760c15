import { ask, inferPath, readSettings, startEcho, startFloor } from "../echo-servers.ts";
import { inferFrame } from "../messages.ts";
import type { Program } from "../program.ts";
import type { Workbench } from "../workbench.ts";

// What an RPC costs: the same calls to Modelport, to the libraries it is built on, and to other servers. All
// of them only echo.

interface Payload {
  readonly name: string;
  readonly elements: number;
  readonly form: "raw" | "typed";
  readonly loads: readonly Load[];
}

interface Load {
  /** Calls in flight. */
  readonly streams: number;
  readonly rounds: number;
  /** How long a turn lasts, if not as long as elsewhere. */
  readonly seconds?: number;
}

// A machine's speed changes from one second to the next. Where calls are small, many short turns contain
// enough of them, and their median is more reliable than that of a few long ones.
const shortTurnSeconds = 0.4;

const payloads: readonly Payload[] = [
  {
    name: "1 KiB",
    elements: 256,
    form: "raw",
    loads: [
      { streams: 64, rounds: 12, seconds: shortTurnSeconds },
      { streams: 8, rounds: 4 },
    ],
  },
  {
    name: "600 KiB",
    elements: 150 * 1024,
    form: "raw",
    loads: [
      { streams: 8, rounds: 4 },
      { streams: 64, rounds: 4 },
    ],
  },
  {
    name: "600 KiB typed",
    elements: 150 * 1024,
    form: "typed",
    loads: [{ streams: 8, rounds: 4 }],
  },
];

export async function measureRpc(bench: Workbench): Promise<void> {
  const echoes = {
    modelport: await startEcho(bench, "modelport-echo"),
    "grpc-js": await startEcho(bench, "grpc-js"),
    "connect-fastify": await startEcho(bench, "connect-fastify"),
  };
  const settings = await readSettings(echoes.modelport.port);
  for (const payload of payloads) {
    const request = inferFrame({
      model: "echo",
      shape: [1, payload.elements],
      form: payload.form,
    });
    const bodyFile = await bench.put("request", request);
    const answerFile = await bench.put("answer", await ask(echoes.modelport.port, request));
    const servers: Record<string, Program> = {
      "node:http2, its defaults": await startFloor(bench, answerFile, undefined),
      "node:http2": await startFloor(bench, answerFile, settings),
      ...echoes,
    };
    const inTurns = Object.entries(servers);
    const most = Math.max(...payload.loads.map(({ streams }) => streams));
    for (const [name, { port }] of inTurns) {
      bench.log(`rpc/${payload.name}/${name} warms up`);
      const answerBytes = (await ask(port, request)).byteLength;
      const bodyFiles = [bodyFile] as const;
      await bench.warmUp({ port, path: inferPath, bodyFiles, streams: most, answerBytes });
    }
    for (const { streams, rounds, ...time } of payload.loads) {
      for (let round = 0; round < bench.choose({ full: rounds, quick: 1 }); round++) {
        for (const [name, { port }] of inTurns) {
          const answerBytes = (await ask(port, request)).byteLength;
          const bodyFiles = [bodyFile] as const;
          const plan = { port, path: inferPath, bodyFiles, streams, answerBytes, ...time };
          await bench.measure(`rpc/${payload.name}, ${streams} streams/${name}`, plan);
        }
        // So that no server always follows the same other one.
        inTurns.reverse();
      }
    }
    await servers["node:http2"]?.stop();
    await servers["node:http2, its defaults"]?.stop();
  }
  await Promise.all(Object.values(echoes).map((server) => server.stop()));
}
