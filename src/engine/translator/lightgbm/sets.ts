import type { LightgbmTree } from "./lightgbm-model.ts";

/** The bit set of a categorical node; undefined if there is none. */
export function setOf(tree: LightgbmTree, node: number): Uint32Array | undefined {
  const set = tree.threshold[node] as number;
  if (!Number.isInteger(set) || set < 0) return undefined;
  const start = tree.setBounds[set];
  const end = tree.setBounds[set + 1];
  return start === undefined || end === undefined ? undefined : tree.setWords.subarray(start, end);
}

/** One more than the largest member, 0 for an empty set. */
export function sizeOf(words: Uint32Array): number {
  for (let at = words.length - 1; at >= 0; at--) {
    const word = words[at] as number;
    if (word !== 0) return 32 * (at + 1) - Math.clz32(word);
  }
  return 0;
}

/** In ascending order. */
export function membersOf(words: Uint32Array): number[] {
  const members: number[] = [];
  for (const [at, word] of words.entries()) {
    for (let rest = word; rest !== 0; rest &= rest - 1) {
      members.push(32 * at + 31 - Math.clz32(rest & -rest));
    }
  }
  return members;
}
