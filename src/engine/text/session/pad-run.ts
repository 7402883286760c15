import type { Tensor } from "../../../base/tensor.ts";
import type { TextGraph } from "../graph/text-graph.ts";

/** The tokens of one row. */
export interface Sequence {
  readonly ids: Int32Array;
  /** Of each token: 0, or 1 in the second part of a pair. */
  readonly types: Int32Array;
  /** How many of them are a prompt's, or before it. */
  readonly promptTokens: number;
}

type TextInput = TextGraph["inputs"][number];

/** The inputs of one run: the rows, padded on the right to the longest. */
export function padRun(
  rows: readonly Sequence[],
  inputs: readonly TextInput[],
  padId: number,
): Tensor[] {
  const longest = Math.max(...rows.map(({ ids }) => ids.length));
  return inputs.map((name) => {
    // INT64 as pairs of words: BigInt would cost an object for each token. No value is negative.
    const words = new Int32Array(2 * rows.length * longest);
    for (const [row, sequence] of rows.entries()) {
      const start = row * longest;
      const { length } = sequence.ids;
      for (let at = 0; at < length; at++) words[2 * (start + at)] = valueAt(name, sequence, at);
      if (name !== "input_ids") continue;
      for (let at = length; at < longest; at++) words[2 * (start + at)] = padId;
    }
    const data = new Uint8Array(words.buffer);
    return { name, datatype: "INT64", shape: [rows.length, longest], data };
  });
}

/** Of the token at `at`. */
function valueAt(name: TextInput, { ids, types, promptTokens }: Sequence, at: number): number {
  switch (name) {
    case "input_ids":
      return ids[at] as number;
    case "token_type_ids":
      return types[at] as number;
    case "position_ids":
      return at;
    case "attention_mask":
      return 1;
    case "pooling_mask":
      return at < promptTokens ? 0 : 1;
  }
}
