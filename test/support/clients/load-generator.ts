import { fork } from "node:child_process";
import { once } from "node:events";
import http2 from "node:http2";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import {
  ModelInferRequestSchema,
  ModelInferResponseSchema,
} from "../../../gen/inference/inference_pb.ts";
import { callFramed } from "../attacks/fuzz-http2.ts";
import { grpcFrame } from "./raw-http.ts";

export interface LoadOrder {
  readonly port: number;
  /** Callers that each have one inference in flight, on one connection. */
  readonly callers: number;
  /** Measured, from a second after the first answer or refusal on. */
  readonly seconds: number;
  /** What a caller waits after it was refused. */
  readonly backoffMs: number;
}

export interface LoadResult {
  /** Right answers within the measured time, for each second. */
  readonly goodputPerSecond: number;
  /** Right answers at any time. */
  readonly rightCount: number;
  readonly answered: Latencies;
  readonly refused: Latencies;
  /** Codes and values that are neither; empty if all is well. */
  readonly wrong: readonly string[];
}

export interface Latencies {
  readonly count: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

const warmUpMs = 1000;

/** Runs model "slow" from a process of its own, so that the caller's event loop stays free. Resolves when
 *  every call has ended. */
export async function generateLoad(order: LoadOrder): Promise<LoadResult> {
  const child = fork(fileURLToPath(import.meta.url), ["run"], {
    // Not those of a test process: its reporter would write into the same file.
    execArgv: [],
    stdio: ["ignore", "inherit", "inherit", "ipc"],
  });
  const exited = once(child, "exit");
  const answer = once(child, "message");
  child.send(order);
  const result = await Promise.race([answer, exited.then(() => undefined)]);
  await exited;
  if (result === undefined) throw new Error("the load generator ended without a result");
  return result[0] as LoadResult;
}

export function latenciesOf(unsorted: readonly number[]): Latencies {
  const sorted = Float64Array.from(unsorted).sort();
  const at = (part: number) => sorted[Math.floor((sorted.length - 1) * part)] ?? 0;
  return { count: sorted.length, p50Ms: at(0.5), p99Ms: at(0.99), maxMs: at(1) };
}

const inferPath = "/inference.GRPCInferenceService/ModelInfer";
const resourceExhausted = "8";

/** One round of test model slowLoop. */
const request = grpcFrame(
  toBinary(
    ModelInferRequestSchema,
    create(ModelInferRequestSchema, {
      modelName: "slow",
      inputs: [
        { name: "x", datatype: "FP32", shape: [1n, 4n], contents: { fp32Contents: [1, 2, 3, 4] } },
        { name: "n", datatype: "INT64", shape: [1n], contents: { int64Contents: [1n] } },
      ],
    }),
  ),
);

interface Outcome {
  readonly status: string;
  /** Empty if there is no answer. */
  readonly values: readonly number[];
}

/** A client that costs little: a usual one would take the cores from the server that is measured. */
async function infer(session: http2.ClientHttp2Session): Promise<Outcome> {
  const call = { path: inferPath, contentType: "application/grpc", chunks: [request] };
  const { headers, trailers, body } = await callFramed(session, call);
  const status = String(trailers["grpc-status"] ?? headers["grpc-status"]);
  if (status !== "0") return { status, values: [] };
  const { outputs } = fromBinary(ModelInferResponseSchema, body.subarray(5));
  return { status, values: outputs[0]?.contents?.fp32Contents ?? [] };
}

async function run({ port, callers, seconds, backoffMs }: LoadOrder): Promise<LoadResult> {
  const session = http2.connect(`http://127.0.0.1:${port}`);
  await once(session, "remoteSettings");
  let startMs = Number.POSITIVE_INFINITY;
  let endMs = Number.POSITIVE_INFINITY;
  const answeredMs: number[] = [];
  const refusedMs: number[] = [];
  const wrong: string[] = [];
  let good = 0;
  let rightCount = 0;
  await Promise.all(
    Array.from({ length: callers }, async () => {
      while (performance.now() < endMs) {
        const sentMs = performance.now();
        const { status, values } = await infer(session);
        const nowMs = performance.now();
        if (endMs === Number.POSITIVE_INFINITY) {
          startMs = nowMs + warmUpMs;
          endMs = startMs + seconds * 1000;
        }
        if (status === "0") {
          if (`${values}` !== "1,2,3,4") wrong.push(`${values}`);
          rightCount++;
          if (nowMs >= startMs && nowMs < endMs) good++;
          if (nowMs >= startMs) answeredMs.push(nowMs - sentMs);
        } else if (status === resourceExhausted) {
          refusedMs.push(nowMs - sentMs);
          await sleep(backoffMs * (0.5 + Math.random()));
        } else {
          wrong.push(`grpc-status ${status}`);
        }
      }
    }),
  );
  session.close();
  return {
    goodputPerSecond: good / seconds,
    rightCount,
    answered: latenciesOf(answeredMs),
    refused: latenciesOf(refusedMs),
    wrong: wrong.slice(0, 20),
  };
}

if (process.argv[2] === "run" && process.send !== undefined) {
  const [order] = (await once(process, "message")) as [LoadOrder];
  process.send(await run(order));
  process.disconnect();
}
