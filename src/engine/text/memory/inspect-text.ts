import { statSync } from "node:fs";
import { join } from "node:path";
import type { InspectionOptions, ModelInspection } from "../../contract/model-format.ts";
import type { RunTable } from "../../contract/run-table.ts";
import { type OnnxStructure, scanOnnxBytes } from "../../onnx/graph/scan-file.ts";
import { footprintOf, runBytesOf } from "../../onnx/memory/footprint.ts";
import { readChosenFolder } from "../folder/chosen-folder.ts";
import type { TextFolder } from "../folder/text-folder.ts";
import { buildTextGraph } from "../graph/build-text-graph.ts";
import { bytesPerToken, itemInput, joinedTextBytes, runTokens } from "../items/run-terms.ts";

/** What a tokenizer takes for each byte of its file, in JavaScript's heap, once it is in use. Measured: 5.8 for the 0.5 MB
 *  of MiniLM, 1.6 and 2.2 for 7 and 16 MB, which are written with blanks and escapes. */
const tokenizerFactors = { start: 8, rest: 2.5 } as const;
const startBytes = 2 * 1024 * 1024;
/** Its code, in the first host that needs it. */
const tokenizerBytes = 3 * 1024 * 1024;
const maskedRows = "texts of a run are padded and masked, as its libraries do";

/** The part that it usually takes. */
const usualShare = 0.5;

/** More rows than any run has. */
const mostRows = 2 ** 20;
/** Sizes of requests, in bytes, for which runs are followed. The memory of a run is an estimate, since bytes are not
 *  tokens: it is corrected by what runs have taken. */
const requestBytes = [joinedTextBytes, 6 * 1024, 24 * 1024, 96 * 1024];

interface ReadModel {
  readonly folder: TextFolder;
  readonly structure: OnnxStructure;
}

/** As `ModelFormat.inspect`. */
export async function inspectTextFolder(
  path: string,
  options: InspectionOptions = {},
): Promise<ModelInspection> {
  const { folder, structure } = readModel(path, options);
  const { facts, tokenizer, files, weights } = folder;
  const footprint = footprintOf(structure, {
    mapped: options.choices?.isMapped ? "all" : "unpacked",
    runs: largestRuns(facts.maxTokens),
    rows: sampleRows,
    isBuilt: weights.kind === "safetensors",
  });
  const ofTokenizer = tokenizerMemory(statSync(tokenizer.tokenizer).size);
  const { idleBytes, usualBytes, loadedBytes, loadingBytes, usualRun, rowProof } = footprint;
  // The numbers of a token classifier do not leave its host: there is nothing that could be compared.
  const isPromised = !rowProof.isProven && facts.task !== "token-classification";
  return {
    ...footprint,
    idleBytes,
    usualBytes: usualBytes + usualShare * ofTokenizer,
    loadedBytes: loadedBytes + ofTokenizer,
    loadingBytes: loadingBytes + ofTokenizer,
    // A few rows of one token are the least that can run.
    warmupRows: sampleRows,
    // No run counts as usual: what one takes follows from its texts.
    usualRun: { ...usualRun, rows: 0 },
    ...(isPromised && { rowProof: { ...rowProof, promise: maskedRows } }),
    weightFiles: files,
    text: facts,
  };
}

function tokenizerMemory(fileBytes: number): number {
  const start = Math.min(fileBytes, startBytes);
  const { start: first, rest } = tokenizerFactors;
  return tokenizerBytes + first * start + rest * (fileBytes - start);
}

/** Rows of the runs that a load ends with. */
const sampleRows = 16;

/** As `EngineFormat.tabulateRuns`: by the bytes of a request. A host cuts what it gets into runs that are no larger than
 *  the longest text, or than `runTokens`. */
export async function tabulateTextFolder(
  path: string,
  options: InspectionOptions = {},
): Promise<RunTable | undefined> {
  const { folder, structure } = readModel(path, options);
  const { graph } = structure;
  if (graph === undefined) return undefined;
  const { maxTokens } = folder.facts;
  const longest = maxTokens * bytesPerToken;
  const sizes = [...requestBytes.filter((bytes) => bytes < longest), Math.max(longest, 2048)];
  const bytes: number[] = [];
  for (const size of sizes) {
    const tokens = Math.min(maxTokens, Math.ceil(size / bytesPerToken));
    const most = runBytesOf(graph, largestRuns(tokens));
    if (most === undefined) return undefined;
    bytes.push(most, most);
  }
  if (sizes.length === 1) {
    sizes.push((sizes[0] as number) + 1);
    bytes.push(...bytes);
  }
  const axis = { sizes, places: [{ input: itemInput, axis: "bytes" as const }] };
  return { rows: [1, mostRows], rowInputs: [itemInput], axes: [axis], bytes };
}

/** Each of these has as many tokens as a run can have. */
function largestRuns(longest: number): readonly { readonly rows: number; readonly size: number }[] {
  const some = Math.min(16, longest);
  return [
    { rows: Math.max(1, Math.floor(runTokens / longest)), size: longest },
    { rows: Math.ceil(runTokens / some), size: some },
  ];
}

function readModel(path: string, { dataFolder, choices }: InspectionOptions): ReadModel {
  const folder = readChosenFolder(path, dataFolder?.roots, choices);
  const { onnx, dataFolder: base } = buildTextGraph(folder);
  const findDataFile = (location: string) => join(base, location);
  return { folder, structure: scanOnnxBytes(onnx, { name: path, findDataFile }) };
}
