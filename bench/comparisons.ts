import type { AreaName } from "./options.ts";
import { textComparisons } from "./text/text-comparisons.ts";

/** One line of the table: a measurement beside the limit or peer that it is judged by. */
export interface Comparison {
  readonly area: AreaName;
  readonly title: string;
  /** Id of what is compared. */
  readonly of: string;
  /** Id of what it is divided by; without one the value stands for itself. */
  readonly against?: string;
  /** What is promised of the ratio, or of the value where there is no ratio. */
  readonly target?: Target;
}

export type Target =
  | { readonly atLeast: number }
  | { readonly atMost: number }
  /** At least the lower one of a number and of a share of another measurement. */
  | { readonly atLeast: number; readonly orShare: number; readonly ofId: string };

const floor = "node:http2";

export const comparisons: readonly Comparison[] = [
  rpc("1 KiB, 64 streams", floor, { atLeast: 0.8 }),
  rpc("1 KiB, 64 streams", "grpc-js", { atLeast: 1.4 }),
  rpc("1 KiB, 64 streams", "connect-fastify", { atLeast: 6 }),
  rpc("1 KiB, 64 streams", "node:http2, its defaults"),
  rpc("1 KiB, 8 streams", floor),
  rpc("1 KiB, 8 streams", "grpc-js"),
  rpc("1 KiB, 8 streams", "connect-fastify"),
  ...["600 KiB, 8 streams", "600 KiB, 64 streams"].flatMap((load) => [
    rpc(load, floor, { atLeast: 0.7 }),
    rpc(load, "grpc-js", { atLeast: 2 }),
    rpc(load, "connect-fastify"),
    rpc(load, "node:http2, its defaults"),
  ]),
  rpc("600 KiB typed, 8 streams", "connect-fastify", { atLeast: 5 }),
  rpc("600 KiB typed, 8 streams", "grpc-js"),
  rpc("600 KiB typed, 8 streams", floor),

  payloadLog("dead sink", { atLeast: 0.98 }),
  payloadLog("one call in 100"),
  payloadLog("every call"),

  inference("conv", 64, "modelport", { atLeast: 0.95 }),
  inference("MLP", 64, "modelport", { atLeast: 1.5 }),
  {
    area: "inference",
    title: "tiny model, 64 in flight: inferences",
    of: "inference/tiny, 64 in flight/modelport",
    target: { atLeast: 15_000, orShare: 0.8, ofId: `rpc/1 KiB, 64 streams/${floor}` },
  },
  inference("tiny", 64, "modelport"),
  ...["conv", "MLP", "tiny"].map((model) => inference(model, 64, "modelport, no batching")),
  ...["conv", "MLP", "tiny"].map((model) => inference(model, 1, "modelport")),
  {
    area: "inference",
    title: "1 KiB, 1 in flight: latency beyond node:http2 and session.run, p50",
    of: "inference/latency, 1 in flight/added",
    target: { atMost: 150 },
  },
  {
    area: "inference",
    title: "1 KiB, 1 in flight: latency, p50",
    of: "inference/latency, 1 in flight/modelport",
    against: "inference/latency, 1 in flight/node:http2 + session.run",
  },

  ...["tiny", "1 MB", "400 MB"].flatMap((size): Comparison[] => [
    {
      area: "lifecycle",
      title: `loads, ${size}`,
      of: `lifecycle/loads, ${size}/modelport`,
      against: `lifecycle/loads, ${size}/session.create`,
    },
    {
      area: "lifecycle",
      title: `unloads, ${size}`,
      of: `lifecycle/unloads, ${size}/modelport`,
      against: `lifecycle/unloads, ${size}/session.release`,
    },
  ]),
  {
    area: "lifecycle",
    title: "cancel of a 400 MB load until its memory is free, p99",
    of: "lifecycle/cancel of 400 MB to memory free/p99",
    target: { atMost: 100 },
  },
  {
    area: "lifecycle",
    title: "cancel of a 400 MB load until its memory is free, p50",
    of: "lifecycle/cancel of 400 MB to memory free/p50",
  },
  {
    area: "lifecycle",
    title: "memory after 1,000 cycles of 1 MB",
    of: "lifecycle/memory, after 1,000 cycles",
    against: "lifecycle/memory, after 1 cycle",
    target: { atMost: 1.05 },
  },
  {
    area: "lifecycle",
    title: "memory after 2,000 cycles of 1 MB",
    of: "lifecycle/memory, after 2,000 cycles",
    against: "lifecycle/memory, after 1,000 cycles",
  },

  {
    area: "scaling",
    title: "10,000 tiny models: loads",
    of: "scaling/10000 models/loads",
    target: { atLeast: 1000 },
  },
  {
    area: "scaling",
    title: "10,000 tiny models: memory of each, whole process tree",
    of: "scaling/10000 models/memory of each",
    target: { atMost: 200 },
  },
  {
    area: "scaling",
    title: "10,000 tiny models: held in 1 GiB",
    of: "scaling/10000 models/held in 1 GiB",
  },
  ...["modelReady", "modelInfer"].flatMap((method): Comparison[] => [
    {
      area: "scaling",
      title: `${method} among 1,000 models`,
      of: `scaling/1000 models/${method}`,
      against: `scaling/10 models/${method}`,
    },
    {
      area: "scaling",
      title: `${method} among 10,000 models`,
      of: `scaling/10000 models/${method}`,
      against: `scaling/10 models/${method}`,
      // Flat, except for effects of the machine's caches and of the measurement itself.
      ...(method === "modelReady" ? { target: { atLeast: 0.9 } } : {}),
    },
  ]),
  ...[1, 4, 16, 64, 256, 1000].map((streams) => scaling(`${streams} streams`)),
  ...["1 KiB", "16 KiB", "256 KiB", "1 MiB", "4 MiB", "16 MiB"].map((size) =>
    scaling(`payload of ${size}`),
  ),

  ...["MLServer", "Caikit"].flatMap((peer) =>
    ["MLP", "conv"].flatMap((model) =>
      [64, 1].map(
        (inFlight): Comparison => ({
          area: "peers",
          title: `${model}, ${inFlight} in flight: inferences`,
          of: `peers/${model}, ${inFlight} in flight/modelport`,
          against: `peers/${model}, ${inFlight} in flight/${peer}`,
        }),
      ),
    ),
  ),

  ...["XGBoost", "LightGBM"].flatMap((library) =>
    ["MLServer", "KServe"].flatMap((peer): Comparison[] => [
      trees(`${library}, single rows, 64 in flight`, peer, { atLeast: 8 }),
      latencyOfTrees(`${library}, single rows, 1 in flight`, peer),
      trees(`${library}, 4,096 rows, 1 in flight`, peer, { atLeast: 1 }),
    ]),
  ),
  {
    area: "trees",
    title: "1,000 models of 100 trees: loads with translation",
    of: "trees/many/loads with translation",
    target: { atLeast: 20 },
  },
  {
    area: "trees",
    title: "1,000 models of 100 trees: loads from the cache",
    of: "trees/many/loads from the cache",
    target: { atLeast: 300 },
  },
  {
    area: "trees",
    title: "1,000 models of 100 trees: memory of each, by what its splits need",
    of: "trees/many/memory by splits",
    target: { atMost: 1.3 },
  },
  {
    area: "trees",
    title: "memory of one model among many (50 in MLServer)",
    of: "trees/many/memory of each",
    against: "trees/many/memory of each in MLServer",
  },
  {
    area: "trees",
    title:
      "52 MB of XGBoost: the server's event loop late at most, while it is translated and loaded",
    of: "trees/load of 52 MB/loop late",
    target: { atMost: 20 },
  },
  {
    area: "trees",
    title: "cancel of a load of 52 MB until its memory is free, p99",
    of: "trees/cancel of 52 MB to memory free/p99",
    target: { atMost: 100 },
  },
  ...textComparisons,
];

function trees(load: string, peer: string, target: Target): Comparison {
  return {
    area: "trees",
    title: `${load}: calls`,
    of: `trees/${load}/modelport`,
    against: `trees/${load}/${peer}`,
    target,
  };
}

function latencyOfTrees(load: string, peer: string): Comparison {
  return {
    area: "trees",
    title: `${load}: latency, p50`,
    of: `trees/${load}/modelport p50`,
    against: `trees/${load}/${peer} p50`,
    target: { atMost: 0.5 },
  };
}

function rpc(load: string, against: string, target?: Target): Comparison {
  return {
    area: "rpc",
    title: `${load}: calls`,
    of: `rpc/${load}/modelport`,
    against: `rpc/${load}/${against}`,
    ...(target === undefined ? {} : { target }),
  };
}

function inference(model: string, inFlight: number, server: string, target?: Target): Comparison {
  const what = server === "modelport" ? "" : server.replace("modelport", "");
  return {
    area: "inference",
    title: `${model}${what}, ${inFlight} in flight: inferences`,
    of: `inference/${model}, ${inFlight} in flight/${server}`,
    against: `inference/${model}/session.run`,
    ...(target === undefined ? {} : { target }),
  };
}

function scaling(what: string): Comparison {
  return {
    area: "scaling",
    title: `${what}: calls`,
    of: `scaling/${what}/modelport`,
    against: `scaling/${what}/${floor}`,
  };
}

/** Medians of whole rounds: each has all servers, a few seconds apart. */
function payloadLog(sink: string, target?: Target): Comparison {
  return {
    area: "payload-log",
    title: `MLP, 64 in flight, ${sink}`,
    of: `payload-log/${sink}`,
    against: "payload-log/off",
    ...(target && { target }),
  };
}
