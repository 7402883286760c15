import { RuntimeError } from "../../base/errors.ts";
import {
  checkTensorBytes,
  type Datatype,
  elementBytes,
  type Tensor,
  type TensorSpec,
} from "../../base/tensor.ts";
import { type OutputNaming, outputNamings, type RunSettings } from "../../config/run-settings.ts";
import type { ModelMetadata, TabularFacts } from "../../engine/contract/engine.ts";
import type { InferenceRequest } from "../contract/models.ts";
import { convertTensor, isConvertible } from "./convert-tensor.ts";
import { gatherColumns, type NamedColumns } from "./gather-columns.ts";

/** An output as clients see it, and as the engine has it. */
interface NamedOutput {
  readonly client: TensorSpec;
  readonly engine: string;
}

/** A request for the engine, and what makes a client's answer of the engine's outputs, which come in its order. */
export interface TabularRequest {
  readonly request: InferenceRequest;
  toClient(outputs: readonly Tensor[]): Tensor[];
}

/** The names of the only input and the only output of servers that have one of each. */
const singleNames: Readonly<
  Record<Exclude<OutputNaming, "mlserver">, { readonly input: string; readonly output: string }>
> = {
  kserve: { input: "input-0", output: "output-0" },
  fil: { input: "input__0", output: "output__0" },
  "fil-proba": { input: "input__0", output: "output__0" },
};

/** A translated model as clients of another server expect it. Those servers ignore the name of an only input, take
 *  any numbers, and answer with outputs of their own names and shapes. */
export class TabularView {
  /** What clients are told. */
  readonly described: ModelMetadata;
  readonly #metadata: ModelMetadata;
  readonly #facts: TabularFacts;
  readonly #naming: OutputNaming;
  readonly #outputs: readonly NamedOutput[];
  /** Undefined unless the only input is a matrix of numbers whose columns have names. */
  readonly #columns: NamedColumns | undefined;
  /** Columns of the file that are no inputs. */
  readonly #unused: ReadonlySet<string>;

  constructor(metadata: ModelMetadata, facts: TabularFacts, naming: OutputNaming) {
    this.#metadata = metadata;
    this.#facts = facts;
    this.#naming = naming;
    this.#outputs = outputsOf(metadata, facts, naming);
    this.#columns = columnsOf(metadata, facts);
    const { features = [] } = facts;
    const names = new Set(metadata.inputs.map(({ name }) => name));
    this.#unused = new Set(features.filter((name) => !names.has(name)));
    this.described = {
      ...metadata,
      inputs: metadata.inputs.map((spec) => this.#describeInput(spec)),
      outputs: this.#outputs.map((output) => withClasses(output, facts)),
    };
  }

  /** The request with the engine's names and datatypes, as far as that is clear: what is left is for the check of the
   *  request to refuse. Throws "invalid-argument" about columns. */
  toEngine(request: InferenceRequest): TabularRequest {
    const inputs = this.#inputs(request.inputs).map((tensor) => this.#fit(tensor));
    // Such servers answer with one output unless more are asked for.
    const wanted =
      request.outputs.length === 0
        ? this.#outputs.slice(0, 1)
        : request.outputs.map((name) => this.#output(name));
    return {
      request: { ...request, inputs, outputs: wanted.map(({ engine }) => engine) },
      toClient: (outputs) => outputs.map((tensor, at) => toClient(tensor, wanted[at]?.client)),
    };
  }

  /** By the names of this view, or those that another server gives. */
  #output(name: string): NamedOutput {
    const views = [
      this.#outputs,
      ...outputNamings.map((naming) => outputsOf(this.#metadata, this.#facts, naming)),
    ];
    for (const outputs of views) {
      const found = outputs.find(({ client }) => client.name === name);
      if (found !== undefined) return found;
    }
    const client = { name, datatype: "FP32" as const, shape: [] };
    return { client, engine: name };
  }

  #describeInput(spec: TensorSpec): TensorSpec {
    const isOnly = this.#metadata.inputs.length === 1;
    const { features } = this.#facts;
    return {
      ...spec,
      ...(isOnly && this.#naming !== "mlserver" && { name: singleNames[this.#naming].input }),
      ...(isOnly &&
        features && { parameters: { ...spec.parameters, features: JSON.stringify(features) } }),
    };
  }

  #inputs(given: readonly Tensor[]): readonly Tensor[] {
    const [spec, ...others] = this.#metadata.inputs;
    const [first, ...further] = given;
    if (others.length > 0) return given.filter(({ name }) => !this.#isUnused(name));
    if (spec === undefined || first === undefined) return given;
    const columns = this.#columns;
    // Data frames come as one input for each column.
    if (columns !== undefined && given.length > 1) {
      const isByColumn = given.some(({ name }) => columns.places.has(name));
      if (isByColumn) return [gatherColumns(given, columns)];
    }
    return further.length === 0 ? [{ ...first, name: spec.name }] : given;
  }

  /** Data frames have all columns that the model was trained with, and it may have dropped some. */
  #isUnused(name: string): boolean {
    return this.#unused.has(name);
  }

  #fit(tensor: Tensor): Tensor {
    const spec = this.#metadata.inputs.find(({ name }) => name === tensor.name);
    if (spec === undefined) return tensor;
    // A column is sent with or without its second dimension.
    const isColumn = spec.shape.length === 2 && spec.shape[1] === 1 && tensor.shape.length === 1;
    const shaped = isColumn ? { ...tensor, shape: [tensor.shape[0] as number, 1] } : tensor;
    if (spec.datatype === tensor.datatype || !isConvertible(tensor.datatype, spec.datatype)) {
      return shaped;
    }
    const what = `input '${tensor.name}'`;
    checkTensorBytes(tensor, what);
    refuseWidening(tensor, spec.datatype, what);
    return convertTensor(shaped, spec.datatype);
  }
}

function toClient(tensor: Tensor, client: TensorSpec | undefined): Tensor {
  if (client === undefined) return tensor;
  const { name, datatype } = client;
  const [rows = 0, ...others] = tensor.shape;
  const isColumn = client.shape.length === 2 && others.length === 0;
  const shaped = { ...tensor, name, shape: isColumn ? [rows, 1] : tensor.shape };
  return datatype !== tensor.datatype && isConvertible(tensor.datatype, datatype)
    ? convertTensor(shaped, datatype)
    : shaped;
}

function outputsOf(
  metadata: ModelMetadata,
  facts: TabularFacts,
  naming: OutputNaming,
): readonly NamedOutput[] {
  return naming === "mlserver" ? allOutputs(metadata) : soleOutput(metadata, facts, naming);
}

function allOutputs({ outputs }: ModelMetadata): readonly NamedOutput[] {
  return outputs.map((spec) => {
    const isList = spec.shape.length === 1;
    return { client: isList ? { ...spec, shape: [...spec.shape, 1] } : spec, engine: spec.name };
  });
}

function soleOutput(
  { outputs }: ModelMetadata,
  { kserveOutput }: TabularFacts,
  naming: Exclude<OutputNaming, "mlserver">,
): readonly NamedOutput[] {
  const wanted = naming === "fil-proba" ? "predict_proba" : kserveOutput;
  const spec = outputs.find(({ name }) => name === wanted) ?? outputs[0];
  if (spec === undefined) return [];
  const { output: name } = singleNames[naming];
  // FIL computes in single precision only.
  const isSingle = naming !== "kserve" && isConvertible(spec.datatype, "FP32");
  const client = { ...spec, name, ...(isSingle && { datatype: "FP32" as const }) };
  return [{ client, engine: spec.name }];
}

function withClasses({ client, engine }: NamedOutput, { classes }: TabularFacts): TensorSpec {
  const isOfClasses = engine === "predict" || engine === "predict_proba";
  if (classes === undefined || !isOfClasses) return client;
  return { ...client, parameters: { ...client.parameters, classes: JSON.stringify(classes) } };
}

function columnsOf({ inputs }: ModelMetadata, facts: TabularFacts): NamedColumns | undefined {
  const { features } = facts;
  const [spec, ...others] = inputs;
  const isMatrix = spec?.datatype === "FP32" || spec?.datatype === "FP64";
  if (features === undefined || !isMatrix || others.length > 0) return undefined;
  const places = new Map(features.map((name, at) => [name, at]));
  return { spec, features, places, mostWidenedBytes };
}

/** What a call may hold is counted as it arrives: its tensors must not become much larger here. */
const mostWidenedBytes = 16 * 1024 * 1024;

function refuseWidening({ data, datatype }: Tensor, to: "FP32" | "FP64", what: string): void {
  const bytes = data.length * (sizeOf(to) / sizeOf(datatype));
  if (bytes <= Math.max(data.length, mostWidenedBytes)) return;
  throw new RuntimeError(
    "invalid-argument",
    `${what} is a large tensor of ${datatype}: send it as ${to}, which the model computes in`,
  );
}

function sizeOf(datatype: Datatype): number {
  return elementBytes[datatype] ?? 1;
}

const views = new WeakMap<ModelMetadata, Map<OutputNaming, TabularView>>();

/** The view of a loaded model. Undefined if the model was not translated: it is served as it is. */
export function tabularView(
  metadata: ModelMetadata,
  { outputNames }: Pick<RunSettings, "outputNames">,
): TabularView | undefined {
  if (metadata.tabular === undefined) return undefined;
  let byNaming = views.get(metadata);
  if (byNaming === undefined) {
    byNaming = new Map();
    views.set(metadata, byNaming);
  }
  let view = byNaming.get(outputNames);
  if (view === undefined) {
    view = new TabularView(metadata, metadata.tabular, outputNames);
    byNaming.set(outputNames, view);
  }
  return view;
}
