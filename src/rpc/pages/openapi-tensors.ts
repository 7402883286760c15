import { type Datatype, elementBytes, type TensorSpec } from "../../base/tensor.ts";
import { hasTypedForm } from "../codec/tensor-contents.ts";

/** JSON Schema 2020-12, the dialect of OpenAPI 3.1. */
export type Schema = Readonly<Record<string, unknown>>;

/** Larger examples would bury the page that shows them. */
const maxExampleElements = 256;

/** One element in JSON. FP16 and BF16 have no JSON form: they travel only as raw bytes. */
const elements: Record<Exclude<Datatype, "FP16" | "BF16">, Schema> = {
  BOOL: { type: "boolean" },
  INT8: { type: "integer", format: "int8", minimum: -128, maximum: 127 },
  INT16: { type: "integer", format: "int16", minimum: -32768, maximum: 32767 },
  INT32: { type: "integer", format: "int32", minimum: -(2 ** 31), maximum: 2 ** 31 - 1 },
  // JavaScript numbers cannot hold the 64-bit limits, so a schema with them would be wrong.
  INT64: { type: "integer", format: "int64" },
  UINT8: { type: "integer", format: "uint8", minimum: 0, maximum: 255 },
  UINT16: { type: "integer", format: "uint16", minimum: 0, maximum: 65535 },
  UINT32: { type: "integer", format: "uint32", minimum: 0, maximum: 2 ** 32 - 1 },
  UINT64: { type: "integer", format: "uint64", minimum: 0 },
  FP32: { type: "number", format: "float" },
  FP64: { type: "number", format: "double" },
  BYTES: { type: "string", description: "UTF-8, or base64 if content_type says so." },
};

const dataSchemaName = (datatype: string) => `${datatype}Data`;
const bytes: Schema = { type: "array", items: { type: "integer", minimum: 0, maximum: 255 } };

/** Components that the schemas below refer to: the elements of an input, for each datatype. */
export const dataSchemas: Readonly<Record<string, Schema>> = Object.fromEntries(
  Object.entries(elements).map(([datatype, element]) => {
    const name = dataSchemaName(datatype);
    // A recursive schema would express any nesting, but client generators do not follow it.
    const nested = { type: "array", items: {} };
    const items = { anyOf: [element, ...(datatype === "BYTES" ? [bytes] : []), nested] };
    const description = `Elements of ${datatype} in row-major order, flat or nested by shape.`;
    return [name, { type: "array", items, description }];
  }),
);

/** The inputs of an inference: one tensor for each required entry of `specs`, in any order. */
export function inputsSchema(specs: readonly TensorSpec[]): Schema {
  return listSchema(specs, inputSchema, specs.filter(isNeeded));
}

/** The outputs in a response: all of `specs`, or the requested ones. */
export function outputsSchema(specs: readonly TensorSpec[]): Schema {
  return listSchema(specs, outputSchema, []);
}

function listSchema(
  specs: readonly TensorSpec[],
  schemaOf: (spec: TensorSpec) => Schema,
  needed: readonly TensorSpec[],
): Schema {
  // "items" with an empty "oneOf" would be an invalid schema.
  if (specs.length === 0) return { type: "array", items: { type: "object" }, maxItems: 0 };
  const [only] = specs;
  const items = only && specs.length === 1 ? schemaOf(only) : { oneOf: specs.map(schemaOf) };
  const everyOne = needed.map(({ name }) => ({
    contains: { type: "object", properties: { name: { const: name } } },
  }));
  return {
    type: "array",
    items,
    minItems: needed.length,
    maxItems: specs.length,
    ...(needed.length > 0 && specs.length > 1 && { allOf: everyOne }),
  };
}

function inputSchema(spec: TensorSpec): Schema {
  const { name, datatype } = spec;
  const isJson = hasTypedForm(datatype);
  const data = { $ref: `#/components/schemas/${dataSchemaName(datatype)}` };
  return {
    type: "object",
    title: `input ${name}`,
    required: ["name", "shape", "datatype", isJson ? "data" : "parameters"],
    properties: {
      name: { const: name },
      shape: shapeSchema(spec),
      datatype: { const: datatype },
      ...(isJson && { data }),
      parameters: { $ref: `#/components/schemas/${isJson ? "Parameters" : "BinaryParameters"}` },
    },
    ...(!isJson && { description: `${datatype} has no JSON form: send its bytes after the JSON.` }),
  };
}

function outputSchema(spec: TensorSpec): Schema {
  const { name, datatype } = spec;
  return {
    type: "object",
    title: `output ${name}`,
    // In a binary response, "parameters" has the byte count instead of "data".
    required: ["name", "shape", "datatype"],
    properties: {
      name: { const: name },
      shape: shapeSchema(spec),
      datatype: { const: datatype },
      ...outputData(datatype),
      parameters: { $ref: "#/components/schemas/Parameters" },
    },
  };
}

/** Outputs are always flat. */
function outputData(datatype: Datatype): Schema {
  if (datatype === "FP16" || datatype === "BF16") return {};
  const element = elements[datatype];
  if (datatype !== "FP32" && datatype !== "FP64") {
    return { data: { type: "array", items: element } };
  }
  const description = "null stands for NaN and the infinities, which JSON lacks.";
  return { data: { type: "array", items: { ...element, type: ["number", "null"] }, description } };
}

/** "prefixItems" would describe each dimension, but client generators read them as kinds of items, and refuse
 *  the others. */
function shapeSchema({ shape, hasAnyRank }: TensorSpec): Schema {
  if (hasAnyRank) {
    const items = { type: "integer", minimum: 0 };
    return { type: "array", items, description: "Any number of dimensions." };
  }
  return {
    type: "array",
    items: { type: "integer", minimum: 0 },
    minItems: shape.length,
    maxItems: shape.length,
    ...(shape.length > 0 && { examples: [exampleShape(shape)] }),
    description: shape.length === 0 ? "A scalar." : `[${shape.join(", ")}], where -1 varies.`,
    "x-shape": shape,
  };
}

/** Zeros for the tensors of these specs; undefined if they would be large or have no JSON form. Variable
 *  dimensions are 1. */
export function exampleTensors(specs: readonly TensorSpec[]): readonly Schema[] | undefined {
  const tensors = specs.filter(isNeeded).map(({ name, datatype, shape: pattern }) => {
    const shape = exampleShape(pattern);
    const count = shape.reduce((product, dimension) => product * dimension, 1);
    if (!hasTypedForm(datatype) || count > maxExampleElements) return undefined;
    return { name, shape, datatype, data: new Array(count).fill(exampleElement(datatype)) };
  });
  return tensors.every((tensor) => tensor !== undefined) ? tensors : undefined;
}

function isNeeded({ isOptional }: TensorSpec): boolean {
  return !isOptional;
}

function exampleShape(pattern: readonly number[]): number[] {
  return pattern.map((dimension) => (dimension < 0 ? 1 : dimension));
}

function exampleElement(datatype: Datatype): boolean | number | string {
  if (elementBytes[datatype] === undefined) return "text";
  return datatype === "BOOL" ? false : 0;
}
