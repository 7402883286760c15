import type { MessageInitShape } from "@bufbuild/protobuf";
import { createClient, type Transport } from "@connectrpc/connect";
import {
  createConnectTransport,
  createGrpcTransport,
  createGrpcWebTransport,
  Http2SessionManager,
} from "@connectrpc/connect-node";
import {
  GRPCInferenceService,
  type InferTensorContents,
  type InferTensorContentsSchema,
} from "../../../gen/inference/inference_pb.ts";
import type { Datatype } from "../../../src/base/tensor.ts";
import { packElements, type TensorElement } from "../models/tensor-elements.ts";

/** One tensor in the terms of a test. FP16 elements are given by their bits, BYTES as text. */
export interface Elements {
  readonly datatype: Datatype;
  readonly shape: readonly number[];
  readonly elements: readonly TensorElement[];
}

/** What came back for output "y", as the bytes of the raw form whatever form it travelled in. */
export interface WayAnswer {
  readonly id: string;
  readonly datatype: string;
  readonly shape: readonly number[];
  readonly data: Uint8Array;
}

/** One of the ways in which a client can ask for the same inference: input "x", output "y". */
export interface InferenceWay {
  readonly name: string;
  carries(tensor: Elements): boolean;
  /** Rejects if the server does not answer OK. `id` comes back in the answer. */
  infer(model: string, tensor: Elements, id: string): Promise<WayAnswer>;
}

/** Every way, over connections that live until `close`. No codec of ours is used. */
export function openInferenceWays(port: number): { ways: readonly InferenceWay[]; close(): void } {
  const baseUrl = `http://127.0.0.1:${port}`;
  const sessionManager = new Http2SessionManager(baseUrl);
  const transports: readonly [string, Transport][] = [
    ["gRPC", createGrpcTransport({ baseUrl, sessionManager })],
    ["gRPC-Web", createGrpcWebTransport({ baseUrl, httpVersion: "1.1" })],
    [
      "Connect JSON",
      createConnectTransport({ baseUrl, httpVersion: "1.1", useBinaryFormat: false }),
    ],
    [
      "Connect binary",
      createConnectTransport({ baseUrl, httpVersion: "2", sessionManager, useBinaryFormat: true }),
    ],
  ];
  const ways = transports.flatMap(([name, transport]) => [
    typedWay(`typed ${name}`, transport),
    rawWay(`raw ${name}`, transport),
  ]);
  return {
    ways: [...ways, restJsonWay(baseUrl), restBinaryWay(baseUrl)],
    close: () => sessionManager.abort(),
  };
}

function typedWay(name: string, transport: Transport): InferenceWay {
  const client = createClient(GRPCInferenceService, transport);
  return {
    name,
    // The JSON of protobuf-es, in the client and in the server, turns minus zero into zero.
    carries: ({ datatype, elements }) =>
      datatype !== "FP16" &&
      datatype !== "BF16" &&
      !(name.endsWith("JSON") && elements.some((element) => Object.is(element, -0))),
    async infer(modelName, { datatype, shape, elements }, id) {
      const contents = toContents(datatype, elements);
      const inputs = [{ name: "x", datatype, shape: shape.map(BigInt), contents }];
      const { outputs, ...answer } = await client.modelInfer({ modelName, id, inputs });
      const y = outputs.find((output) => output.name === "y");
      if (y?.contents === undefined) throw new Error("no typed output y");
      return {
        id: answer.id,
        datatype: y.datatype,
        shape: y.shape.map(Number),
        data: packElements(datatype, fromContents(datatype, y.contents)),
      };
    },
  };
}

function rawWay(name: string, transport: Transport): InferenceWay {
  const client = createClient(GRPCInferenceService, transport);
  return {
    name,
    carries: () => true,
    async infer(modelName, { datatype, shape, elements }, id) {
      const inputs = [{ name: "x", datatype, shape: shape.map(BigInt) }];
      const rawInputContents = [packElements(datatype, elements)];
      const answer = await client.modelInfer({ modelName, id, inputs, rawInputContents });
      const [y] = answer.outputs;
      const [data] = answer.rawOutputContents;
      if (y?.name !== "y" || data === undefined) throw new Error("no raw output y");
      return { id: answer.id, datatype: y.datatype, shape: y.shape.map(Number), data };
    },
  };
}

function restJsonWay(baseUrl: string): InferenceWay {
  return {
    name: "JSON REST",
    // JSON spells neither NaN nor the infinities.
    carries: ({ datatype, elements }) =>
      datatype !== "FP16" &&
      datatype !== "BF16" &&
      elements.every((element) => typeof element !== "number" || Number.isFinite(element)),
    async infer(model, { datatype, shape, elements }, id) {
      const data = `[${elements.map(spell).join(",")}]`;
      const body = `{"id":"${id}","inputs":[{"name":"x","datatype":"${datatype}","shape":[${shape}],"data":${data}}]}`;
      const { head } = await postInference(`${baseUrl}/v2/models/${model}/infer`, { body });
      const { answer, output } = readHead(head);
      return { ...answer, ...output, data: packElements(datatype, readData(datatype, head)) };
    },
  };
}

function restBinaryWay(baseUrl: string): InferenceWay {
  return {
    name: "binary REST",
    carries: () => true,
    async infer(model, { datatype, shape, elements }, id) {
      const data = packElements(datatype, elements);
      const parameters = { binary_data_size: data.byteLength };
      const json = Buffer.from(
        JSON.stringify({
          id,
          parameters: { binary_data_output: true },
          inputs: [{ name: "x", datatype, shape, parameters }],
        }),
      );
      const { head, rest } = await postInference(`${baseUrl}/v2/models/${model}/infer`, {
        body: Buffer.concat([json, data]),
        headerBytes: json.byteLength,
      });
      const { answer, output, binaryBytes } = readHead(head);
      if (binaryBytes !== rest.byteLength) throw new Error(`${binaryBytes} bytes were announced`);
      return { ...answer, ...output, data: rest };
    },
  };
}

async function postInference(
  url: string,
  { body, headerBytes }: { body: Uint8Array<ArrayBuffer> | string; headerBytes?: number },
): Promise<{ head: string; rest: Uint8Array }> {
  const headers: Record<string, string> =
    headerBytes === undefined
      ? { "content-type": "application/json" }
      : { "inference-header-content-length": String(headerBytes) };
  const response = await fetch(url, { method: "POST", headers, body });
  const received = new Uint8Array(await response.arrayBuffer());
  const text = (bytes: Uint8Array) => new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  if (response.status !== 200) throw new Error(`${response.status}: ${text(received)}`);
  const length = response.headers.get("inference-header-content-length");
  const end = length === null ? received.byteLength : Number(length);
  return { head: text(received.subarray(0, end)), rest: received.subarray(end) };
}

function readHead(head: string) {
  const { id, outputs } = JSON.parse(head) as {
    id: string;
    outputs: {
      name: string;
      datatype: string;
      shape: number[];
      parameters?: { binary_data_size?: number };
    }[];
  };
  const [y] = outputs;
  if (outputs.length !== 1 || y?.name !== "y") throw new Error("y is not the only output");
  const output = { datatype: y.datatype, shape: y.shape };
  return { answer: { id }, output, binaryBytes: y.parameters?.binary_data_size };
}

function spell(element: TensorElement): string {
  if (typeof element === "string") return JSON.stringify(element);
  return Object.is(element, -0) ? "-0" : String(element);
}

// Numbers as they are spelled: JSON.parse would round integers of 64 bits.
function readData(datatype: Datatype, head: string): TensorElement[] {
  if (datatype === "BYTES" || datatype === "BOOL") {
    const { outputs } = JSON.parse(head) as { outputs: [{ data: TensorElement[] }] };
    return outputs[0].data;
  }
  const [, spelled] = /"data":\s*\[([^\]]*)\]/.exec(head) ?? [];
  if (spelled === undefined) throw new Error("no flat data");
  const words = spelled.split(",").map((word) => word.trim());
  if (spelled.trim() === "") return [];
  const isLong = datatype === "INT64" || datatype === "UINT64";
  return words.map((word) => (isLong ? BigInt(word) : Number(word)));
}

function toContents(
  datatype: Datatype,
  elements: readonly TensorElement[],
): MessageInitShape<typeof InferTensorContentsSchema> {
  const field = fieldOf(datatype);
  const values =
    field === "bytesContents" ? elements.map((element) => Buffer.from(String(element))) : elements;
  return { [field]: [...values] };
}

function fromContents(datatype: Datatype, contents: InferTensorContents): TensorElement[] {
  const field = fieldOf(datatype);
  if (field !== "bytesContents") return contents[field];
  return contents.bytesContents.map((bytes) => new TextDecoder().decode(bytes));
}

function fieldOf(datatype: Datatype) {
  switch (datatype) {
    case "BOOL":
      return "boolContents";
    case "INT8":
    case "INT16":
    case "INT32":
      return "intContents";
    case "INT64":
      return "int64Contents";
    case "UINT8":
    case "UINT16":
    case "UINT32":
      return "uintContents";
    case "UINT64":
      return "uint64Contents";
    case "FP32":
      return "fp32Contents";
    case "FP64":
      return "fp64Contents";
    case "BYTES":
      return "bytesContents";
    case "FP16":
    case "BF16":
      throw new Error(`${datatype} has no typed form`);
  }
}
