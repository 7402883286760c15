import type { ModelFootprint, ModelInspection } from "../engine-catalog.ts";
import { type OnnxStructure, scanOnnxFile } from "./onnx-file.ts";
import { type RunMemory, runMemory } from "./onnx-run-memory.ts";

const KiB = 1024;

/** A session with nothing in it. Measured: 115 KiB, arena and first runs included. */
const sessionBytes = 124 * KiB;
/** One node of a graph in a session, beside its weights. Measured: 3 KiB. */
const nodeBytes = 3 * KiB;
/** Of which the first run takes the rest. */
const idleFrameShare = 0.75;
/** What the bound allows for on top of these, for what models have in names and kernels of their own. */
const boundFactor = 1.25;
/** ONNX Runtime keeps blocks of the sizes that it needed once, and kernels need copies in layouts of their
 *  own: measured up to 1.6 times the values that are there at once. */
const arenaFactor = 2;

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
  const { weightBytes, loadedWeightBytes, largestBytes, nodeCount, graph } = structure;
  const isClear = (run: RunMemory) => run.isClear && !structure.hasSubgraphs;
  const unknown: RunMemory = { constantBytes: 0, peakBytes: 0, isClear: false };
  const runOf = (rows: number) => (graph === undefined ? unknown : runMemory(graph, rows));
  const affordableBytes = Math.max(cheapRowsBytes, loadedWeightBytes * cheapRowsShare);
  let rows = mostRows;
  let run = runOf(rows);
  while (rows > fewRows && (run.peakBytes > affordableBytes || !isClear(run))) {
    rows = Math.max(fewRows, rows / 2);
    run = runOf(rows);
  }
  const frameBytes = sessionBytes + nodeCount * nodeBytes;
  const runBytes = run.constantBytes + run.peakBytes;
  const isCold = isClear(run) && loadedWeightBytes + runBytes < coldBytes;
  return {
    leastBytes: Math.min(weightBytes + idleFrameShare * frameBytes, mostBytes),
    idleBytes: Math.min(loadedWeightBytes + idleFrameShare * frameBytes, mostBytes),
    usualBytes: Math.min(loadedWeightBytes + frameBytes + runBytes, mostBytes),
    // Weights are packed into the kernels' own layout one by one: the largest is there twice for a while.
    loadedBytes: Math.min(
      Math.ceil(
        loadedWeightBytes +
          largestBytes +
          boundFactor * (frameBytes + run.constantBytes) +
          arenaFactor * run.peakBytes,
      ),
      mostBytes,
    ),
    isClear: isClear(run),
    warmupRows: isCold ? 0 : rows,
  };
}
