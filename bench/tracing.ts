// `node bench/tracing.ts [rounds]`: CPU time that a small inference costs its observers, from first to last: metrics
// alone, with tracing of no, some and all calls (all of their spans, sent to a collector that looks at none of them),
// and with the access log. No sockets and no engine, whose share is larger and varies. docs/tracing.md quotes it.

import { once } from "node:events";
import http from "node:http";
import type { AddressInfo } from "node:net";
import { setImmediate as nextTurn } from "node:timers/promises";
import { createLogger } from "../src/observe/log.ts";
import { openTracing } from "../src/observe/tracing.ts";
import { CallLog } from "../src/rpc/observe/call-log.ts";
import { CallMetrics } from "../src/rpc/observe/call-metrics.ts";
import {
  type CallObserver,
  type CallStart,
  combineObservers,
} from "../src/rpc/observe/call-observer.ts";
import { CallTracing } from "../src/rpc/observe/call-tracing.ts";
import { quantile } from "./measurements.ts";

const rounds = Number(process.argv[2] ?? 9);
const callsInRound = 20_000;
/** Between two turns of the event loop, in which spans are sent. */
const callsInTurn = 100;

const call: CallStart = {
  rpc: "inference.GRPCInferenceService/ModelInfer",
  protocol: "grpc",
  header: { get: () => null },
  peer: { kind: "tcp", address: "127.0.0.1", isTls: false },
};

const log = createLogger("info");
const collector = http.createServer((request, response) => {
  request.resume().on("end", () => response.end());
});
collector.listen(0, "127.0.0.1");
await once(collector, "listening");
const { port } = collector.address() as AddressInfo;

async function traced(sampledShare: number): Promise<CallTracing> {
  const tracing = await openTracing(
    {
      serviceName: "bench",
      resourceAttributes: "",
      url: `http://127.0.0.1:${port}/v1/traces`,
      sampler: "traceidratio",
      sampledShare,
      maxQueueSize: 2_048,
      maxBatchSize: 512,
      scheduleDelayMs: 5_000,
      exportTimeoutMs: 30_000,
    },
    log,
  );
  return new CallTracing(tracing);
}

function logged(calls: "off" | "all", tracing?: CallTracing): CallLog {
  return new CallLog({ log, settings: { calls, maxLinesPerSecond: 100 }, tracing });
}

const modes: Readonly<Record<string, CallLog | undefined>> = {
  "metrics alone": undefined,
  "tracing, none sampled": logged("off", await traced(0)),
  "tracing, 1 % sampled": logged("off", await traced(0.01)),
  "tracing, all sampled": logged("off", await traced(1)),
  "access log": logged("all"),
};

async function cpuUsOfCall(observer: CallObserver): Promise<number> {
  const before = process.cpuUsage();
  for (let at = 0; at < callsInRound; at++) {
    observeCall(observer);
    if (at % callsInTurn === 0) await nextTurn();
  }
  const { user, system } = process.cpuUsage(before);
  return (user + system) / callsInRound;
}

function observeCall(observer: CallObserver): void {
  const observed = observer.begin(call);
  observed?.received?.(1_024);
  observed?.decoded?.(0.01);
  observed?.model?.("model");
  const times = observed?.times;
  if (times !== undefined) {
    const nowMs = performance.now();
    Object.assign(times, { queuedAtMs: nowMs, sentAtMs: nowMs, answeredAtMs: nowMs, batchSize: 1 });
  }
  observed?.encoded?.(0.01);
  observed?.sent?.(1_024);
  observed?.end(undefined, 0.1);
}

const figures = new Map<string, number[]>();
// The first two rounds warm up.
for (let round = -2; round < rounds; round++) {
  for (const [mode, callLog] of Object.entries(modes)) {
    const observer = combineObservers([new CallMetrics(), callLog]);
    if (observer === undefined) throw new Error("there are metrics");
    const cpuUs = await cpuUsOfCall(observer);
    if (round >= 0) figures.set(mode, [...(figures.get(mode) ?? []), cpuUs]);
  }
}
for (const [mode, seen] of figures) {
  const [least, median, most] = [0, 0.5, 1].map((share) => quantile(seen, share).toFixed(1));
  process.stdout.write(`${mode.padEnd(24)} ${median} µs (${least} to ${most})\n`);
}
process.exit(0);
