import type { OnnxBody, OnnxGraph, OnnxNode } from "./onnx-graph.ts";
import { type FollowedBody, type FollowedValue, followShapes } from "./onnx-shape-walk.ts";
import { storedBytes } from "./onnx-tensor-bytes.ts";

/** What a run takes beside the weights. */
export interface RunMemory {
  /** What nodes make of constants alone: computed at the load and kept, or all at once before a run. */
  readonly constantBytes: number;
  /** The most that is there between nodes at any time. */
  readonly peakBytes: number;
  /** Whether the shapes of all values were clear; else some are guesses. */
  readonly isClear: boolean;
}

/** As CPU kernels have them: half-precision is computed in FP32. */
const halfBytes = 2;
const singleBytes = 4;
/** Above all machines, and small enough for sums to stay exact. */
const mostBytes = 2 ** 42;

/** Follows the shapes through the graph for a run on `rows` rows. Never throws. */
export function runMemory(graph: OnnxGraph, rows: number): RunMemory {
  const { constantBytes, peakBytes, isClear } = memoryOf(followShapes(graph, rows));
  return { constantBytes, peakBytes, isClear };
}

function memoryOf(body: FollowedBody): RunMemory {
  const lastUses = lastUsesOf(body);
  const live = new Map<string, number>();
  let constantBytes = 0;
  let liveBytes = 0;
  let peakBytes = 0;
  let isClear = true;
  for (const [index, { node, results, bodies }] of body.nodes.entries()) {
    let innerBytes = 0;
    for (const inner of bodies.map(memoryOf)) {
      innerBytes = Math.max(innerBytes, inner.peakBytes);
      constantBytes += inner.constantBytes;
      isClear &&= inner.isClear;
    }
    for (const [at, value] of results.entries()) {
      isClear &&= !value.isGuess;
      const bytes = bytesOf(value);
      if (value.isConstant) constantBytes += bytes;
      else {
        live.set(node.outputs[at] ?? "", bytes);
        liveBytes += bytes;
      }
    }
    peakBytes = Math.max(peakBytes, liveBytes + innerBytes);
    for (const name of lastUses.get(index) ?? []) {
      liveBytes -= live.get(name) ?? 0;
      live.delete(name);
    }
  }
  return {
    peakBytes: Math.min(peakBytes, mostBytes),
    constantBytes: Math.min(constantBytes, mostBytes),
    isClear,
  };
}

/** Index of a node -> the results of nodes that nobody needs after it. */
function lastUsesOf({ nodes, outputs }: FollowedBody): ReadonlyMap<number, readonly string[]> {
  const last = new Map<string, number>();
  for (const [index, { node }] of nodes.entries()) {
    for (const name of node.outputs) last.set(name, index);
    for (const name of namesUsedBy(node)) if (last.has(name)) last.set(name, index);
  }
  const byNode = new Map<number, string[]>();
  const kept = new Set(outputs);
  for (const [name, index] of last) {
    if (kept.has(name)) continue;
    const names = byNode.get(index);
    if (names === undefined) byNode.set(index, [name]);
    else names.push(name);
  }
  return byNode;
}

/** Its inputs, and what its subgraphs take from around them. */
function namesUsedBy(node: OnnxNode): readonly string[] {
  const names = [...node.inputs];
  for (const { graph } of node.attributes.values()) {
    if (graph !== undefined) names.push(...namesIn(graph));
  }
  return names;
}

function namesIn({ nodes, outputs }: OnnxBody): readonly string[] {
  return [...nodes.flatMap(namesUsedBy), ...outputs];
}

/** Never beyond counting, whatever the file says. */
function bytesOf({ shape, datatype }: FollowedValue): number {
  if (shape.includes(0)) return 0;
  const stored = storedBytes(datatype);
  const elementBytes = stored === halfBytes ? singleBytes : stored;
  return Math.min(
    shape.reduce((count, size) => count * size, elementBytes),
    mostBytes,
  );
}
