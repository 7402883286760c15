import type { CatboostTree } from "./catboost-model.ts";
import { malformed } from "./catboost-refusal.ts";
import { asIndex, asNumbers, asObject } from "./json-values.ts";

/** A node whose number is to be put among the children of its parent. */
interface Waiting {
  readonly node: unknown;
  readonly parent: number;
  readonly children: number[];
}

/** A tree of nested nodes: `{split, left, right}`, or `{value}` of a number or a list. `name`: what messages call it. */
export function readBranches(root: unknown, name: string): CatboostTree {
  const split: number[] = [];
  const left: number[] = [];
  const right: number[] = [];
  const leafValues = new Map<number, readonly number[]>();
  // Children wait for their numbers. Nested calls would end where a hostile file nests deeply.
  const waiting: Waiting[] = [{ node: root, parent: 0, children: [] }];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const number = split.length;
    const owner = `node ${number} of ${name}`;
    const node = asObject(next.node, owner);
    next.children[next.parent] = number;
    split.push(-1);
    left.push(-1);
    right.push(-1);
    const { value } = node;
    if (value !== undefined) {
      leafValues.set(
        number,
        typeof value === "number" ? [value] : asNumbers(value, `the value of ${owner}`),
      );
      continue;
    }
    split[number] = asIndex(
      asObject(node["split"], `the split of ${owner}`)["split_index"],
      `the "split_index" of ${owner}`,
    );
    waiting.push({ node: node["right"], parent: number, children: right });
    waiting.push({ node: node["left"], parent: number, children: left });
  }
  return {
    kind: "branching",
    split: Int32Array.from(split),
    left: Int32Array.from(left),
    right: Int32Array.from(right),
    values: valuesOf(leafValues, { nodeCount: split.length, name }),
  };
}

function valuesOf(
  leafValues: ReadonlyMap<number, readonly number[]>,
  { nodeCount, name }: { readonly nodeCount: number; readonly name: string },
): Float64Array {
  const dimension = leafValues.values().next().value?.length ?? 0;
  const values = new Float64Array(nodeCount * dimension);
  for (const [node, own] of leafValues) {
    if (own.length !== dimension) {
      throw malformed(`node ${node} of ${name} has ${own.length} values, others have ${dimension}`);
    }
    values.set(own, node * dimension);
  }
  return values;
}
