// A worker thread: callers of small requests whom nothing that others do may cost an answer, by gRPC over one
// connection and by REST over a new one each time. Posts a ControlReport at "report", since the last one, and stops at
// "stop".
import http2 from "node:http2";
import { setTimeout as sleep } from "node:timers/promises";
import { parentPort, workerData } from "node:worker_threads";
import { outputOf, zeros } from "./messages.ts";
import { callGrpc, callRest, openSession } from "./wire-calls.ts";

export interface ControlReport {
  readonly calls: number;
  readonly worstMs: number;
  /** Of the median call, and of one in a hundred. */
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** What went wrong -> calls. */
  readonly failures: ReadonlyMap<string, number>;
}

const pauseMs = 20;
const port = workerData as number;
let session = openSession(port);
let latenciesMs: number[] = [];
let failures = new Map<string, number>();
let isStopped = false;

const restBody = Buffer.from(
  '{"inputs":[{"name":"x","datatype":"FP32","shape":[1,4],"data":[1,2,3,4]}]}',
);
const message = zeros("add", [1, 4]);
const checkRest = (body: Buffer) =>
  body.includes("[2,3,4,5]") ? undefined : `an answer of ${body.toString().slice(0, 200)}`;

const calls = [
  {
    name: "gRPC",
    call: () => {
      if (session.destroyed || session.closed) session = openSession(port);
      return callGrpc(session, { message, check: outputOf(16) });
    },
  },
  {
    name: "REST",
    call: () => callRest(port, { path: "/v2/models/add/infer", body: restBody, check: checkRest }),
  },
  {
    name: "health",
    call: () => callRest(port, { path: "/v2/health/live", method: "GET" }),
  },
];

parentPort?.on("message", (order: "report" | "stop") => {
  if (order === "stop") {
    isStopped = true;
    session.destroy(undefined, http2.constants.NGHTTP2_NO_ERROR);
    parentPort?.close();
    return;
  }
  latenciesMs.sort((a, b) => a - b);
  const at = (part: number) => latenciesMs[Math.floor((latenciesMs.length - 1) * part)] ?? 0;
  parentPort?.postMessage({
    calls: latenciesMs.length,
    p50Ms: at(0.5),
    p99Ms: at(0.99),
    worstMs: at(1),
    failures,
  } satisfies ControlReport);
  latenciesMs = [];
  failures = new Map();
});

while (!isStopped) {
  for (const { name, call } of calls) {
    const sentMs = performance.now();
    const { code, text = "" } = await call();
    if (isStopped) break;
    latenciesMs.push(performance.now() - sentMs);
    if (code === "answered") continue;
    const failure = `${name}: ${code} ${text}`.trim();
    failures.set(failure, (failures.get(failure) ?? 0) + 1);
  }
  await sleep(pauseMs);
}
