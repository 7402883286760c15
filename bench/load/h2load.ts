import { spawn } from "node:child_process";
import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { bindTo } from "../cores.ts";
import type { LoadPlan } from "./load.ts";
import { type LoadResult, resultOf } from "./load-result.ts";

/** Receive windows of 2^20 bytes, for a stream and the connection: those of gRPC clients in Java. */
const windowBits = "20";
/** With fewer responses, the time between the first and the last says little. */
const minAnswers = 10;

/** Runs h2load twice, since its own warm-up would mix into the bytes that it counts. */
export async function runH2load(plan: LoadPlan): Promise<LoadResult> {
  await h2load(plan, plan.warmUpSeconds, []);
  const log = join(plan.folder, `h2load-${plan.port}.log`);
  try {
    const summary = readSummary(await h2load(plan, plan.seconds, [`--log-file=${log}`]));
    checkSummary(summary, plan.answerBytes);
    const { latenciesUs, perSecond } = readLog(await readFile(log, "latin1"));
    return resultOf(latenciesUs, perSecond ?? summary.perSecond);
  } finally {
    await rm(log, { force: true });
  }
}

export interface H2loadSummary {
  readonly perSecond: number;
  readonly succeeded: number;
  readonly unsuccessful: number;
  readonly dataBytes: number;
}

/** Parses h2load's summary. Throws if its format is unexpected. */
export function readSummary(output: string): H2loadSummary {
  const read = (pattern: RegExp) => {
    const found = pattern.exec(output)?.[1];
    if (found === undefined) throw new Error(`h2load printed nothing like ${pattern}: ${output}`);
    return Number(found);
  };
  return {
    perSecond: read(/^finished in .*?, ([\d.]+) req\/s/m),
    succeeded: read(/^requests: .* (\d+) succeeded/m),
    unsuccessful:
      read(/^requests: .* (\d+) failed/m) +
      read(/^requests: .* (\d+) errored/m) +
      read(/^requests: .* (\d+) timeout/m),
    dataBytes: read(/^traffic: .* \((\d+)\) data/m),
  };
}

/** A gRPC error has HTTP status 200 and, in our servers, no data: bytes that are missing are errors. */
export function checkSummary(summary: H2loadSummary, answerBytes: number): void {
  const { succeeded, unsuccessful, dataBytes } = summary;
  if (unsuccessful > 0) throw new Error(`${unsuccessful} calls failed beside ${succeeded}`);
  if (dataBytes < succeeded * answerBytes) {
    throw new Error(`${succeeded} answers of ${answerBytes} bytes had only ${dataBytes} together`);
  }
}

/** Reads a line per response: when the request began, its status, and how long the response took, in
 *  microseconds. The rate is that from the first response to the last, undefined if there are too few: h2load
 *  sends all streams' bodies in parallel, so with large ones no call completes for a tenth of a second,
 *  whichever server it is. */
export function readLog(log: string): {
  readonly latenciesUs: readonly number[];
  readonly perSecond: number | undefined;
} {
  const latenciesUs: number[] = [];
  let firstUs = Number.POSITIVE_INFINITY;
  let lastUs = 0;
  for (const line of log.split("\n")) {
    if (line === "") continue;
    const [beganUs = "", , tookUs = ""] = line.split("\t");
    const endUs = Number(beganUs) + Number(tookUs);
    latenciesUs.push(Number(tookUs));
    firstUs = Math.min(firstUs, endUs);
    lastUs = Math.max(lastUs, endUs);
  }
  const isKnown = latenciesUs.length >= minAnswers && lastUs > firstUs;
  const perSecond = isKnown ? ((latenciesUs.length - 1) / (lastUs - firstUs)) * 1e6 : undefined;
  return { latenciesUs, perSecond };
}

async function h2load(plan: LoadPlan, seconds: number, more: readonly string[]): Promise<string> {
  const [command = "", ...args] = bindTo(plan.cores, [
    "h2load",
    ...["--clients=1", "--threads=1", `--max-concurrent-streams=${plan.streams}`],
    ...[`--duration=${Math.round(seconds * 1000)}ms`, `--data=${plan.bodyFiles[0]}`],
    ...[`--window-bits=${windowBits}`, `--connection-window-bits=${windowBits}`],
    ...["--header=content-type: application/grpc", "--header=te: trailers"],
    ...Object.entries(plan.metadata ?? {}).map(([name, value]) => `--header=${name}: ${value}`),
    ...more,
    `http://127.0.0.1:${plan.port}${plan.path}`,
  ]);
  const child = spawn(command, args, { stdio: ["ignore", "pipe", "pipe"] });
  const [output, complaints, code] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    new Promise<number | null>((resolve, reject) =>
      child.once("error", reject).once("close", resolve),
    ),
  ]);
  if (code !== 0) throw new Error(`h2load ended with ${code}: ${complaints}${output}`);
  return output;
}
