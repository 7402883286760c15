// `npm run bench:memory [-- --write]`: what is said of a model's memory before and after its load, beside
// what the system says. `--write` puts the table into docs/memory.md.

import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { zeroInputs } from "../src/engine/child/warm-up.ts";
import type { Engine, LoadedModel } from "../src/engine/contract/engine.ts";
import { createEngine } from "../src/engine/create-engine.ts";
import { placeOf } from "../test/support/engine-fixture.ts";
import { identity } from "../test/support/onnx-models.ts";
import { privateBytesOf } from "../test/support/process-tree.ts";
import { replaceSection } from "./docs-section.ts";
import { type MemoryModel, memoryModels } from "./memory-models.ts";

const MiB = 1024 * 1024;
const forever = new AbortController().signal;
const runsOfEach = 3;

interface MemoryRow {
  readonly name: string;
  readonly copies: number;
  readonly host: "shared" | "own";
  readonly predictedBytes: number;
  readonly reportedBytes: number;
  readonly trueBytes: number;
}

const directory = await mkdtemp(join(tmpdir(), "modelport-memory-"));
try {
  const rows: MemoryRow[] = [];
  for (const model of memoryModels) rows.push(await measure(model.name, [model]));
  const small = memoryModels.filter(({ copies }) => copies >= 6);
  rows.push(await measure("all of the small ones in one host", small));
  const table = render(rows);
  process.stdout.write(`${table}\n`);
  if (process.argv.includes("--write")) {
    const page = new URL("../docs/memory.md", import.meta.url);
    await writeFile(page, replaceSection(await readFile(page, "utf8"), table));
  }
} finally {
  await rm(directory, { recursive: true, force: true });
}

/** Loads all copies into one engine with one shared host, runs each, and compares. */
async function measure(name: string, models: readonly MemoryModel[]): Promise<MemoryRow> {
  const engine = createEngine({ hosts: 1 });
  try {
    await engine.ready;
    await useOnce(engine);
    const before = await sharedBytes(engine);
    const loaded: LoadedModel[] = [];
    let predictedBytes = 0;
    for (const model of models) {
      const path = await model.write(directory);
      const source = await engine.inspect(await engine.locate(placeOf(path)));
      for (let copy = 0; copy < model.copies; copy++) {
        predictedBytes += source.estimatedBytes;
        loaded.push(await engine.load(source, { signal: forever, isolated: false }));
      }
    }
    for (const model of loaded) for (let run = 0; run < runsOfEach; run++) await runOnce(model);
    const own = engine.hosts().filter(({ kind }) => kind === "dedicated");
    const ownBytes = await Promise.all(own.map(({ pid }) => privateBytesOf(pid)));
    const trueBytes =
      own.length > 0
        ? ownBytes.reduce((sum, bytes) => sum + bytes, 0)
        : (await sharedBytes(engine)) - before;
    const copies = models.length > 1 ? 1 : loaded.length;
    return {
      name,
      copies: loaded.length,
      host: own.length > 0 ? "own" : "shared",
      predictedBytes: predictedBytes / copies,
      reportedBytes: loaded.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0) / copies,
      trueBytes: trueBytes / copies,
    };
  } finally {
    await engine.close();
  }
}

/** What a host takes for its first requests, whatever models they are for: buffers as big as the images of
 *  the convolutions, and compiled code. */
async function useOnce(engine: Engine): Promise<void> {
  const path = join(directory, "identity.onnx");
  await writeFile(path, identity("FP32"));
  const source = await engine.inspect(await engine.locate(placeOf(path)));
  const model = await engine.load(source, { signal: forever, isolated: false });
  const shape = [1, 3 * 224 * 224];
  for (let run = 0; run < 10; run++) {
    const x = {
      name: "x",
      datatype: "FP32",
      shape,
      data: new Uint8Array(4 * 3 * 224 * 224),
    } as const;
    await model.infer({ inputs: [x], outputs: ["y"] }, forever);
  }
  await model.unload();
}

async function runOnce(model: LoadedModel): Promise<void> {
  const inputs = zeroInputs(model.metadata.inputs, 1);
  if (inputs === undefined) throw new Error("inputs of this model cannot be made up");
  const outputs = model.metadata.outputs.map(({ name }) => name);
  await model.infer({ inputs, outputs }, forever);
}

/** Once it has come to rest. */
async function sharedBytes(engine: Engine): Promise<number> {
  await sleep(500);
  const shared = engine.hosts().filter(({ kind }) => kind === "shared");
  const bytes = await Promise.all(shared.map(({ pid }) => privateBytesOf(pid)));
  return bytes.reduce((sum, each) => sum + each, 0);
}

function render(rows: readonly MemoryRow[]): string {
  const head = ["Model", "Loaded", "Host", "Predicted", "Reported", "True", "Reported / true"];
  const cells = rows.map((row) => [
    row.name,
    String(row.copies),
    row.host,
    mib(row.predictedBytes),
    mib(row.reportedBytes),
    mib(row.trueBytes),
    (row.reportedBytes / row.trueBytes).toFixed(2),
  ]);
  const widths = head.map((title, column) =>
    Math.max(title.length, ...cells.map((row) => row[column]?.length ?? 0)),
  );
  const line = (row: readonly string[]) =>
    `| ${row.map((cell, column) => (column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0))).join(" | ")} |`;
  const rule = widths.map((width, column) =>
    column === 0 ? "-".repeat(width) : `${"-".repeat(width - 1)}:`,
  );
  return [line(head), line(rule), ...cells.map(line)].join("\n");
}

function mib(bytes: number): string {
  return `${(bytes / MiB).toFixed(2)} MiB`;
}
