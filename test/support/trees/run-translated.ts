import type { Tensor } from "../../../src/base/tensor.ts";
import { openModel } from "../onnx/run-model.ts";

export interface Rows {
  readonly values: Float32Array | Float64Array;
  readonly columns: number;
}

/** Numbers by output, rows one after another. Texts and booleans as they are. */
export type Outputs = ReadonlyMap<string, readonly unknown[]>;

export interface TranslatedModel {
  /** Runs rows in batches of `batch`, all at once if it is left out. */
  run(rows: Rows, batch?: number): Outputs;
  release(): void;
}

/** Opens the ONNX model of a translation in this very process, on one thread. Its only input is named `input`. */
export function openTranslated(onnx: Uint8Array): TranslatedModel {
  const model = openModel(onnx);
  return {
    run: (rows, batch) => runInBatches(rows, { batch, run: (inputs) => model.run(inputs) }),
    release: () => model.release(),
  };
}

function runInBatches(
  { values, columns }: Rows,
  {
    batch,
    run,
  }: { batch: number | undefined; run: (inputs: readonly Tensor[]) => readonly Tensor[] },
): Outputs {
  const rowCount = values.length / columns;
  const outputs = new Map<string, unknown[]>();
  for (let start = 0; start < rowCount; start += batch ?? rowCount) {
    const part = values.subarray(start * columns, (start + (batch ?? rowCount)) * columns);
    const input: Tensor = {
      name: "input",
      datatype: part instanceof Float32Array ? "FP32" : "FP64",
      shape: [part.length / columns, columns],
      data: new Uint8Array(part.buffer, part.byteOffset, part.byteLength),
    };
    for (const output of run([input])) {
      const all = outputs.get(output.name) ?? [];
      for (const element of elementsOf(output)) all.push(element);
      outputs.set(output.name, all);
    }
  }
  return outputs;
}

export function elementsOf({ name, datatype, data, shape }: Tensor): Iterable<unknown> {
  const bytes = data.slice();
  switch (datatype) {
    case "FP32":
      return new Float32Array(bytes.buffer);
    case "FP64":
      return new Float64Array(bytes.buffer);
    case "INT64":
      return Array.from(new BigInt64Array(bytes.buffer), Number);
    case "BOOL":
      return Array.from(bytes, (each) => each !== 0);
    case "BYTES":
      return textsOf(bytes);
    default:
      throw new Error(`output '${name}' ${datatype}[${shape}] is not one of a translated model`);
  }
}

/** A length of four bytes before each text. */
function* textsOf(bytes: Uint8Array): Iterable<string> {
  const view = new DataView(bytes.buffer);
  for (let at = 0; at < bytes.length; ) {
    const length = view.getUint32(at, true);
    yield new TextDecoder().decode(bytes.subarray(at + 4, at + 4 + length));
    at += 4 + length;
  }
}
