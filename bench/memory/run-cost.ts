// `node bench/memory/run-cost.ts [rounds]`: the cost of running without an arena. Compares the CPU time of
// runs at the sizes of the warm-up, with ONNX Runtime's arena in hosts as they were, and without it in hosts
// whose allocator keeps memory until they are idle. The two take turns, in separate processes; prints the
// medians as Markdown.

import { fork } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { binding } from "onnxruntime-node/dist/binding.js";
import { hostKeeping, libraryEnvironment } from "../../src/engine/hosts/environment.ts";
import { inspectOnnxFile } from "../../src/engine/onnx/memory/footprint.ts";
import { OrtValue } from "../../src/engine/onnx/types/ort-value.ts";
import { quantile } from "../measurements.ts";
import { denseKinds } from "./dense.ts";
import { imageKinds } from "./images.ts";
import type { MemoryKind } from "./kind.ts";
import { otherKinds } from "./others.ts";
import { sequenceKinds } from "./sequences.ts";

const runMs = 400;
const nodeFlags = ["--max-semi-space-size=1", "--v8-pool-size=1", "--single-threaded"];
const before = { MALLOC_TRIM_THRESHOLD_: "131072", MALLOC_ARENA_MAX: "1" };

const [role = "", file = "", rows = "", arena = ""] = process.argv.slice(2);
if (role === "run")
  process.send?.(cpuMsOfRun({ file, rows: Number(rows), isArena: arena === "arena" }));
else await compare(Number(role || 5));

async function compare(rounds: number): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), "modelport-run-cost-"));
  try {
    const lines = [
      "| Model | Rows | Arena | Now | Now / arena |",
      "| --- | --: | --: | --: | --: |",
    ];
    for (const kind of [...denseKinds, ...imageKinds, ...sequenceKinds, ...otherKinds]) {
      lines.push(...(await linesOf(kind, { directory, rounds })));
      process.stderr.write(`${lines.at(-1)}\n`);
    }
    process.stdout.write(`${lines.join("\n")}\n`);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

async function linesOf(
  kind: MemoryKind,
  { directory, rounds }: { readonly directory: string; readonly rounds: number },
): Promise<string[]> {
  const file = await kind.write(directory);
  const { warmupRows } = await inspectOnnxFile(file);
  const lines: string[] = [];
  for (const rows of new Set([1, Math.max(1, warmupRows)])) {
    const times: { arena: number[]; now: number[] } = { arena: [], now: [] };
    for (let round = 0; round < rounds; round++) {
      times.arena.push(await measureIn(before, [file, String(rows), "arena"]));
      times.now.push(
        await measureIn(libraryEnvironment(hostKeeping(0)), [file, String(rows), "now"]),
      );
    }
    const [arenaMs, nowMs] = [quantile(times.arena, 0.5), quantile(times.now, 0.5)];
    const ratio = (nowMs / arenaMs).toFixed(2);
    lines.push(
      `| ${kind.name} | ${rows} | ${arenaMs.toFixed(3)} ms | ${nowMs.toFixed(3)} ms | ${ratio} |`,
    );
  }
  return lines;
}

function measureIn(
  env: Readonly<Record<string, string>>,
  args: readonly string[],
): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = fork(import.meta.filename, ["run", ...args], { env, execArgv: nodeFlags });
    child.once("message", (cpuMs) => resolve(Number(cpuMs)));
    child.once("exit", (code) => reject(new Error(`a run ended with ${code}`)));
  });
}

function cpuMsOfRun(what: {
  readonly file: string;
  readonly rows: number;
  readonly isArena: boolean;
}) {
  binding.initOrtOnce(4, OrtValue as unknown as Parameters<typeof binding.initOrtOnce>[1], true);
  const session = new binding.InferenceSession();
  session.loadModel(what.file, {
    intraOpNumThreads: 1,
    interOpNumThreads: 1,
    logSeverityLevel: 4,
    enableCpuMemArena: what.isArena,
    enableMemPattern: false,
  });
  const feeds: Record<string, OrtValue> = {};
  for (const { name, shape, type } of session.inputMetadata) {
    const dims = shape.map((size, axis) => (size >= 0 ? size : axis === 0 ? what.rows : 16));
    const count = dims.reduce((all, size) => all * size, 1);
    feeds[name] = zerosOf(type, count, dims);
  }
  const fetches = Object.fromEntries(session.outputMetadata.map(({ name }) => [name, null]));
  const run = () => session.run(feeds as unknown as Parameters<typeof session.run>[0], fetches, {});
  for (let count = 0; count < 3; count++) run();
  const start = process.cpuUsage();
  const endMs = performance.now() + runMs;
  let runs = 0;
  for (; performance.now() < endMs; runs++) run();
  const { user, system } = process.cpuUsage(start);
  return (user + system) / 1_000 / runs;
}

/** Zeros. `type`: number of TensorProto.DataType. */
function zerosOf(type: number, count: number, dims: readonly number[]): OrtValue {
  if (type === 7) return new OrtValue("int64", new BigInt64Array(count), dims);
  if (type === 11) return new OrtValue("float64", new Float64Array(count), dims);
  if (type === 10) return new OrtValue("float16", new Uint16Array(count), dims);
  return new OrtValue("float32", new Float32Array(count), dims);
}
