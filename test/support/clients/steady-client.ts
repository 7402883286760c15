// A worker thread: a well-behaved gRPC client, one call after the other over one connection, as the SteadyOrder
// in `workerData` says. Posts "ready" when it is connected; at any message it stops and posts how its calls went.
import http2 from "node:http2";
import { setTimeout as sleep } from "node:timers/promises";
import { parentPort, workerData } from "node:worker_threads";
import { grpcFrame } from "./raw-http.ts";

export interface SteadyOrder {
  readonly port: number;
  readonly path: string;
  /** The request, as a message. All answers have to be like the first. */
  readonly message: Uint8Array;
}

/** How the calls of a steady client went. */
export interface SteadyResult {
  /** Of every call that was answered OK, sorted. */
  readonly latenciesMs: readonly number[];
  /** What went wrong with each of the others. */
  readonly failures: readonly string[];
}

const pauseMs = 10;
/** Catches hangs only. */
const callTimeoutMs = 120_000;

const { port, path, message } = workerData as SteadyOrder;
const session = http2.connect(`http://127.0.0.1:${port}`);
session.on("error", () => {});
let firstAnswer: Buffer | undefined;

/** "0", or what was wrong. */
function call(): Promise<string> {
  return new Promise((resolve) => {
    const stream = session.request({
      ":method": "POST",
      ":path": path,
      "content-type": "application/grpc",
      te: "trailers",
    });
    stream.setTimeout(callTimeoutMs, () => stream.close());
    let status = "no trailers";
    stream.on("trailers", (trailers) => {
      status = String(trailers["grpc-status"]);
    });
    stream.on("error", (error) => {
      status = error.message;
    });
    const chunks: Buffer[] = [];
    stream.on("data", (chunk: Buffer) => chunks.push(chunk));
    stream.on("close", () => {
      const answer = Buffer.concat(chunks);
      if (status === "0") firstAnswer ??= answer;
      resolve(status !== "0" || firstAnswer?.equals(answer) ? status : "another answer");
    });
    stream.end(grpcFrame(message));
  });
}

const latenciesMs: number[] = [];
const failures: string[] = [];
let isStopped = false;
parentPort?.once("message", () => {
  isStopped = true;
});
await call(); // Connects.
parentPort?.postMessage("ready");
while (!isStopped && failures.length < 10) {
  const sentMs = performance.now();
  const status = await call();
  if (status === "0") latenciesMs.push(performance.now() - sentMs);
  else failures.push(status);
  await sleep(pauseMs);
}
session.destroy();
latenciesMs.sort((a, b) => a - b);
parentPort?.postMessage({ latenciesMs, failures } satisfies SteadyResult);
