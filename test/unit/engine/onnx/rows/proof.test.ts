import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, it } from "node:test";
import { scanOnnxFile } from "../../../../../src/engine/onnx/graph/scan-file.ts";
import { proveRows } from "../../../../../src/engine/onnx/rows/proof.ts";
import { crashesAtRun, failsAtRun, unknownOp } from "../../../../support/models/failing-models.ts";
import { slowLoop } from "../../../../support/models/heavy-models.ts";
import { conv, mlp, weights } from "../../../../support/models/layered-models.ts";
import {
  addOne,
  fixedShape,
  identity,
  mixesRows,
  passesThrough,
  scalar,
  twoInputsTwoOutputs,
} from "../../../../support/models/simple-models.ts";
import { itDoubts, itProves, proofOf } from "../../../../support/onnx/row-cases.ts";
import { scanModel } from "../../../../support/onnx/scan-model.ts";
import { node } from "../../../../support/onnx/short-graph.ts";
import { projectRoot } from "../../../../support/servers/served.ts";

const alone = node("y = Relu(x)");

describe("the proof of rows", () => {
  const proven = {
    addOne: addOne(),
    identity: identity("BYTES"),
    passesThrough: passesThrough(),
    twoInputsTwoOutputs: twoInputsTwoOutputs(),
    mlp: mlp({ inputs: 4, hidden: 8, outputs: 2 }),
    conv: conv(),
    weights: weights({ bytes: 1000 }),
    "INT8 weights": weights({ bytes: 1000, datatype: "INT8" }),
    failsAtRun: failsAtRun(),
    crashesAtRun: crashesAtRun("x"),
  };
  for (const [name, model] of Object.entries(proven)) {
    it(`holds for ${name}`, async () => {
      assert.deepEqual(proveRows(await scanModel(model)), { isProven: true });
    });
  }

  const doubted = {
    mixesRows: mixesRows(),
    slowLoop: slowLoop(),
    unknownOp: unknownOp(),
    scalar: scalar(),
    fixedShape: fixedShape(),
  };
  for (const [name, model] of Object.entries(doubted)) {
    it(`does not hold for ${name}`, async () => {
      assert.equal(proveRows(await scanModel(model)).isProven, false);
    });
  }

  for (const file of ["digits/model.onnx", "iris/1/model.onnx"]) {
    it(`holds for the example ${file}`, async () => {
      const path = join(projectRoot, "examples/models", file);
      assert.ok((await readFile(path)).length > 0);
      assert.deepEqual(proveRows((await scanOnnxFile(path)).graph), { isProven: true });
    });
  }

  it("is not tried on a graph that is too big", () => {
    const proof = proveRows(undefined);
    assert.deepEqual(proof, {
      isProven: false,
      reason: "the graph is too big to be looked through",
    });
  });

  it("names the operator that ended it, by what it makes", async () => {
    const proof = await proofOf({ nodes: [node("s = CumSum(x, a)"), node("y = Relu(s)")] });
    assert.deepEqual(proof, {
      isProven: false,
      reason: "CumSum (of 's') takes 'a', which no node makes",
    });
  });

  itDoubts({
    "an operator of another domain": [{ nodes: [node("y = my.ops:Relu(x)")] }, /my\.ops\.Relu/],
    "operators of a version to come": [{ nodes: [alone], opset: 99 }, /version 99/],
    "an output that is a constant": [
      { nodes: [node("y = Identity(c)")], constants: { c: { fp32: [3] } } },
      /does not depend on the rows/,
    ],
    "an output whose rows do not come first": [
      { nodes: [node("y = Transpose(x)")] },
      /one row for each row/,
    ],
    "an output with several rows for each": [
      { nodes: [node("y = Reshape(x, s)")], constants: { s: [-1, 2] } },
      /one row for each row/,
    ],
    "an input with a fixed first dimension": [
      { nodes: [alone], inputs: { x: [2, 4] } },
      /first dimension that varies/,
    ],
    "values of random": [{ nodes: [node("y = RandomUniformLike(x)")] }, /RandomUniformLike/],
  });

  itProves({
    "an output that is lost to nobody": {
      nodes: [node("unused = CumSum(x, a)"), alone],
      constants: { a: 0 },
    },
  });
});
