import type { DataFolder, ModelFootprint, ModelInspection } from "../../contract/model-format.ts";
import type { RunTable } from "../../contract/run-table.ts";
import { DataFiles } from "../external/data-files.ts";
import type { OnnxGraph } from "../graph/model-graph.ts";
import { type OnnxStructure, scanOnnxFile } from "../graph/scan-file.ts";
import { proveRows } from "../rows/proof.ts";
import { type DimensionSizes, dimensionKey, followShapes } from "../shapes/walk.ts";
import { type HeldMemory, heldMemory, type MappedWeights } from "./model-memory.ts";
import { type RunMemory, runMemory } from "./run-memory.ts";
import { sampleOf, tabulateRuns } from "./tabulate-runs.ts";

const KiB = 1024;

/** An empty session, including its first runs. Measured: 66 to 74 KiB. */
const sessionBytes = 70 * KiB;
/** One node of a session's graph, without its weights. Measured: 3 KiB. */
const nodeBytes = 3 * KiB;
/** Overhead of a weight that has pages of its own: it fills only a part of the first and the last. */
const partPageBytes = 6 * KiB;
const pageBytes = 4 * KiB;
/** The part of it that the first run takes. */
const idleFrameShare = 0.75;
/** Allowances in the bound: for names and kernels of the model's own, and weights that share pages with
 *  others. */
const boundFactors = { session: 1.1, nodes: 1.5, held: 1.07 } as const;
/** More of it for a model that has run. */
const boundBytes = 64 * KiB;

/** Where shapes are not clear, the runs of a load are expected to take at most this multiple of the file's
 *  weights, its session and the largest value whose shape is clear. */
const plausibleFactor = 4;
/** No machine could meet a claim above this: it counts as not clear. */
const implausibleBytes = 2 ** 40;

/** Rows of the runs that a load ends with: as many as requests are joined into, unless the runs take more
 *  than this or an eighth of the weights, and would then dominate the model. */
const mostRows = 64;
const fewRows = 3;
const cheapRowsBytes = 1024 * KiB;
const cheapRowsShare = 1 / 8;

/** A smaller model is not run before its first request, which takes little more than the load did. */
const coldBytes = 128 * KiB;

/** Above any machine; a hostile file's claims must remain numbers to calculate with. */
const mostBytes = 2 ** 50;

/** As `ModelFormat.tabulateRuns`. */
export async function tabulateOnnxFile(
  file: string,
  dataFolder?: DataFolder,
): Promise<RunTable | undefined> {
  const dataFiles = dataFolder && new DataFiles(file, dataFolder);
  const find = dataFiles && ((location: string) => dataFiles.find(location));
  const { graph } = await scanOnnxFile(file, find);
  return graph && tabulateRuns(graph);
}

/** As `ModelFormat.inspect`. */
export async function inspectOnnxFile(
  file: string,
  dataFolder?: DataFolder,
): Promise<ModelInspection> {
  const dataFiles = dataFolder && new DataFiles(file, dataFolder);
  const find = dataFiles && ((location: string) => dataFiles.find(location));
  const structure = await scanOnnxFile(file, find);
  const moved = dataFiles?.moved;
  const { weightFiles } = structure;
  return {
    ...footprintOf(structure),
    weightFiles,
    ...(weightFiles.length > 0 && { hasDataFiles: true }),
    ...(moved && { dataFiles: moved }),
  };
}

/** A model whose runs are known, and whose weights are mapped from their files. */
export interface KnownUse {
  readonly mapped: Exclude<MappedWeights, "none">;
  /** Its largest runs: of so many rows, with this size of all other variable dimensions. */
  readonly runs: readonly { readonly rows: number; readonly size: number }[];
  /** Rows of the runs that its load ends with. */
  readonly rows: number;
  /** As in `RowProof`: its rows need no proof. */
  readonly isBuilt: boolean;
}

/** `use`: absent for a model of which only the file is known. */
export function footprintOf(structure: OnnxStructure, use?: KnownUse): ModelFootprint {
  const { nodeCount, graph } = structure;
  const { held, single, run, rows } =
    graph === undefined ? unknownRuns(structure.weightBytes) : runsOf(graph, use);
  // Mapped weights are the system's to keep or to drop.
  const isMapped = use !== undefined && graph !== undefined;
  const weightBytes = isMapped ? held.heldBytes : structure.weightBytes;
  const frameBytes = sessionBytes + nodeCount * nodeBytes;
  const peakBytes = Math.max(single.peakBytes, run.peakBytes);
  const isClear = run.isClear && Math.max(held.heldBytes, peakBytes) < implausibleBytes;
  const largestBytes = run.isClear ? 0 : Math.min(run.largestClearBytes, implausibleBytes);
  const mostlyBytes = isClear
    ? mostBytes
    : plausibleFactor * (weightBytes + frameBytes + largestBytes);
  const heldBytes = Math.min(held.heldBytes, mostlyBytes);
  const runBytes = Math.min(peakBytes, mostlyBytes);
  const isCold = isClear && heldBytes + runBytes < coldBytes;
  const bound =
    boundFactors.held * (heldBytes + held.leftBehindBytes) +
    boundFactors.session * sessionBytes +
    boundFactors.nodes * nodeCount * nodeBytes +
    (use?.mapped === "all" ? 0 : partPagesOf(graph)) +
    (isCold ? 0 : boundBytes);
  return {
    leastBytes: Math.min(weightBytes + idleFrameShare * frameBytes, mostBytes),
    // What constants are computed into is left out: it follows from shapes, which may be wrong.
    idleBytes: Math.min(
      Math.min(heldBytes, 2 * weightBytes) + idleFrameShare * frameBytes,
      mostBytes,
    ),
    usualBytes: Math.min(Math.ceil(heldBytes + frameBytes + partPagesOf(graph)), mostBytes),
    runBytes: Math.min(Math.ceil(runBytes), mostBytes),
    loadedBytes: Math.min(Math.ceil(bound), mostBytes),
    loadingBytes: Math.min(
      Math.ceil(Math.max(weightBytes, heldBytes) + held.leftBehindBytes + structure.copiedBytes),
      mostBytes,
    ),
    isClear,
    warmupRows: isCold ? 0 : rows,
    usualRun: { rows, bytes: isClear ? Math.max(single.peakBytes, run.peakBytes) : undefined },
    rowProof: use?.isBuilt ? { isProven: true, isBuilt: true } : proveRows(graph),
  };
}

function partPagesOf(graph: OnnxGraph | undefined): number {
  let bytes = 0;
  for (const { sizeBytes } of graph?.constants.values() ?? []) {
    if (sizeBytes >= pageBytes) bytes += partPageBytes;
  }
  return bytes;
}

function runsOf(graph: OnnxGraph, use: KnownUse | undefined): WarmUpRuns {
  if (use === undefined) return warmUpRuns(graph);
  const body = followShapes(graph, 1);
  const single = runMemory(body);
  const held = heldMemory(body, use.mapped);
  const runs = use.runs.map(({ rows, size }) =>
    runMemory(followShapes(graph, rows, allOf(graph, size))),
  );
  const run = runs.reduce((a, b) => (b.peakBytes > a.peakBytes || !b.isClear ? b : a), single);
  return { held, single, run, rows: use.rows };
}

/** What the largest of these runs takes, its outputs included; undefined if shapes cannot be followed. */
export function runBytesOf(graph: OnnxGraph, runs: KnownUse["runs"]): number | undefined {
  const bytes = runs.map(({ rows, size }) => sampleOf(graph, rows, allOf(graph, size)));
  return bytes.includes(undefined) ? undefined : Math.max(...(bytes as number[]));
}

/** The same size for all variable dimensions but rows. */
function allOf(graph: OnnxGraph, size: number): DimensionSizes {
  const sizes = new Map<string, number>();
  for (const input of graph.inputs) {
    for (const [axis, dim] of (input.dims ?? []).entries()) {
      if (axis > 0 && typeof dim === "string") sizes.set(dimensionKey(dim, input, axis), size);
    }
  }
  return sizes;
}

interface WarmUpRuns {
  readonly held: HeldMemory;
  /** On one row. */
  readonly single: RunMemory;
  /** On `rows` rows. */
  readonly run: RunMemory;
  readonly rows: number;
}

const unknownRun: RunMemory = {
  peakBytes: 0,
  constantBytes: 0,
  isClear: false,
  largestClearBytes: 0,
};

/** For a graph that is too big to keep. */
function unknownRuns(weightBytes: number): WarmUpRuns {
  // Half-precision becomes FP32.
  const held = { heldBytes: 2 * weightBytes, leftBehindBytes: 0 };
  return { held, single: unknownRun, run: unknownRun, rows: fewRows };
}

function warmUpRuns(graph: OnnxGraph): WarmUpRuns {
  const body = followShapes(graph, 1);
  const held = heldMemory(body);
  const single = runMemory(body);
  const affordableBytes = Math.max(cheapRowsBytes, held.heldBytes * cheapRowsShare);
  const onRows = (rows: number) => runMemory(followShapes(graph, rows));
  const isAffordable = (run: RunMemory) =>
    run.isClear && run.peakBytes - run.constantBytes <= affordableBytes;
  let rows = mostRows;
  let run = onRows(rows);
  if (!run.isClear) rows = 2 * fewRows;
  while (rows > fewRows && !isAffordable(run)) {
    rows = Math.max(fewRows, Math.floor(rows / 2));
    run = onRows(rows);
  }
  return { held, single, run, rows };
}
