import { type Element, encodeElements } from "../../base/element-codec.ts";
import { elementText, type TensorInput } from "./tensor-input.ts";

/** One inference as this page makes it. */
export interface Call {
  /** Without a trailing slash. */
  readonly serverUrl: string;
  readonly id: string;
  readonly version: string;
  readonly inputs: readonly TensorInput[];
}

/** The same call for other programs. */
export interface CallExample {
  readonly title: "curl" | "grpcurl" | "TypeScript";
  readonly text: string;
}

export function callExamples(call: Call): CallExample[] {
  return [
    { title: "curl", text: curl(call) },
    { title: "grpcurl", text: grpcurl(call) },
    { title: "TypeScript", text: typescript(call) },
  ];
}

/** The field of InferTensorContents for a datatype; half-precision floats have none. */
const fields: Readonly<Record<string, string>> = {
  BOOL: "bool",
  INT8: "int",
  INT16: "int",
  INT32: "int",
  INT64: "int64",
  UINT8: "uint",
  UINT16: "uint",
  UINT32: "uint",
  UINT64: "uint64",
  FP32: "fp32",
  FP64: "fp64",
  BYTES: "bytes",
};

function curl({ serverUrl, id, version, inputs }: Call): string {
  if (!hasTypedForm(inputs)) {
    const url = `${serverUrl}/inference.GRPCInferenceService/ModelInfer`;
    return `curl ${quoted(url)} \\\n  -H 'Content-Type: application/json' \\\n  -d ${quoted(requestJson({ id, version, inputs }))}`;
  }
  const tail = version === "" ? "" : `/versions/${encodeURIComponent(version)}`;
  const url = `${serverUrl}/v2/models/${encodeURIComponent(id)}${tail}/infer`;
  const tensors = inputs.map(
    ({ spec, shape, elements }) =>
      `{"name": ${JSON.stringify(spec.name)}, "datatype": "${spec.datatype}", ` +
      `"shape": [${shape.join(", ")}], "data": [${elements.map(elementText).join(", ")}]}`,
  );
  return `curl ${quoted(url)} -d ${quoted(`{"inputs": [${tensors.join(",\n  ")}]}`)}`;
}

function grpcurl({ serverUrl, id, version, inputs }: Call): string {
  const { host, protocol, port } = new URL(serverUrl);
  const isPlain = protocol === "http:";
  const address = port === "" ? `${host}:${isPlain ? 80 : 443}` : host;
  return [
    `grpcurl ${isPlain ? "-plaintext " : ""}-import-path proto -proto inference/inference.proto`,
    `-d ${quoted(requestJson({ id, version, inputs }))}`,
    `${address} inference.GRPCInferenceService/ModelInfer`,
  ].join(" \\\n  ");
}

function typescript({ serverUrl, id, version, inputs }: Call): string {
  const isTyped = hasTypedForm(inputs);
  const tensors = inputs.map(({ spec, shape, elements }) => {
    const contents = isTyped
      ? `, contents: { ${fields[spec.datatype]}Contents: [${elements.map(literal(spec.datatype)).join(", ")}] }`
      : "";
    return `    { name: ${JSON.stringify(spec.name)}, datatype: "${spec.datatype}", shape: [${shape.map((size) => `${size}n`).join(", ")}]${contents} },`;
  });
  const raw = inputs.map((input) => `Uint8Array.of(${[...rawOf(input)].join(", ")})`);
  return [
    'import { createClient } from "@connectrpc/connect";',
    'import { createGrpcWebTransport } from "@connectrpc/connect-web";',
    'import { GRPCInferenceService } from "./gen/inference/inference_pb.ts";',
    "",
    `const transport = createGrpcWebTransport({ baseUrl: ${JSON.stringify(serverUrl)} });`,
    "const client = createClient(GRPCInferenceService, transport);",
    "const { outputs } = await client.modelInfer({",
    `  modelName: ${JSON.stringify(id)},`,
    ...(version === "" ? [] : [`  modelVersion: ${JSON.stringify(version)},`]),
    "  inputs: [",
    ...tensors,
    "  ],",
    ...(isTyped ? [] : [`  rawInputContents: [${raw.join(", ")}],`]),
    "});",
    "console.log(outputs);",
  ].join("\n");
}

/** ModelInferRequest in protobuf's JSON. */
function requestJson({ id, version, inputs }: Pick<Call, "id" | "version" | "inputs">): string {
  const isTyped = hasTypedForm(inputs);
  const tensors = inputs.map(({ spec, shape, elements }) => {
    const contents = isTyped
      ? `, "contents": {"${fields[spec.datatype]}Contents": [${elements.map(protobufJson).join(", ")}]}`
      : "";
    return `{"name": ${JSON.stringify(spec.name)}, "datatype": "${spec.datatype}", "shape": [${shape.join(", ")}]${contents}}`;
  });
  const name = `"modelName": ${JSON.stringify(id)}`;
  const versioned = version === "" ? "" : `, "modelVersion": ${JSON.stringify(version)}`;
  const raw = isTyped
    ? ""
    : `,\n "rawInputContents": [${inputs.map((input) => `"${base64(rawOf(input))}"`).join(", ")}]`;
  return `{${name}${versioned}, "inputs": [${tensors.join(",\n  ")}]${raw}}`;
}

function hasTypedForm(inputs: readonly TensorInput[]): boolean {
  return inputs.every(({ spec }) => spec.datatype in fields);
}

function rawOf({ spec, elements }: TensorInput): Uint8Array {
  return encodeElements(spec.datatype, elements);
}

function protobufJson(element: Element): string {
  if (typeof element === "string") return `"${base64(new TextEncoder().encode(element))}"`;
  return elementText(element);
}

function literal(datatype: string): (element: Element) => string {
  if (datatype === "BYTES")
    return (element) => `new TextEncoder().encode(${JSON.stringify(element)})`;
  return /64$/.test(datatype) && datatype !== "FP64" ? (element) => `${element}n` : elementText;
}

function base64(bytes: Uint8Array): string {
  return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
}

/** Quotes text as one word for a shell. */
function quoted(text: string): string {
  return /^[\w/:.%-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
