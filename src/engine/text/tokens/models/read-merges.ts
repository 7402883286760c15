import { RuntimeError } from "../../../../base/errors.ts";
import type { ConfigFields } from "../config-fields.ts";

/** Which pairs of symbols are joined, and in which order. */
export interface Merges {
  /** The place of a pair in that order; undefined if it is not joined. */
  rankOf(left: number, right: number): number | undefined;
  /** By rank: the id of both together. */
  readonly joined: Int32Array;
}

/** Reads `merges`: pairs of pieces, or texts with a space between. `prefixLength`: of the prefix that pieces have which do not
 *  start a word. Throws RuntimeError "invalid-argument" for pieces that the vocabulary does not have. */
export function readMerges(
  model: ConfigFields,
  vocabulary: ReadonlyMap<string, number>,
  prefixLength: number,
): Merges {
  const list = model.list("merges");
  const ranks = new Map<number, number>();
  const joined = new Int32Array(list.length);
  const keyOf = (left: number, right: number) => left * 0x1000000 + right;
  const idOf = (piece: string, rank: number): number => {
    const id = vocabulary.get(piece);
    if (id !== undefined) return id;
    throw new RuntimeError(
      "invalid-argument",
      `tokenizer.json is malformed: '${model.pathOf("merges")}[${rank}]' makes or joins ${JSON.stringify(piece)}, which is not in the vocabulary; save it again with save_pretrained`,
    );
  };
  list.forEach((entry, rank) => {
    const pair = typeof entry === "string" ? entry.split(" ") : entry;
    if (!isPair(pair)) throw model.malformed("merges", "a list of pairs of texts");
    const [left, right] = pair;
    joined[rank] = idOf(left + right.slice(prefixLength), rank);
    ranks.set(keyOf(idOf(left, rank), idOf(right, rank)), rank);
  });
  return { rankOf: (left, right) => ranks.get(keyOf(left, right)), joined };
}

function isPair(value: unknown): value is [string, string] {
  return (
    Array.isArray(value) && value.length === 2 && value.every((part) => typeof part === "string")
  );
}
