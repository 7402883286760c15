import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Tensor } from "../../../src/base/tensor.ts";
import { openModel } from "../onnx/run-model.ts";
import { elementsOf } from "./run-translated.ts";

const folder = join(import.meta.dirname, "../../fixtures/trees/sklearn");

/** A tensor as make_sklearn.py writes it: floats as base64 of doubles, anything else as a list. */
interface WrittenTensor {
  readonly type: "double" | "float" | "int64" | "bool" | "string";
  readonly shape: readonly number[];
  readonly data: string | readonly (number | boolean | string)[];
}

export interface GoldenModel {
  /** Class and parameters, where they are random. */
  readonly about?: string;
  readonly inputs: Readonly<Record<string, WrittenTensor>>;
  readonly outputs: Readonly<Record<string, WrittenTensor>>;
}

export interface GoldenModels {
  /** Of scikit-learn. */
  readonly version: string;
  readonly models: Readonly<Record<string, GoldenModel>>;
}

/** Minor versions of scikit-learn that have golden files. */
export function goldenVersions(): string[] {
  return readdirSync(folder).sort();
}

export function readGolden(minor: string): GoldenModels {
  return readGoldenFolder(join(folder, minor));
}

/** What make_sklearn.py or random_sklearn.py wrote into a folder, files of models aside. */
export function readGoldenFolder(path: string): GoldenModels {
  return JSON.parse(readFileSync(join(path, "expected.json"), "utf8"));
}

export function readGoldenFile(minor: string, name: string): Buffer {
  return readFileSync(join(folder, minor, name));
}

export function expectedValues({ data }: WrittenTensor): readonly unknown[] {
  if (typeof data !== "string") return data;
  const bytes = new Uint8Array(Buffer.from(data, "base64"));
  return [...new Float64Array(bytes.buffer)];
}

/** Shape and elements by output. */
export type Answers = ReadonlyMap<
  string,
  { readonly shape: readonly number[]; readonly datatype: string; readonly values: unknown[] }
>;

/** What the model answers to the golden inputs, `batch` rows at a time. */
export function answersOf(onnx: Uint8Array, inputs: GoldenModel["inputs"], batch: number): Answers {
  const model = openModel(onnx);
  const rows = Object.values(inputs)[0]?.shape[0] ?? 0;
  const answers = new Map<string, { shape: number[]; datatype: string; values: unknown[] }>();
  try {
    for (let start = 0; start < rows; start += batch) {
      const end = Math.min(start + batch, rows);
      const tensors = Object.entries(inputs).map(([name, input]) =>
        rowsOf(name, input, [start, end]),
      );
      for (const output of model.run(tensors)) {
        const { shape, datatype } = output;
        const all = answers.get(output.name) ?? {
          shape: [0, ...shape.slice(1)],
          datatype,
          values: [],
        };
        all.shape[0] = (all.shape[0] ?? 0) + (shape[0] ?? 0);
        for (const element of elementsOf(output)) all.values.push(element);
        answers.set(output.name, all);
      }
    }
  } finally {
    model.release();
  }
  return answers;
}

/** Numbers of any type as doubles, which is what models of scikit-learn take. */
function rowsOf(
  name: string,
  written: WrittenTensor,
  [start, end]: readonly [number, number],
): Tensor {
  const width = written.shape.slice(1).reduce((product, size) => product * size, 1);
  const values = expectedValues(written).slice(start * width, end * width);
  const shape = [end - start, ...written.shape.slice(1)];
  if (written.type === "string") return { name, datatype: "BYTES", shape, data: textBytes(values) };
  return {
    name,
    datatype: "FP64",
    shape,
    data: new Uint8Array(Float64Array.from(values, Number).buffer),
  };
}

function textBytes(texts: readonly unknown[]): Uint8Array {
  const parts = texts.map((text) => {
    const bytes = Buffer.from(String(text));
    const length = Buffer.alloc(4);
    length.writeUInt32LE(bytes.length);
    return Buffer.concat([length, bytes]);
  });
  return new Uint8Array(Buffer.concat(parts));
}
