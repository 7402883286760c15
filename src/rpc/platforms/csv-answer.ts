import { RuntimeError } from "../../base/errors.ts";
import type { Tensor } from "../../base/tensor.ts";
import type { InferenceResult } from "../../service/contract/models.ts";
import { encodeData } from "../rest/json-tensor.ts";
import { mostElements } from "../rest/v1-response.ts";

/** The outputs as CSV, without a header: for each row of the request its values of all outputs, in the order of the
 *  outputs. Throws "invalid-argument" if the outputs do not have the same rows, or if they are too long. */
export function encodeCsv({ outputs }: InferenceResult): Buffer {
  const [rows = 1] = outputs[0]?.shape ?? [];
  if (outputs.some(({ shape }) => (shape[0] ?? 1) !== rows)) {
    invalid("the model's outputs do not have one value for each row: ask for application/json");
  }
  const columns = outputs.map((tensor) => cellsOf(tensor, rows));
  let elements = 0;
  for (const { cells } of columns) elements += cells.length;
  if (elements > mostElements) {
    invalid(`the answer has ${elements} elements, the limit is ${mostElements}: send fewer rows`);
  }
  let text = "";
  for (let row = 0; row < rows; row++) {
    const line = columns.flatMap(({ cells, width }) =>
      cells.slice(row * width, (row + 1) * width).map(written),
    );
    text += `${line.join(",")}\n`;
  }
  return Buffer.from(text);
}

function cellsOf(tensor: Tensor, rows: number) {
  const cells = encodeData(tensor, "text").data;
  return { cells, width: rows === 0 ? 0 : cells.length / rows };
}

function written(cell: unknown): string {
  // As numpy writes them; readers of numbers know these words.
  if (typeof cell === "number" && !Number.isFinite(cell)) {
    if (Number.isNaN(cell)) return "nan";
    return cell > 0 ? "inf" : "-inf";
  }
  if (typeof cell === "string")
    return /[",\r\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell;
  return typeof cell === "number" || typeof cell === "boolean"
    ? String(cell)
    : JSON.stringify(cell);
}

function invalid(message: string): never {
  throw new RuntimeError("invalid-argument", message);
}
