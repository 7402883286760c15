import { decodeElements, type Element, encodeElements } from "../../base/element-codec.ts";
import { inferenceClient } from "../rpc-clients.ts";
import type { TensorInput } from "./tensor-input.ts";

export interface TensorOutput {
  readonly name: string;
  readonly datatype: string;
  readonly shape: readonly number[];
  readonly elements: readonly Element[];
}

export interface Answer {
  readonly outputs: readonly TensorOutput[];
  /** From the call to the response, as this browser measured it. */
  readonly tookMs: number;
}

/** Runs the model once. Throws what the client throws, and an Error whose message is for the user if an element
 *  does not fit. */
export async function runInference(
  id: string,
  version: string,
  inputs: readonly TensorInput[],
): Promise<Answer> {
  const request = {
    modelName: id,
    modelVersion: version,
    inputs: inputs.map(({ spec: { name, datatype }, shape }) => ({
      name,
      datatype,
      shape: shape.map(BigInt),
    })),
    // Exact for every datatype, and the response has the same form.
    rawInputContents: inputs.map(({ spec, elements }) => encodeElements(spec.datatype, elements)),
  };
  const startMs = performance.now();
  const { outputs, rawOutputContents } = await inferenceClient.modelInfer(request);
  const tookMs = performance.now() - startMs;
  return {
    tookMs,
    outputs: outputs.map(({ name, datatype, shape }, index) => ({
      name,
      datatype,
      shape: shape.map(Number),
      elements: decodeElements(datatype, rawOutputContents[index] ?? new Uint8Array()),
    })),
  };
}
