import { RuntimeError } from "../../base/errors.ts";
import { elementCount, type Tensor, type TensorSpec } from "../../base/tensor.ts";
import { requestParameters } from "../codec/request-parameters.ts";
import { decodeBase64 } from "./base64.ts";
import { parseJson } from "./json.ts";
import { decodeData } from "./json-tensor.ts";
import type { RestInference } from "./request.ts";
import { isBase64, isRow, type Row, withRowsOfFrames } from "./v1-frames.ts";

/** What must be known of a model to read a V1 request, whose JSON has no datatypes. Plain data: it passes between
 *  threads. */
export interface V1Model {
  readonly id: string;
  readonly version: string;
  readonly inputs: readonly TensorSpec[];
  /** Columns of the table that it was trained on, if they have names: those of its only input, or its inputs and others
   *  that it does not use. */
  readonly columns: readonly string[] | undefined;
  /** Whether a row that lacks a column has a missing value there. Otherwise it is refused. */
  readonly fillsColumns: boolean;
  /** The outputs to ask for; all if empty. */
  readonly outputs: readonly string[];
}

/** Of lists within lists. Tensors have fewer dimensions. */
const mostLevels = 32;

/** A request of KServe's V1 protocol, which is TensorFlow Serving's: `instances` has one value for each row, `inputs` one
 *  for each input. A row is a value of the model's only input, an object of values by the names of inputs or columns, or
 *  a list of one value for each input. Models with columns also take data frames. Throws
 *  "invalid-argument" with the place that does not fit. */
export function decodeV1Inference(body: Uint8Array, model: V1Model): RestInference {
  return readV1Inference(parseJson(body, "the request", { bareNumbers: true }), model);
}

/** As `decodeV1Inference`, of a request whose JSON was read. */
export function readV1Inference(request: unknown, model: V1Model): RestInference {
  if (!isRow(request)) invalid("the request must be a JSON object");
  const { instances, inputs } = request;
  if (instances !== undefined && inputs !== undefined) {
    invalid("the request has 'instances' and 'inputs': send one of them");
  }
  const tensors =
    instances === undefined && isRow(inputs)
      ? readColumns(inputs, model)
      : readRows(instances ?? inputs, model);
  const sent = request["parameters"] ?? {};
  if (!isRow(sent)) invalid("'parameters' must be a JSON object");
  const parameters = requestParameters(Object.entries(sent));
  return {
    inference: {
      version: model.version,
      inputs: tensors,
      outputs: model.outputs,
      ...(parameters && { parameters }),
    },
    id: undefined,
    timeoutUs: undefined,
    forms: { byName: new Map(), others: { binary: false, bytesForm: "text" } },
    wire: instances === undefined ? "v1-columns" : "v1",
  };
}

function readRows(instances: unknown, model: V1Model): Tensor[] {
  if (!Array.isArray(instances)) {
    return invalid("the request must have 'instances', a list of one value for each row");
  }
  const rows = model.columns === undefined ? instances : withRowsOfFrames(instances);
  const [spec, ...others] = model.inputs;
  if (spec === undefined) invalid(`model '${model.id}' has no inputs`);
  const byName = rows.length > 0 && isRow(rows[0]) && !isBase64(rows[0]);
  if (others.length === 0) {
    const { columns } = model;
    if (!byName) return [readTensor(rows, spec, model)];
    const names = new Set(columns ?? [spec.name]);
    const picked = rows.map((row, at) => pick(row, { names, where: `instances[${at}]`, model }));
    return [readTensor(columns === undefined ? picked.flat() : picked, spec, model)];
  }
  const names = new Set(model.inputs.map(({ name }) => name));
  const { columns = [...names] } = model;
  const order = Array.from(names, (name) => columns.indexOf(name));
  const picked = rows.map((row, at) => {
    const where = `instances[${at}]`;
    if (byName) return pick(row, { names, where, model, ignored: model.columns });
    if (Array.isArray(row) && row.length === columns.length) return order.map((at) => row[at]);
    if (Array.isArray(row) && row.length === names.size) return row;
    return invalid(`${where} must have one value for each input: ${[...names].join(", ")}`);
  });
  return model.inputs.map((each, at) =>
    readTensor(
      picked.map((row) => row[at]),
      each,
      model,
    ),
  );
}

function readColumns(inputs: Row, model: V1Model): Tensor[] {
  const { columns } = model;
  const [spec, ...others] = model.inputs;
  const isTable = columns !== undefined && others.length === 0;
  if (spec !== undefined && isTable && !Object.hasOwn(inputs, spec.name)) {
    const all = { ...model, fillsColumns: false };
    const found = pick(inputs, { names: new Set(columns), where: "inputs", model: all });
    const lists = found.map((list, at) => {
      return Array.isArray(list) ? list : invalid(`inputs.${columns[at]} must be a list`);
    });
    const rows = (lists[0] ?? []).map((_, row) => lists.map((list) => list[row]));
    if (lists.some((list) => list.length !== rows.length)) {
      invalid("the lists of inputs have different lengths");
    }
    return [readTensor(rows, spec, model)];
  }
  const names = new Set(model.inputs.map(({ name }) => name));
  const picked = pick(inputs, { names, where: "inputs", model, ignored: columns });
  return model.inputs.map((each, at) => readTensor(picked[at], each, model));
}

interface Wanted {
  readonly names: ReadonlySet<string>;
  /** The row's place in the request, for errors. */
  readonly where: string;
  readonly model: V1Model;
  /** Names that the row may have as well. */
  readonly ignored?: readonly string[] | undefined;
}

/** The values of these names. Others are refused, unless they are `ignored`. */
function pick(row: unknown, { names, where, model, ignored = [] }: Wanted): unknown[] {
  if (!isRow(row)) return invalid(`${where} must be an object, as the first one is`);
  const unknown = Object.keys(row).filter((name) => !names.has(name));
  const odd = unknown.length === 0 ? undefined : unknown.find((name) => !ignored.includes(name));
  if (odd !== undefined) {
    invalid(`${where} has '${odd.slice(0, 100)}', which the model does not take`);
  }
  return Array.from(names, (name) => {
    if (Object.hasOwn(row, name)) return row[name];
    if (model.fillsColumns) return null;
    return invalid(`${where} lacks '${name}': give null where there is no value`);
  });
}

function readTensor(data: unknown, { name, datatype, shape }: TensorSpec, model: V1Model): Tensor {
  const what = `input '${name}' for model '${model.id}'`;
  const given: number[] = [];
  for (let level = data; Array.isArray(level); level = level[0]) given.push(level.length);
  if (given.length > mostLevels) invalid(`${what}: its values lie in ${given.length} lists`);
  // An empty list has no row that shows how long the others would be.
  if (given.length > 0 && given.at(-1) === 0) given.push(...shape.slice(given.length));
  const isColumn = given.length === 1 && shape.length === 2 && shape[1] === 1;
  const count = elementCount(given, what);
  const values = datatype === "BYTES" ? withBytes(data, given.length, what) : data;
  const tensor = { datatype, shape: given, count, bytesForm: "text", what } as const;
  const bytes = decodeData(count === 0 ? [] : values, {
    ...tensor,
    shape: count === 0 ? [0] : given,
  });
  return { name, datatype, shape: isColumn ? [...given, 1] : given, data: bytes };
}

/** With the lists of bytes that each `{"b64": …}` stands for, as deep as the first value lies. */
function withBytes(data: unknown, levels: number, what: string): unknown {
  if (!Array.isArray(data)) return isBase64(data) ? [...decodeBase64(data.b64, what)] : data;
  return levels === 0 ? data : data.map((item) => withBytes(item, levels - 1, what));
}

function invalid(message: string): never {
  throw new RuntimeError("invalid-argument", message);
}
