import type { Datatype, TensorSpec } from "../base/tensor.ts";

export interface AnnouncedModel {
  readonly id: string;
  readonly sizeBytes: number;
  readonly inputs: readonly TensorSpec[];
  readonly outputs: readonly TensorSpec[];
}

/** What a person at a terminal sees once the local models are loaded: the models, and an example call that
 *  works as it stands. `failures`: one line for each model that did not load. */
export function announce(
  url: string,
  models: readonly AnnouncedModel[],
  failures: readonly string[],
): string {
  const width = Math.max(...models.map(({ id }) => id.length), 0);
  const lines = models.map(
    ({ id, sizeBytes, inputs, outputs }) =>
      `  ${id.padEnd(width)}  ${kibibytes(sizeBytes)}  ${list(inputs)} -> ${list(outputs)}`,
  );
  const simplest = models.toSorted((a, b) => exampleElements(a) - exampleElements(b))[0];
  return [
    "",
    `Modelport serves ${models.length === 1 ? "1 model" : `${models.length} models`} at ${url} over gRPC, gRPC-Web, Connect and REST (see ${url}/v2/docs)`,
    ...lines,
    ...failures.map((failure) => `  not loaded: ${failure}`),
    ...(simplest === undefined ? [] : ["", "Try it:", exampleCall(url, simplest)]),
    "",
    "",
  ].join("\n");
}

function list(specs: readonly TensorSpec[]): string {
  return specs
    .map(({ name, datatype, shape, hasAnyRank }) => {
      return `${name} ${datatype}[${hasAnyRank ? "…" : shape.join(",")}]`;
    })
    .join(", ");
}

function kibibytes(bytes: number): string {
  return `${Math.ceil(bytes / 1024)} KiB`.padStart(10);
}

/** One element for each dimension that may be chosen. */
function exampleShape(spec: TensorSpec): number[] {
  return spec.shape.map((dimension) => (dimension === -1 ? 1 : dimension));
}

function countElements(spec: TensorSpec): number {
  return exampleShape(spec).reduce((product, dimension) => product * dimension, 1);
}

/** What a person would have to read of an example call and its answer. */
function exampleElements({ inputs, outputs }: AnnouncedModel): number {
  const specs = [...inputs.filter(isNeeded), ...outputs];
  return specs.reduce((sum, spec) => sum + countElements(spec), 0);
}

function isNeeded({ isOptional }: TensorSpec): boolean {
  return !isOptional;
}

function exampleCall(url: string, { id, inputs }: AnnouncedModel): string {
  const body = {
    modelName: id,
    inputs: inputs.filter(isNeeded).map((spec) => ({
      name: spec.name,
      datatype: spec.datatype,
      shape: exampleShape(spec),
      contents: exampleContents(spec),
    })),
  };
  const json = JSON.stringify(body).replaceAll("'", "'\\''");
  return [
    `  curl ${url}/inference.GRPCInferenceService/ModelInfer \\`,
    "    -H 'Content-Type: application/json' \\",
    `    -d '${json}'`,
  ].join("\n");
}

/** Zeros ("text" for BYTES: text models refuse empty ones) in the Connect JSON field that holds the datatype. */
function exampleContents(spec: TensorSpec): Record<string, unknown[]> {
  const count = countElements(spec);
  const of = (field: string, value: unknown) => ({
    [field]: Array.from({ length: count }, () => value),
  });
  const field: Record<Datatype, () => Record<string, unknown[]>> = {
    BOOL: () => of("boolContents", false),
    INT8: () => of("intContents", 0),
    INT16: () => of("intContents", 0),
    INT32: () => of("intContents", 0),
    INT64: () => of("int64Contents", "0"),
    UINT8: () => of("uintContents", 0),
    UINT16: () => of("uintContents", 0),
    UINT32: () => of("uintContents", 0),
    UINT64: () => of("uint64Contents", "0"),
    FP16: () => ({}),
    BF16: () => ({}),
    FP32: () => of("fp32Contents", 0),
    FP64: () => of("fp64Contents", 0),
    BYTES: () => of("bytesContents", "dGV4dA=="),
  };
  return field[spec.datatype]();
}
