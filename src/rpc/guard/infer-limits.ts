import { Code, ConnectError } from "@connectrpc/connect";

// How much of a ModelInferRequest our own decoder reads, which takes at most twenty milliseconds. Raw tensors
// are never read, and typed floats are copied unchanged.

/** Inputs, outputs, raw contents, and dimensions of a tensor, each: far above real models. */
const maxParts = 4_096;
/** Parameters, which cost protobuf-es some microseconds each, and unknown fields, in the whole message. */
const maxExtras = 4_096;
/** Integers in typed tensors, in the whole message. */
const maxElements = 2_097_152;
/** Strings in typed tensors, in the whole message. */
const maxStrings = 1_048_576;

const useRaw = ": send tensors in raw_input_contents";

/** Counts what the decoder finds in one message. All methods throw a ConnectError "resource_exhausted". */
export class InferLimits {
  #extras = 0;
  #elements = 0;
  #strings = 0;

  extra(): void {
    if (++this.#extras > maxExtras) throw tooMany(maxExtras, "parameters and unknown fields");
  }

  elements(count: number): void {
    this.#elements += count;
    if (this.#elements > maxElements) throw tooMany(maxElements, `typed elements${useRaw}`);
  }

  string(): void {
    if (++this.#strings > maxStrings) {
      throw tooMany(maxStrings, `strings in bytes_contents${useRaw}`);
    }
  }
}

/** There are already `count` parts, and another one follows. */
export function refuseMany(count: number): void {
  if (count >= maxParts) throw tooMany(maxParts, "inputs, outputs or dimensions");
}

function tooMany(most: number, what: string): ConnectError {
  return new ConnectError(`the message has more than ${most} ${what}`, Code.ResourceExhausted);
}
