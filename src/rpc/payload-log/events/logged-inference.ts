import { isUtf8 } from "node:buffer";
import type {
  InferTensorContents,
  ModelInferRequest,
  ModelInferResponse,
} from "../../../../gen/inference/inference_pb.ts";
import type { LoggedMessage, LoggedTensor } from "./tensor-json.ts";

type Parameters = ModelInferRequest["parameters"];
type Tensors = ModelInferRequest["inputs"] | ModelInferResponse["outputs"];

/** A request of ModelInfer in the members of REST. */
export function loggedRequest(message: ModelInferRequest): LoggedMessage {
  const outputs = message.outputs.map(({ name, parameters }) => ({
    name,
    ...filled({ parameters: valuesOf(parameters) }),
  }));
  return {
    head: headOf(message),
    side: "inputs",
    tensors: tensorsOf(message.inputs, message.rawInputContents),
    tail: outputs.length > 0 ? { outputs } : {},
  };
}

export function loggedResponse(message: ModelInferResponse): LoggedMessage {
  return {
    head: headOf(message),
    side: "outputs",
    tensors: tensorsOf(message.outputs, message.rawOutputContents),
    tail: {},
  };
}

function headOf({
  modelName,
  modelVersion,
  id,
  parameters,
}: Pick<ModelInferRequest, "modelName" | "modelVersion" | "id" | "parameters">) {
  return {
    ...(modelName !== "" && { model_name: modelName }),
    ...(modelVersion !== "" && { model_version: modelVersion }),
    ...(id !== "" && { id }),
    ...filled({ parameters: valuesOf(parameters) }),
  };
}

function tensorsOf(tensors: Tensors, raw: readonly Uint8Array[]): LoggedTensor[] {
  return tensors.map(({ name, datatype, shape, parameters, contents }, at) => {
    const own = raw[at];
    const described = { name, datatype, shape, parameters: valuesOf(parameters) };
    if (own !== undefined) {
      return { ...described, raw: Buffer.from(own.buffer, own.byteOffset, own.length) };
    }
    return { ...described, ...(contents && elementsOf(contents)) };
  });
}

function elementsOf(contents: InferTensorContents): Pick<LoggedTensor, "elements" | "isBase64"> {
  const { bytesContents } = contents;
  if (bytesContents.length > 0) {
    const isBase64 = !bytesContents.every((each) => isUtf8(each));
    const encoding = isBase64 ? "base64" : "utf8";
    return {
      elements: bytesContents.map((each) => Buffer.from(each).toString(encoding)),
      isBase64,
    };
  }
  const { boolContents, intContents, int64Contents, uintContents, uint64Contents } = contents;
  const { fp32Contents, fp64Contents } = contents;
  const all: readonly ArrayLike<unknown>[] = [
    boolContents,
    intContents,
    int64Contents,
    uintContents,
    uint64Contents,
    fp32Contents,
    fp64Contents,
  ];
  return { elements: all.find(({ length }) => length > 0) ?? [] };
}

function valuesOf(parameters: Parameters): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(parameters).map(([name, { parameterChoice }]) => [name, parameterChoice.value]),
  );
}

/** Nothing, if the member is empty. */
function filled(member: Readonly<Record<string, Readonly<Record<string, unknown>>>>) {
  return Object.values(member).every((value) => Object.keys(value).length > 0) ? member : {};
}
