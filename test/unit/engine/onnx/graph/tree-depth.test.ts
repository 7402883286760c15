import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { RuntimeError } from "../../../../../src/base/errors.ts";
import { scanOnnxFile } from "../../../../../src/engine/onnx/graph/scan-file.ts";
import { type Attribute, nodeFields } from "../../../../../src/engine/onnx/write/onnx-fields.ts";
import { joined, message, nested } from "../../../../../src/engine/onnx/write/protobuf-message.ts";

/** The bytes of a model of one forest. */
function modelOf(op: string, attributes: Record<string, Attribute>): Uint8Array {
  const node = nodeFields({ op, domain: "ai.onnx.ml", inputs: ["x"], outputs: ["y"], attributes });
  return joined(nested(7, message([nested(1, node)])));
}

function list(length: number, value: (at: number) => number): Attribute {
  return { ints: Array.from({ length }, (_, at) => value(at)) };
}

/** One tree whose inner nodes follow each other, with a leaf beside each. */
function chainOfPositions(depth: number): Record<string, Attribute> {
  return {
    tree_roots: { ints: [0] },
    nodes_truenodeids: list(depth, (at) => at),
    nodes_trueleafs: list(depth, () => 1),
    nodes_falsenodeids: list(depth, (at) => (at === depth - 1 ? depth : at + 1)),
    nodes_falseleafs: list(depth, (at) => (at === depth - 1 ? 1 : 0)),
  };
}

/** The same as lists of nodes and leaves. `number`: of the node at a place. */
function chainOfIds(
  depth: number,
  { tree = 0, number = (at: number) => at } = {},
): Record<string, Attribute> {
  const count = 2 * depth + 1;
  return {
    nodes_treeids: list(count, () => tree),
    nodes_nodeids: list(count, number),
    nodes_truenodeids: list(count, (at) => (at < depth ? number(depth + 1 + at) : 0)),
    nodes_falsenodeids: list(count, (at) => (at < depth ? number(at + 1) : 0)),
  };
}

describe("scanOnnxFile, given trees", () => {
  let directory: string;
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), "modelport-depth-"));
  });
  after(() => rm(directory, { recursive: true }));

  async function scan(op: string, attributes: Record<string, Attribute>) {
    const file = join(directory, "model.onnx");
    await writeFile(file, modelOf(op, attributes));
    return scanOnnxFile(file);
  }

  const shuffled = { number: (at: number) => (at === 0 ? 0 : 1_000_000 - at) };
  const kinds: readonly (readonly [
    string,
    string,
    (depth: number) => Record<string, Attribute>,
  ])[] = [
    ["TreeEnsemble", "TreeEnsemble", chainOfPositions],
    ["TreeEnsembleRegressor", "TreeEnsembleRegressor", (depth) => chainOfIds(depth)],
    ["TreeEnsembleClassifier", "TreeEnsembleClassifier", (depth) => chainOfIds(depth, { tree: 7 })],
    ["numbers in another order", "TreeEnsembleRegressor", (depth) => chainOfIds(depth, shuffled)],
  ];
  for (const [name, op, make] of kinds) {
    it(`accepts 4,000 levels (${name})`, async () => {
      assert.equal((await scan(op, make(4_000))).nodeCount, 1);
    });

    it(`refuses 5,000 and 100,000 levels before ONNX Runtime sees them (${name})`, async () => {
      for (const depth of [5_000, 100_000]) {
        await assert.rejects(
          scan(op, make(depth)),
          (reason) =>
            reason instanceof RuntimeError &&
            reason.kind === "invalid-argument" &&
            /has a tree of more than 4096 levels, which ONNX Runtime cannot load/.test(
              reason.message,
            ),
        );
      }
    });
  }

  it("accepts many trees that are not deep", async () => {
    const count = 30_000;
    const stumps = {
      tree_roots: list(count, (at) => at),
      nodes_truenodeids: list(count, (at) => 2 * at),
      nodes_trueleafs: list(count, () => 1),
      nodes_falsenodeids: list(count, (at) => 2 * at + 1),
      nodes_falseleafs: list(count, () => 1),
    };
    assert.equal((await scan("TreeEnsemble", stumps)).nodeCount, 1);
  });

  it("does not loop in cycles, nor beyond the nodes", async () => {
    const count = 5_000;
    for (const child of [() => 0, (at: number) => at, () => -1, () => 10 ** 9]) {
      const cyclic = {
        nodes_truenodeids: list(count, child),
        nodes_falsenodeids: list(count, child),
      };
      await scan("TreeEnsemble", { tree_roots: { ints: [0, -5, count] }, ...cyclic });
      await scan("TreeEnsembleRegressor", { nodes_treeids: list(count, () => 0), ...cyclic });
    }
  });
});
