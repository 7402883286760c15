import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { scanOnnxFile } from "../../../../../src/engine/onnx/graph/scan-file.ts";
import { boundedOperators } from "../../../../../src/engine/onnx/shapes/selection.ts";
import { followShapes } from "../../../../../src/engine/onnx/shapes/walk.ts";
import { type ShapeCase, shapeCases } from "./shape-cases.ts";

/** Of all outputs that are tensors; it may rise, and must not fall. */
const leastClearShare = 0.98;

let directory = "";
before(async () => {
  directory = await mkdtemp(join(tmpdir(), "modelport-shape-cases-"));
});
after(() => rm(directory, { recursive: true, force: true }));

/** Of each output: undefined where it is not clear. Checks its datatype, which the model says. */
async function shapesOf({ name, model }: ShapeCase): Promise<(readonly number[] | undefined)[]> {
  const file = join(directory, "model.onnx");
  await writeFile(file, model);
  const { graph } = await scanOnnxFile(file);
  assert.ok(graph !== undefined);
  const followed = followShapes(graph, 1);
  return followed.outputs.map((output) => {
    const value = followed.values.get(output);
    if (value === undefined || value.isGuess) return undefined;
    assert.equal(value.datatype, graph.described.get(output)?.datatype, `datatype of ${name}`);
    return value.shape;
  });
}

describe("the shapes of ONNX's own node models", () => {
  const clear = new Map<string, { clear: number; all: number }>();
  const faults: string[] = [];

  before(async () => {
    for (const each of shapeCases()) {
      const shapes = await shapesOf(each);
      const count = clear.get(each.op) ?? { clear: 0, all: 0 };
      clear.set(each.op, count);
      for (const [output, actual] of each.actual.entries()) {
        if (actual === null) continue;
        count.all++;
        const shape = shapes[output];
        if (shape === undefined) continue;
        count.clear++;
        const inferred = each.inferred[output] ?? null;
        const isBound = boundedOperators.has(each.op);
        if (!fits(shape, actual, isBound) || !(isBound || agrees(shape, inferred))) {
          faults.push(`${each.name} ${output}: [${shape}] for [${actual}], onnx [${inferred}]`);
        }
      }
    }
  });

  it("are never clear and wrong", () => {
    assert.deepEqual(faults, []);
  });

  it("are clear for nearly all", (test) => {
    const counts = [...clear.values()];
    const all = counts.reduce((sum, each) => sum + each.all, 0);
    const known = counts.reduce((sum, each) => sum + each.clear, 0);
    test.diagnostic(`${known} of ${all} outputs of ${clear.size} operators are clear`);
    const partly = [...clear].filter(([, each]) => each.clear < each.all);
    for (const [op, each] of partly) test.diagnostic(`${op}: ${each.clear} of ${each.all}`);
    assert.ok(known >= leastClearShare * all, `${known} of ${all}`);
  });
});

function fits(shape: readonly number[], actual: readonly number[], isBound: boolean): boolean {
  return (
    shape.length === actual.length &&
    shape.every((size, axis) => size === actual[axis] || (isBound && size >= (actual[axis] ?? 0)))
  );
}

function agrees(shape: readonly number[], inferred: readonly (number | null)[] | null): boolean {
  if (inferred === null) return true;
  return (
    shape.length === inferred.length &&
    inferred.every((size, axis) => size === null || size === shape[axis])
  );
}
