import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { proveRows } from "../../src/engine/onnx/rows/proof.ts";
import { fuzzSeed } from "../support/attacks/fuzz-run.ts";
import { Random } from "../support/attacks/mutate.ts";
import { randomGraph } from "../support/onnx/random-graphs.ts";
import { type Dependence, findDependence } from "../support/onnx/row-dependence.ts";
import { openModel } from "../support/onnx/run-model.ts";
import { scanModel } from "../support/onnx/scan-model.ts";

/** A long search is for people; CI has to stay short. */
const graphs = Number(process.env["MODELPORT_PROOF_GRAPHS"] || 800);
/** The same each time: once in some ten thousand graphs, rounding tips a comparison of equals, which somebody
 *  has to look at. A long search takes another seed each time. */
const usualSeed = "1";
/** Of the graphs whose rows are independent, by what their runs show. */
const leastProven = 0.9;

describe("the proof of rows, beside what joined runs show", { timeout: 3_600_000 }, () => {
  it(`is never wrong on ${graphs} random graphs, and holds for most that deserve it`, async (t) => {
    const isLong = process.env["MODELPORT_PROOF_GRAPHS"] !== undefined;
    const seed = fuzzSeed(process.env["MODELPORT_FUZZ_SEED"] || (isLong ? undefined : usualSeed));
    t.diagnostic(`repeat with MODELPORT_FUZZ_SEED=${seed} MODELPORT_PROOF_GRAPHS=${graphs}`);
    const seeds = new Random(seed);
    const found: Record<string, number> = {};
    for (let made = 0; made < graphs; ) {
      const random = new Random(seeds.below(2 ** 31 - 1));
      const graph = randomGraph(random);
      if (graph === undefined) continue;
      const dependence = dependenceOf(graph, random);
      if (dependence === "cannot run") continue;
      made++;
      const { isProven } = proveRows(await scanModel(graph.model));
      const kind = `${dependence}, ${isProven ? "proven" : "not proven"}`;
      found[kind] = (found[kind] ?? 0) + 1;
      assert.ok(!isProven || dependence === "apart", `${dependence} but proven:\n${graph.text}`);
    }
    t.diagnostic(JSON.stringify(found));
    const proven = found["apart, proven"] ?? 0;
    const apart = proven + (found["apart, not proven"] ?? 0);
    assert.ok(proven >= leastProven * apart, `${proven} of ${apart} are proven`);
    assert.ok((found["mixed, not proven"] ?? 0) >= graphs / 20, "graphs mix rows too rarely");
  });
});

function dependenceOf(
  graph: NonNullable<ReturnType<typeof randomGraph>>,
  random: Random,
): Dependence {
  let model: ReturnType<typeof openModel>;
  try {
    model = openModel(graph.model);
  } catch {
    return "cannot run";
  }
  try {
    return findDependence(model, graph, random);
  } finally {
    model.release();
  }
}
