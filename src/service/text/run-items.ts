import { Cancellation, type CancelSignal } from "../../base/cancel-signal.ts";
import { RuntimeError } from "../../base/errors.ts";
import type { InferenceTimes } from "../../base/inference-times.ts";
import type { Tensor } from "../../base/tensor.ts";
import { packItems } from "../../engine/text/items/pack-items.ts";
import { bytesPerToken, reportOutput } from "../../engine/text/items/run-terms.ts";
import type { TextItem } from "../../engine/text/items/text-item.ts";
import { type RowReport, readReports } from "../../engine/text/items/text-report.ts";
import { splitItems } from "./split-items.ts";
import { faultOf, type RowName } from "./text-errors.ts";
import type { TextTarget } from "./text-target.ts";

/** How many pieces of one call are under way at once: one runs, and the next is there when it ends. More would only
 *  let other callers wait. */
const piecesAtOnce = 2;

/** What came of one row. */
export interface RowResult {
  /** The row of the output of numbers; empty if none was asked for. */
  readonly values: Float32Array;
  readonly report: RowReport;
}

export interface RowsToRun {
  readonly items: readonly TextItem[];
  /** The engine's output of numbers; undefined: only the reports. */
  readonly output: "embedding" | "logits" | undefined;
  readonly nameOf: RowName;
  readonly times?: InferenceTimes | undefined;
}

/** Runs the rows, in pieces, and returns what came of each, in order. Rejects at the first row that the model could
 *  not take, as the engine does, and with the reason of `signal`. */
export async function runItems(
  target: TextTarget,
  rows: RowsToRun,
  signal: CancelSignal,
): Promise<readonly RowResult[]> {
  const { items } = rows;
  const results = new Array<RowResult>(items.length);
  const pieces = items.length === 1 ? [[0]] : splitItems(items.map(sizeOf));
  if (pieces.length === 1) {
    await runPiece(target, rows, { piece: pieces[0] as number[], results, signal });
    return results;
  }
  // Ends the pieces that are under way when one of them fails.
  const ending = new Cancellation();
  const end = () => ending.abort(signal.reason);
  if (signal.aborted) end();
  else signal.addEventListener("abort", end, { once: true });
  const waiting = pieces.values();
  const work = async () => {
    for (const piece of waiting) {
      ending.throwIfAborted();
      // Filled in by one run only.
      const own = piece === pieces[0] ? rows : { ...rows, times: undefined };
      await runPiece(target, own, { piece, results, signal: ending });
    }
  };
  const workers = Array.from({ length: Math.min(piecesAtOnce, pieces.length) }, () =>
    work().catch((reason: unknown) => {
      ending.abort(reason);
    }),
  );
  await Promise.all(workers);
  signal.removeEventListener("abort", end);
  ending.throwIfAborted();
  return results;
}

async function runPiece(
  target: TextTarget,
  { items, output, nameOf, times }: RowsToRun,
  {
    piece,
    results,
    signal,
  }: {
    readonly piece: readonly number[];
    readonly results: RowResult[];
    readonly signal: CancelSignal;
  },
): Promise<void> {
  const packed = packItems(piece.map((index) => items[index] as TextItem));
  const outputs = output === undefined ? [] : [output];
  const tensors = await target.run(packed, {
    rows: piece.length,
    outputs: [...outputs, reportOutput],
    signal,
    times,
  });
  const reports = readReports((tensors.at(-1) as Tensor).data);
  const values = output === undefined ? undefined : floatsOf(tensors[0] as Tensor);
  if (reports.length !== piece.length) throw new Error("a report for each row was expected");
  const width = values === undefined ? 0 : values.length / piece.length;
  let worst: RuntimeError | undefined;
  let worstIndex = Number.POSITIVE_INFINITY;
  for (const [row, index] of piece.entries()) {
    const report = reports[row] as (typeof reports)[number];
    if (report.fault !== undefined) {
      if (index < worstIndex) worst = faultOf(report, { index, nameOf, label: target.label });
      worstIndex = Math.min(worstIndex, index);
      continue;
    }
    const own = values?.subarray(row * width, (row + 1) * width) ?? new Float32Array(0);
    results[index] = { values: own, report };
  }
  if (worst !== undefined) throw worst;
}

function floatsOf({ name, datatype, data }: Tensor): Float32Array {
  if (datatype !== "FP32") {
    throw new RuntimeError("run-failed", `output '${name}' is ${datatype}, expected FP32`);
  }
  const { buffer, byteOffset, byteLength } = data.byteOffset % 4 === 0 ? data : data.slice();
  return new Float32Array(buffer as ArrayBuffer, byteOffset, byteLength / 4);
}

function sizeOf({ text = "", pair = "", prompt = "", ids }: TextItem): number {
  // An id counts as much as the text that it stands for.
  if (ids !== undefined) return ids.length * bytesPerToken;
  return Buffer.byteLength(text) + Buffer.byteLength(pair) + Buffer.byteLength(prompt);
}
