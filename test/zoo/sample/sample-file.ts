import { join } from "node:path";
import { gunzipSync, gzipSync } from "node:zlib";
import type { Datatype } from "../../../src/base/tensor.ts";
import type { ZooRun } from "../zoo-case.ts";
import type { ZooTensor } from "../zoo-tensor.ts";

export const samplePath: string = join(import.meta.dirname, "cases.json.gz");

/** A model of the sample: everything that its test needs. */
export interface SampleCase {
  readonly kind: string;
  readonly name: string;
  readonly model: Uint8Array;
  readonly runs: readonly ZooRun[];
}

/** As it stands in the file, bytes in base64. */
interface StoredTensor {
  readonly name: string;
  readonly datatype: Datatype;
  readonly shape: readonly number[];
  readonly data: string;
}

interface StoredCase {
  readonly kind: string;
  readonly name: string;
  readonly model: string;
  readonly runs: readonly {
    readonly inputs: readonly StoredTensor[];
    readonly outputs: readonly StoredTensor[];
  }[];
}

/** JSON with a line for each case, compressed: `zcat cases.json.gz` shows it. */
export function encodeSample(cases: readonly SampleCase[]): Buffer {
  const lines = cases.map(({ kind, name, model, runs }) => {
    const stored: StoredCase = {
      kind,
      name,
      model: toBase64(model),
      runs: runs.map(({ inputs, outputs }) => {
        return { inputs: inputs.map(storeTensor), outputs: outputs.map(storeTensor) };
      }),
    };
    return JSON.stringify(stored);
  });
  return gzipSync(`[\n${lines.join(",\n")}\n]\n`, { level: 9 });
}

export function decodeSample(file: Uint8Array): SampleCase[] {
  const stored = JSON.parse(gunzipSync(file).toString()) as StoredCase[];
  return stored.map(({ kind, name, model, runs }) => ({
    kind,
    name,
    model: Buffer.from(model, "base64"),
    runs: runs.map(({ inputs, outputs }) => {
      return { inputs: inputs.map(readTensor), outputs: outputs.map(readTensor), random: false };
    }),
  }));
}

function storeTensor({ data, ...facts }: ZooTensor): StoredTensor {
  return { ...facts, data: toBase64(data) };
}

function readTensor({ data, ...facts }: StoredTensor): ZooTensor {
  return { ...facts, data: new Uint8Array(Buffer.from(data, "base64")) };
}

function toBase64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("base64");
}
