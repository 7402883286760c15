import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { proveRows } from "../../src/engine/onnx/rows/proof.ts";
import { Random } from "../support/attacks/mutate.ts";
import { randomGraph } from "../support/onnx/random-graphs.ts";
import { findDependence } from "../support/onnx/row-dependence.ts";
import { mutated, type RowMutation, rowMutations } from "../support/onnx/row-mutations.ts";
import { openModel } from "../support/onnx/run-model.ts";
import { scanModel } from "../support/onnx/scan-model.ts";

const mostGraphs = 400;

/** How many random graphs it takes to see the fault; undefined if it is not seen. */
async function graphsUntilSeen(mutation: RowMutation): Promise<number | undefined> {
  const operators = mutated(mutation);
  for (let graphs = 1; graphs <= mostGraphs; graphs++) {
    const random = new Random(graphs);
    const graph = randomGraph(random, { maxSteps: 4, only: mutation.growths });
    if (graph === undefined) continue;
    const scanned = await scanModel(graph.model);
    if (!proveRows(scanned, operators).isProven) continue;
    const model = openModel(graph.model);
    const dependence = findDependence(model, graph, random);
    model.release();
    if (dependence !== "mixed") continue;
    assert.equal(proveRows(scanned).isProven, false, `wrong without the fault:\n${graph.text}`);
    return graphs;
  }
  return undefined;
}

describe("a table of operators that says wrongly", { timeout: 600_000 }, () => {
  for (const mutation of rowMutations) {
    it(`${mutation.claim} is found out`, async (t) => {
      const graphs = await graphsUntilSeen(mutation);
      t.diagnostic(`by graph ${graphs}`);
      assert.ok(graphs !== undefined, `${mostGraphs} graphs did not show it`);
    });
  }
});
