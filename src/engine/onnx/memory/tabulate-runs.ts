import type { RunTable, TableAxis } from "../../contract/run-table.ts";
import type { OnnxGraph } from "../graph/model-graph.ts";
import { type DimensionSizes, dimensionKey, followShapes } from "../shapes/walk.ts";
import { bytesOf, runMemory } from "./run-memory.ts";

/** In most models what a run takes grows evenly with the rows. */
const rowSamples: readonly number[] = [1, 64, 4096];
/** By the number of other axes: the table is their product. */
const sizeSamples: readonly (readonly number[])[] = [
  [],
  [16, 64, 256, 1024, 4096, 16_384],
  [16, 128, 1024, 8192],
];
const mostAxes = 2;
/** The number of nodes visited for one table, which bounds what a huge graph can ask for. */
const mostSteps = 400_000;

interface VariableAxis {
  /** As `dimensionKey` returns it. */
  readonly keys: readonly string[];
  readonly axis: TableAxis;
}

/** What runs of the graph take beyond its session and their inputs: values between its nodes, and its outputs
 *  once more, which are on their way to the server when the next run begins. Undefined if that does not
 *  follow from the shapes of its inputs. */
export function tabulateRuns(graph: OnnxGraph): RunTable | undefined {
  const axes = variableAxes(graph);
  const rows = rowSamples;
  const rowInputs = graph.inputs
    .filter(({ dims }) => typeof dims?.[0] === "string")
    .map(({ name }) => name);
  const bytes: number[] = [];
  let steps = 0;
  for (const sizes of combinations(axes)) {
    for (const count of rowInputs.length > 0 ? rows : rows.slice(0, 1)) {
      const sample = sampleOf(graph, count, sizes);
      steps += graph.nodes.length;
      if (sample === undefined || steps > mostSteps) return undefined;
      bytes.push(sample);
    }
  }
  const table = { rowInputs, axes: axes.map(({ axis }) => axis) };
  if (rowInputs.length > 0) return { ...table, rows, bytes };
  return { ...table, rows: rows.slice(0, 2), bytes: bytes.flatMap((value) => [value, value]) };
}

/** For one number of rows and sizes of the other dimensions. */
export function sampleOf(
  graph: OnnxGraph,
  rows: number,
  sizes: DimensionSizes,
): number | undefined {
  const body = followShapes(graph, rows, sizes);
  const { isClear, peakBytes } = runMemory(body);
  if (!isClear) return undefined;
  let outputBytes = 0;
  for (const name of body.outputs) {
    const value = body.values.get(name);
    if (value !== undefined) outputBytes += bytesOf(value);
  }
  return peakBytes + outputBytes;
}

function variableAxes(graph: OnnxGraph): readonly VariableAxis[] {
  const places = new Map<string, TableAxis["places"][number][]>();
  for (const input of graph.inputs) {
    for (const [axis, dim] of (input.dims ?? []).entries()) {
      if (typeof dim !== "string" || axis === 0) continue;
      const key = dimensionKey(dim, input, axis);
      const known = places.get(key);
      if (known === undefined) places.set(key, [{ input: input.name, axis }]);
      else known.push({ input: input.name, axis });
    }
  }
  const keys = [...places.keys()];
  // More than two become one, as large as the largest: that bounds all of them.
  const groups = keys.length > mostAxes ? [keys] : keys.map((key) => [key]);
  const sizes = sizeSamples[groups.length] ?? [];
  return groups.map((group) => ({
    keys: group,
    axis: { sizes, places: group.flatMap((key) => places.get(key) ?? []) },
  }));
}

/** The sizes of all axes, those of the first changing fastest. */
function combinations(axes: readonly VariableAxis[]): readonly DimensionSizes[] {
  let made: readonly DimensionSizes[] = [new Map()];
  for (const { keys, axis } of axes) {
    made = axis.sizes.flatMap((size) =>
      made.map((before) => new Map([...before, ...keys.map((key) => [key, size] as const)])),
    );
  }
  return made;
}
