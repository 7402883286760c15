import assert from "node:assert/strict";
import { it } from "node:test";
import { proveRows } from "../../../src/engine/onnx/rows/proof.ts";
import { scanModel } from "./scan-model.ts";
import { type ShortGraph, shortModel } from "./short-graph.ts";

/** Graphs by what they do; "x" is FP32 [n,4] unless said. */
export type RowCases = Readonly<
  Record<string, Partial<ShortGraph> & { readonly nodes: ShortGraph["nodes"] }>
>;

export async function proofOf(graph: RowCases[string]) {
  return proveRows(await scanModel(shortModel({ inputs: { x: ["n", 4] }, ...graph })));
}

/** One test for each graph, of which none can be run: only its structure matters. */
export function itProves(cases: RowCases): void {
  for (const [what, graph] of Object.entries(cases)) {
    it(`are kept apart by ${what}`, async () => {
      assert.deepEqual(await proofOf(graph), { isProven: true });
    });
  }
}

/** `reasons`: what the proof must say. */
export function itDoubts(
  cases: Readonly<Record<string, readonly [RowCases[string], RegExp]>>,
): void {
  for (const [what, [graph, reason]] of Object.entries(cases)) {
    it(`are not proven to be kept apart by ${what}`, async () => {
      const proof = await proofOf(graph);
      assert.equal(proof.isProven, false);
      assert.match(proof.isProven ? "" : proof.reason, reason);
    });
  }
}
