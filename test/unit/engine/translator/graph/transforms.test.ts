import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { GraphBuilder } from "../../../../../src/engine/onnx/write/graph-builder.ts";
import type { FloatType } from "../../../../../src/engine/onnx/write/graph-tensor.ts";
import { type ClassLabels, labelsOf } from "../../../../../src/engine/translator/graph/labels.ts";
import {
  exponential,
  flatten,
  sigmoid,
  softmax,
  withComplement,
} from "../../../../../src/engine/translator/graph/transforms.ts";
import {
  type CategoryColumns,
  wholeCategories,
} from "../../../../../src/engine/translator/graph/whole-categories.ts";
import { openTranslated } from "../../../../support/trees/run-translated.ts";

interface Case {
  readonly type?: FloatType;
  readonly columns?: number;
  readonly make: (graph: GraphBuilder, x: string) => string;
}

/** What a graph of one value answers for `values`. */
function answer(values: readonly number[], { type = "float", columns = 1, make }: Case): number[] {
  const graph = new GraphBuilder();
  const made = make(graph, graph.input("input", type, ["N", columns]));
  graph.output("y", made, { type, shape: ["N"] });
  const model = openTranslated(graph.finish());
  const numbers = type === "float" ? Float32Array : Float64Array;
  const answers = model.run({ values: numbers.from(values), columns }).get("y");
  model.release();
  return answers as number[];
}

function labelsFor(labels: ClassLabels, scores: readonly number[]): unknown {
  const graph = new GraphBuilder();
  const input = graph.input("input", "float", ["N", labels.length]);
  const { value, type } = labelsOf(graph, input, labels);
  graph.output("predict", value, { type, shape: ["N"] });
  const model = openTranslated(graph.finish());
  const values = Float32Array.from(scores);
  const answers = model.run({ values, columns: labels.length }).get("predict");
  model.release();
  return answers;
}

const f = Math.fround;
const numbers = [0, -0, 1, -1, 0.3, -7.25, 20, -40, 88, -100, 100, 1e30, -1e30].map(f);

/** Numbers for which the C library's expf does not answer the nearest float. */
const unevenPowers: readonly (readonly [number, number])[] = [
  [0.092534139752388, 1.096950650215149],
  [0.011082109995186329, 1.011143684387207],
  [-0.10489722341299057, 0.9004170894622803],
  [-0.7878586053848267, 0.4548177123069763],
  [0.6782217025756836, 1.9703707695007324],
  [2.399179697036743, 11.014138221740723],
];

describe("exponential", () => {
  const make = (graph: GraphBuilder, x: string) => exponential(graph, x, "float");

  it("is that of the C library in float", () => {
    assert.deepEqual(
      answer(numbers, { make }),
      numbers.map((x) => f(Math.exp(x))),
    );
    assert.deepEqual(
      answer(
        unevenPowers.map(([x]) => x),
        { make },
      ),
      unevenPowers.map(([, power]) => power),
    );
  });

  it("takes what has no power that is a float", () => {
    const ends = [Infinity, -Infinity, NaN, 88.8, -104];
    assert.deepEqual(answer(ends, { make }), [Infinity, 0, NaN, Infinity, 0]);
  });
});

describe("sigmoid", () => {
  it("computes in float as XGBoost does, with a bound on the exponent", () => {
    assert.deepEqual(
      answer(numbers, { make: (graph, x) => sigmoid(graph, x, { type: "float" }) }),
      numbers.map((x) => f(1 / f(f(Math.exp(Math.min(f(-x), f(88.7)))) + 1))),
    );
  });

  it("takes a slope in double", () => {
    const make = (graph: GraphBuilder, x: string) =>
      sigmoid(graph, x, { type: "double", slope: 2 });
    const answers = answer(numbers, { type: "double", make });
    for (const [at, x] of numbers.entries()) {
      const expected = 1 / (1 + Math.exp(-2 * x));
      assert.ok(Math.abs((answers[at] as number) - expected) <= 1e-15 * expected, `${x}`);
    }
  });
});

describe("softmax", () => {
  it("takes the largest score of a row away first", () => {
    const make = (graph: GraphBuilder, x: string) => softmax(graph, x, "float");
    const [a = 0, b = 0, c = 0, ...second] = answer([1e4, 1e4 - 1, -1e4, 0, 0, 0], {
      columns: 3,
      make,
    });
    assert.deepEqual(
      [a, b, c],
      [f(1 / f(1 + f(Math.exp(-1)))), f(f(Math.exp(-1)) / f(1 + f(Math.exp(-1)))), 0],
    );
    assert.deepEqual(second, [f(1 / 3), f(1 / 3), f(1 / 3)]);
  });
});

describe("withComplement", () => {
  it("puts the other class first", () => {
    const make = (graph: GraphBuilder, x: string) =>
      flatten(graph, withComplement(graph, x, "float"));
    assert.deepEqual(answer([0.25, 1], { make }), [0.75, 0.25, 0, 1]);
  });
});

describe("labelsOf", () => {
  const scores = [1, 2, 2, 3, 1, 3];

  it("takes the first of equal scores", () => {
    assert.deepEqual(labelsFor([0, 1, 2], scores), [1, 0]);
  });

  it("answers in the labels' own type", () => {
    assert.deepEqual(labelsFor([7, -1, 2 ** 40], scores), [-1, 7]);
    assert.deepEqual(labelsFor([0.5, 1, 2], scores), [1, 0.5]);
    assert.deepEqual(labelsFor(["no", "größer", "x"], scores), ["größer", "no"]);
    assert.deepEqual(labelsFor([false, true], [1, 2, 2, 1]), [true, false]);
  });
});

describe("wholeCategories", () => {
  const codes = [0, 2, 2.9, 3, -0.5, -1, -7, Infinity, -Infinity, NaN, 1e30];

  /** The second of two columns has three categories. */
  function prepared(belowZero: CategoryColumns["belowZero"], type: FloatType): number[] {
    const sizes = new Map([[1, 3]]);
    const make = (graph: GraphBuilder, x: string) =>
      flatten(graph, wholeCategories(graph, x, { type, columns: 2, sizes, belowZero }));
    return answer(
      codes.flatMap((code) => [code, code]),
      { type, columns: 2, make },
    );
  }

  for (const type of ["float", "double"] as const) {
    it(`leaves other columns as they are (${type})`, () => {
      const values = prepared("none", type).filter((_, at) => at % 2 === 0);
      assert.deepEqual(values, type === "float" ? codes.map(f) : codes);
    });

    it(`truncates codes, and replaces what is none by their number (${type})`, () => {
      const none = prepared("none", type).filter((_, at) => at % 2 === 1);
      assert.deepEqual(none, [0, 2, 2, 3, 3, 3, 3, 3, 3, NaN, 3]);
      const zero = prepared("zero", type).filter((_, at) => at % 2 === 1);
      assert.deepEqual(zero, [0, 2, 2, 3, 0, 3, 3, 3, 3, NaN, 3]);
    });
  }
});
