// The limit of text models: a loop around ONNX Runtime in one process on one thread, which runs the very batches that an
// engine host makes of the same texts when all of them wait. Arguments: the model's folder, a JSON file with a list of
// texts, and seconds to measure.
import { readFileSync } from "node:fs";
import { InferenceSession, Tensor } from "onnxruntime-node";
import { readTextFolder } from "../../src/engine/text/folder/text-folder.ts";
import { buildTextGraph } from "../../src/engine/text/graph/build-text-graph.ts";
import { cutRuns } from "../../src/engine/text/session/cut-runs.ts";
import { padRun } from "../../src/engine/text/session/pad-run.ts";
import { openTokenizer } from "../../src/engine/text/tokens/open-tokenizer.ts";
import { quantile } from "../measurements.ts";

/** What the process prints, as JSON. */
export interface TextLoopResult {
  readonly textsPerSecond: number;
  /** Of all texts, special tokens included. */
  readonly tokens: number;
  /** Time of all texts, median. */
  readonly p50Us: number;
}

/** As in a host. */
const budgetTokens = 256;

const [path = "", textsFile = "", seconds] = process.argv.slice(2);
const texts = JSON.parse(readFileSync(textsFile, "utf8")) as string[];
const folder = readTextFolder(path);
const { doLowerCase, family } = folder;
const tokenizer = openTokenizer(folder.tokenizer, { doLowerCase, family });
const graph = buildTextGraph(folder);
const session = await InferenceSession.create(graph.onnx, {
  intraOpNumThreads: 1,
  extra: { session: { model_external_initializers_file_folder_path: graph.dataFolder } },
});

const rows = texts.map((text) => {
  const encoded = tokenizer.encode({ text }, { truncate: "error", addSpecial: true });
  if ("fault" in encoded) throw new Error(`a text has ${encoded.fault.tokens} tokens`);
  return { ids: encoded.ids, types: encoded.types, promptTokens: 0 };
});
const runs = cutRuns(
  rows.map(({ ids }) => ids.length),
  budgetTokens,
);
const feeds = runs.map((run) => {
  const inRun = run.flatMap((row) => rows[row] ?? []);
  const tensors = padRun(inRun, graph.inputs, tokenizer.padId).map(({ name, data, shape }) => {
    const { buffer, byteOffset, byteLength } = data;
    const values = new BigInt64Array(buffer as ArrayBuffer, byteOffset, byteLength / 8);
    return [name, new Tensor("int64", values, shape)] as const;
  });
  return Object.fromEntries(tensors);
});

await runAll();
const timesUs: number[] = [];
const startMs = performance.now();
while (performance.now() - startMs < Number(seconds) * 1000) {
  const beganMs = performance.now();
  await runAll();
  timesUs.push((performance.now() - beganMs) * 1000);
}
const totalUs = timesUs.reduce((sum, timeUs) => sum + timeUs, 0);
const result: TextLoopResult = {
  textsPerSecond: ((texts.length * timesUs.length) / totalUs) * 1e6,
  tokens: rows.reduce((sum, { ids }) => sum + ids.length, 0),
  p50Us: quantile(timesUs, 0.5),
};
process.stdout.write(JSON.stringify(result));

async function runAll(): Promise<void> {
  for (const feed of feeds) await session.run(feed, [graph.output]);
}
