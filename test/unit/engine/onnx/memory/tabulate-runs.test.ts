import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { type RunTable, tableBytes } from "../../../../../src/engine/contract/run-table.ts";
import { tabulateOnnxFile } from "../../../../../src/engine/onnx/memory/footprint.ts";
import { node, shortModel } from "../../../../support/onnx/short-graph.ts";

let directory = "";
before(async () => {
  directory = await mkdtemp(join(tmpdir(), "modelport-tabulate-"));
});
after(() => rm(directory, { recursive: true, force: true }));

async function tabulate(file: Uint8Array): Promise<RunTable | undefined> {
  const path = join(directory, "model.onnx");
  await writeFile(path, file);
  return await tabulateOnnxFile(path);
}

async function tableOf(file: Uint8Array): Promise<RunTable> {
  return (await tabulate(file)) ?? assert.fail("no table");
}

describe("the table of a graph", () => {
  it("has rows alone where nothing else varies, and is exact", async () => {
    const table = await tableOf(
      shortModel({
        inputs: { x: ["N", 16] },
        nodes: [node("wide = MatMul(x, a)"), node("y = MatMul(wide, b)")],
        constants: { a: { fp32: [16, 1000] }, b: { fp32: [1000, 4] } },
      }),
    );
    assert.deepEqual(table.axes, []);
    assert.deepEqual(table.rowInputs, ["x"]);
    // What is between the nodes, and "y" once there and once on its way out.
    for (const rows of [1, 10, 20_000]) {
      assert.equal(Math.round(tableBytes(table, rows, [])), rows * (4000 + 16 + 16));
    }
  });

  it("follows other dimensions by their names, in all inputs that have them", async () => {
    const table = await tableOf(
      shortModel({
        inputs: { q: ["N", "L", 8], k: ["N", 8, "L"] },
        nodes: [node("scores = MatMul(q, k)"), node("y = ReduceSum(scores)", { keepdims: 0 })],
      }),
    );
    const [axis, ...others] = table.axes;
    assert.deepEqual(others, []);
    assert.deepEqual(axis?.places, [
      { input: "q", axis: 1 },
      { input: "k", axis: 2 },
    ]);
    for (const length of [16, 100, 1000, 4096]) {
      const scores = 3 * 4 * length * length;
      const said = tableBytes(table, 3, [length]);
      assert.ok(said >= scores && said <= 1.01 * scores + 4096, `${length}: ${said} of ${scores}`);
    }
  });

  it("tells two that vary apart, and takes three for one, the biggest", async () => {
    const image = (shape: readonly (string | number)[]) =>
      shortModel({ inputs: { x: shape }, nodes: [node("a = Sin(x)"), node("y = Cos(a)")] });
    const two = await tableOf(image(["N", 3, "H", "W"]));
    assert.equal(two.axes.length, 2);
    const wide = tableBytes(two, 1, [16, 1000]);
    assert.ok(wide < tableBytes(two, 1, [1000, 1000]) / 50, String(wide));
    const three = await tableOf(image(["N", "C", "H", "W"]));
    assert.deepEqual(
      three.axes.map(({ places }) => places.map(({ axis }) => axis)),
      [[1, 2, 3]],
    );
    assert.ok(tableBytes(three, 1, [100]) >= 2 * 4 * 100 ** 3);
  });

  it("is of one size where nothing varies", async () => {
    const table = await tableOf(
      shortModel({ inputs: { x: [5, 100] }, nodes: [node("y = Sin(x)")] }),
    );
    assert.equal(tableBytes(table, 1, []), tableBytes(table, 77, []));
    assert.equal(tableBytes(table, 1, []), 4000);
  });

  it("is not made where shapes cannot be followed", async () => {
    const unknown = shortModel({
      inputs: { x: ["N", 4] },
      nodes: [node("a = example.com:Mystery(x)"), node("y = Sin(a)")],
    });
    assert.equal(await tabulate(unknown), undefined);
    const byValue = shortModel({
      inputs: { x: ["N", 4], shape: [2] },
      datatypes: { shape: "INT64" },
      nodes: [node("y = Expand(x, shape)")],
    });
    assert.equal(await tabulate(byValue), undefined);
  });
});
