import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Datatype } from "../../src/base/tensor.ts";
import type { ZooTensor } from "./zoo-tensor.ts";

/** A value as make/reference.py describes it: a tensor by its place in the file of tensors; sequences and
 *  missing values have none. */
export interface ManifestValue {
  readonly name: string;
  /** ONNX Runtime's name, such as "tensor(float)" or "seq(map(int64,tensor(float)))". */
  readonly type: string;
  readonly shape?: readonly number[];
  readonly offset?: number;
  readonly bytes?: number;
  /** Of maps: `shape` has a row for each map, and a column for each key. */
  readonly keys?: readonly (number | string)[];
  readonly items?: readonly ManifestValue[];
  readonly missing?: boolean;
}

interface ManifestRun {
  readonly inputs: readonly ManifestValue[];
  readonly outputs: readonly ManifestValue[];
  /** Whether the runtime's own answers differ from run to run. */
  readonly random: boolean;
}

interface ManifestCase {
  readonly kind: string;
  readonly name: string;
  readonly group: string;
  /** Below the folder of the zoo. */
  readonly model: string;
  readonly tensors?: string;
  readonly runs?: readonly ManifestRun[];
  /** Why the runtime itself does not answer. */
  readonly refusal?: { readonly at: string; readonly reason: string };
  /** What was changed for both sides: "lowered" to a released version of ONNX, or the "locale". */
  readonly changed?: string;
}

export interface Manifest {
  readonly kind: string;
  readonly versions: Readonly<Record<string, string>>;
  /** What could not be made, one line each. */
  readonly skipped: readonly string[];
  readonly cases: readonly ManifestCase[];
}

/** Inputs, and the answer of the runtime itself to them. */
export interface ZooRun {
  readonly inputs: readonly ZooTensor[];
  readonly outputs: readonly ZooTensor[];
  readonly random: boolean;
}

/** What the table says of a model. */
export interface ZooFacts {
  readonly kind: string;
  readonly name: string;
  readonly group: string;
  readonly changed?: string | undefined;
}

/** One model. `model` is its path below the folder of the zoo. */
export interface ZooCase extends ZooFacts {
  readonly model: string;
  readonly runs: readonly ZooRun[];
  /** Why there are no runs: the runtime itself refuses the model, or it has values without a form in the
   *  protocol. */
  readonly refusal?: string;
  readonly formless?: string;
}

const datatypes: Readonly<Record<string, Datatype>> = {
  "tensor(bool)": "BOOL",
  "tensor(int8)": "INT8",
  "tensor(int16)": "INT16",
  "tensor(int32)": "INT32",
  "tensor(int64)": "INT64",
  "tensor(uint8)": "UINT8",
  "tensor(uint16)": "UINT16",
  "tensor(uint32)": "UINT32",
  "tensor(uint64)": "UINT64",
  "tensor(float16)": "FP16",
  "tensor(bfloat16)": "BF16",
  "tensor(float)": "FP32",
  "tensor(double)": "FP64",
  "tensor(string)": "BYTES",
  // The protocol has no names for these: bits of floats, and one small integer in each byte.
  "tensor(float8e4m3fn)": "UINT8",
  "tensor(float8e4m3fnuz)": "UINT8",
  "tensor(float8e5m2)": "UINT8",
  "tensor(float8e5m2fnuz)": "UINT8",
  "tensor(float8e8m0)": "UINT8",
  "tensor(uint4)": "UINT8",
  "tensor(int4)": "INT8",
  "tensor(uint2)": "UINT8",
  "tensor(int2)": "INT8",
};

/** The codes of NaN, of floats whose bits travel as integers. */
const nanCodes: Readonly<Record<string, readonly number[]>> = {
  "tensor(float8e4m3fn)": [0x7f, 0xff],
  "tensor(float8e4m3fnuz)": [0x80],
  "tensor(float8e5m2)": [0x7d, 0x7e, 0x7f, 0xfd, 0xfe, 0xff],
  "tensor(float8e5m2fnuz)": [0x80],
  "tensor(float8e8m0)": [0xff],
};

export async function readManifest(work: string, kind: string): Promise<Manifest> {
  return JSON.parse(await readFile(join(work, kind, "manifest.json"), "utf8")) as Manifest;
}

/** The case with its tensors, in the protocol's terms. */
export async function readCase(work: string, entry: ManifestCase): Promise<ZooCase> {
  const { kind, name, group, model, changed, runs, refusal, tensors } = entry;
  const facts = { kind, name, group, model, changed, runs: [] };
  if (refusal !== undefined || runs === undefined || tensors === undefined) {
    return { ...facts, refusal: refusal?.reason ?? "it was not run" };
  }
  const file = new Uint8Array(await readFile(join(work, tensors)));
  const values = runs.flatMap((run) => [...run.inputs, ...run.outputs.flatMap(itemsOf)]);
  const formless = values.find((value) => datatypeOf(value) === undefined);
  if (formless !== undefined) return { ...facts, formless: formless.type };
  return {
    ...facts,
    runs: runs.map(({ inputs, outputs, random }) => ({
      inputs: inputs.map((value) => toTensor(value, file)),
      outputs: outputs.flatMap(itemsOf).map((value) => toTensor(value, file)),
      random,
    })),
  };
}

/** A list is served as one output for each of its items. */
function itemsOf(value: ManifestValue): readonly ManifestValue[] {
  return value.items?.map((item, at) => ({ ...item, name: `${value.name}_${at}` })) ?? [value];
}

function datatypeOf({ type, keys, offset }: ManifestValue): Datatype | undefined {
  if (offset === undefined) return undefined;
  // What ZipMap makes of probabilities: the tensor is what we serve.
  if (keys !== undefined) return "FP32";
  return datatypes[/^optional\((.*)\)$/.exec(type)?.[1] ?? type];
}

function toTensor(value: ManifestValue, file: Uint8Array): ZooTensor {
  const datatype = datatypeOf(value);
  if (datatype === undefined) throw new Error(`${value.type} has no form in the protocol`);
  const { name, shape = [], offset = 0, bytes = 0 } = value;
  const tensor = { name, datatype, shape, data: file.slice(offset, offset + bytes) };
  const nan = nanCodes[value.type];
  return nan === undefined ? tensor : { ...tensor, nanCodes: nan };
}
