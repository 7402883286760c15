import type { MessageInitShape } from "@bufbuild/protobuf";
import type { ModelInferResponse_InferOutputTensorSchema } from "../../../gen/inference/inference_pb.ts";
import { RuntimeError } from "../../base/errors.ts";
import { elementCount, type Tensor } from "../../base/tensor.ts";
import type { InferenceRequest, RequestParameters } from "../../service/contract/models.ts";
import type { InferInput, InferMessage, TensorForm } from "./infer-message.ts";
import { refuseSequence, refuseSharedMemory } from "./refused-parameters.ts";
import { requestParameters } from "./request-parameters.ts";
import { requestedClasses } from "./requested-classes.ts";
import { readDatatype, refuseDuplicates } from "./tensor-checks.ts";
import {
  decodeContents,
  encodeContents,
  hasTypedForm,
  isEmptyContents,
} from "./tensor-contents.ts";

type OutputTensors = {
  outputs: MessageInitShape<typeof ModelInferResponse_InferOutputTensorSchema>[];
  rawOutputContents: Uint8Array[];
};

const allOutputs: readonly string[] = [];

/** Checks that the message is consistent in itself; whether it fits the model is checked later. Raw tensors are
 *  views of the message. `form` is the form of the response: raw unless the request was typed, which a request
 *  without tensors is not. Throws "invalid-argument", naming tensor and model. */
export function decodeInference(
  request: InferMessage,
  modelId: string,
): { inference: InferenceRequest; form: TensorForm } {
  // Before anything is missed that such a request does not have.
  refuseExtensions(request, modelId);
  const rawCount = request.rawInputContents.length;
  if (rawCount > 0 && rawCount !== request.inputs.length) {
    invalid(
      `model '${modelId}' got ${request.inputs.length} inputs, but ${rawCount} entries in raw_input_contents`,
    );
  }
  // tritonclient reads only raw responses, and a request without inputs does not show what client sent it.
  const form = rawCount > 0 || request.inputs.length === 0 ? "raw" : "typed";
  const inputs = request.inputs.map((input, index) => {
    const what = `input '${input.name}' for model '${modelId}'`;
    return decodeInput(input, request.rawInputContents[index], what);
  });
  const outputs =
    request.outputs.length === 0 ? allOutputs : request.outputs.map((output) => output.name);
  if (inputs.length > 1) {
    const names = inputs.map((input) => input.name);
    refuseDuplicates(names, `input of model '${modelId}'`);
  }
  if (outputs.length > 1) refuseDuplicates(outputs, `output of model '${modelId}'`);
  const classes = classesIn(request.outputs);
  const parameters = parametersOf(request.parameters);
  return {
    inference: {
      version: request.modelVersion,
      inputs,
      outputs,
      ...(classes && { classes }),
      ...(parameters && { parameters }),
    },
    form,
  };
}

function refuseExtensions({ parameters, inputs, outputs }: InferMessage, modelId: string): void {
  refuseSequence((name) => parameters[name]?.parameterChoice.value);
  for (const { name, parameters: own } of inputs) {
    if (own === undefined) continue;
    const what = `input '${name}' for model '${modelId}'`;
    refuseSharedMemory((each) => own[each]?.parameterChoice.value, what);
  }
  for (const { name, parameters: own } of outputs) {
    if (own === undefined) continue;
    refuseSharedMemory((each) => own[each]?.parameterChoice.value, `output '${name}'`);
  }
}

function parametersOf(sent: InferMessage["parameters"]): RequestParameters | undefined {
  const entries = Object.entries(sent);
  if (entries.length === 0) return undefined;
  return requestParameters(
    entries.map(([name, { parameterChoice }]) => [name, parameterChoice.value]),
  );
}

/** Undefined if no output has the parameter, which is the usual case. */
function classesIn(outputs: InferMessage["outputs"]): ReadonlyMap<string, number> | undefined {
  let classes: Map<string, number> | undefined;
  for (const { name, parameters } of outputs) {
    const parameter = parameters?.["classification"]?.parameterChoice.value;
    const count = requestedClasses(parameter, name);
    if (count !== undefined) classes = (classes ?? new Map<string, number>()).set(name, count);
  }
  return classes;
}

/** `form` is the form that the client used. */
export function encodeInference(tensors: readonly Tensor[], form: TensorForm): OutputTensors {
  const raw = answerForm(tensors, form) === "raw";
  return {
    outputs: tensors.map((tensor) => ({
      name: tensor.name,
      datatype: tensor.datatype,
      shape: tensor.shape.map(BigInt),
      ...(raw ? {} : { contents: encodeContents(tensor) }),
    })),
    rawOutputContents: raw ? tensors.map(({ data }) => data) : [],
  };
}

/** One output without a typed form makes all of them raw, since the two must not be mixed. */
export function answerForm(tensors: readonly Tensor[], asked: TensorForm): TensorForm {
  return tensors.every(({ datatype }) => hasTypedForm(datatype)) ? asked : "raw";
}

function decodeInput(input: InferInput, raw: Uint8Array | undefined, what: string): Tensor {
  const { name, contents } = input;
  const datatype = readDatatype(input.datatype, what);
  // Beyond 2^53 this rounds, but the value stays out of range and is refused.
  const shape = toNumbers(input.shape);
  const count = elementCount(shape, what);
  if (raw === undefined) {
    return { name, datatype, shape, data: decodeContents(contents, { datatype, count, what }) };
  }
  if (contents !== undefined && !isEmptyContents(contents)) {
    invalid(`${what} must not have contents when raw_input_contents is used`);
  }
  return { name, datatype, shape, data: raw };
}

/** `shape` itself if all of it is numbers, which is what our own decoder returns. */
function toNumbers(shape: readonly (number | bigint)[]): readonly number[] {
  return shape.every((dimension) => typeof dimension === "number") ? shape : shape.map(Number);
}

function invalid(message: string): never {
  throw new RuntimeError("invalid-argument", message);
}
