/** A group of models that the runtime runs and we refuse, on purpose. */
export interface KnownRefusal {
  /** For the table: what they have in common, and why they are refused. */
  readonly reason: string;
  /** Only these kinds may be refused so. */
  readonly kinds: readonly string[];
  /** Of our message. */
  readonly message: RegExp;
}

/** Every exception to "whatever the runtime runs is served". A refusal that fits none fails the zoo. */
export const knownRefusals: readonly KnownRefusal[] = [
  {
    reason:
      "Sequences as inputs, and as outputs if the graph does not fix the number of items: the protocol has only tensors. (Other sequences are served as one output for each item, maps of ZipMap as a tensor.)",
    kinds: ["node"],
    message: /is (?:a|an optional) sequence/,
  },
  {
    reason:
      "Optional tensors as inputs (ONNX's `optional(tensor)`, which exporters do not write): export the model with the tensor itself as its input.",
    kinds: ["node"],
    message: /is an optional tensor/,
  },
];
