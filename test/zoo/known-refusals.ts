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
      "Inputs or outputs that are sequences, maps or optional values: the protocol has tensors alone. (A sequence whose length the graph tells is served as one output for each item.)",
    kinds: ["node", "simple"],
    message: /is (?:a|an optional) (?:sequence|map)|is a sequence, map or optional value/,
  },
];
