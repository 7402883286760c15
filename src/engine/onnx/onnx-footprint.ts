import type { ModelFootprint, ModelInspection } from "../engine-catalog.ts";
import { arenaBytes } from "./onnx-arena.ts";
import { type OnnxStructure, scanOnnxFile } from "./onnx-file.ts";
import type { OnnxGraph } from "./onnx-graph.ts";
import { type HeldMemory, heldMemory } from "./onnx-held-memory.ts";
import { type RunMemory, runMemory } from "./onnx-run-memory.ts";
import { followShapes } from "./onnx-shape-walk.ts";

const KiB = 1024;

/** A session with nothing in it. Measured: 115 KiB, arena and first runs included. */
const sessionBytes = 124 * KiB;
/** One node of a graph in a session, beside its weights. Measured: 3 KiB. */
const nodeBytes = 3 * KiB;
/** Of which the first run takes the rest. */
const idleFrameShare = 0.75;
/** What the bound allows for: names and kernels of their own, weights that lie in pages with others, and
 *  workspaces that are not known here. */
const boundFactors = { frame: 1.5, held: 1.07, run: 1.3 } as const;
const boundBytes = 192 * KiB;

/** Rows of the runs that a load ends with: as many as requests are joined into, unless they take more than
 *  this or an eighth of the weights, which then would be most of the model. */
const mostRows = 64;
const fewRows = 3;
const cheapRowsBytes = 1024 * KiB;
const cheapRowsShare = 1 / 8;

/** A smaller model is not run before its first request, which takes little more than the load has. */
const coldBytes = 128 * KiB;

/** Above all machines; what hostile files claim must still be a number to count with. */
const mostBytes = 2 ** 50;

/** As `ModelFormat.inspect`. */
export async function inspectOnnxFile(file: string): Promise<ModelInspection> {
  const structure = await scanOnnxFile(file);
  return { ...footprintOf(structure), weightFiles: structure.weightFiles };
}

export function footprintOf(structure: OnnxStructure): ModelFootprint {
  const { weightBytes, nodeCount, graph } = structure;
  const { held, single, run, rows } = graph === undefined ? unknownRuns : warmUpRuns(graph);
  // Half-precision becomes FP32.
  const { heldBytes, leftBehindBytes } = held ?? { heldBytes: 2 * weightBytes, leftBehindBytes: 0 };
  const frameBytes = sessionBytes + nodeCount * nodeBytes;
  // The runs that a load ends with: see `warmUp`.
  const runBytes = arenaBytes([single.steps, run.steps, run.steps]);
  const isCold = run.isClear && heldBytes + runBytes < coldBytes;
  const bound =
    boundFactors.held * (heldBytes + leftBehindBytes) +
    boundFactors.frame * frameBytes +
    boundFactors.run * runBytes +
    boundBytes;
  return {
    leastBytes: Math.min(weightBytes + idleFrameShare * frameBytes, mostBytes),
    // What constants are computed into is left out: it follows from shapes, which may be wrong.
    idleBytes: Math.min(
      Math.min(heldBytes, 2 * weightBytes) + idleFrameShare * frameBytes,
      mostBytes,
    ),
    usualBytes: Math.min(Math.ceil(heldBytes + frameBytes + runBytes), mostBytes),
    loadedBytes: Math.min(Math.ceil(bound), mostBytes),
    isClear: run.isClear,
    warmupRows: isCold ? 0 : rows,
  };
}

interface WarmUpRuns {
  readonly held: HeldMemory | undefined;
  /** On one row. */
  readonly single: RunMemory;
  /** On `rows` rows. */
  readonly run: RunMemory;
  readonly rows: number;
}

const unknownRun: RunMemory = { peakBytes: 0, constantBytes: 0, isClear: false, steps: [] };
const unknownRuns: WarmUpRuns = {
  held: undefined,
  single: unknownRun,
  run: unknownRun,
  rows: fewRows,
};

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
