import {
  at,
  broadcast,
  known,
  type NodeView,
  ruleTable,
  type Shape,
  unclear,
} from "./node-view.ts";

// Matrix products, and operators defined by equations.

export function product(a: Shape, b: Shape): Shape {
  if (a.length === 0 || b.length === 0) throw unclear();
  const rows = a.length === 1 ? [] : [at(a, -2)];
  const columns = b.length === 1 ? [] : [at(b, -1)];
  return [...broadcast(a.slice(0, -2), b.slice(0, -2)), ...rows, ...columns];
}

export function multipliesMatrices(node: NodeView): readonly Shape[] {
  const rows = at(node.shape(0), node.int("transA", 0) === 0 ? 0 : 1);
  const columns = at(node.shape(1), node.int("transB", 0) === 0 ? 1 : 0);
  return [[rows, columns]];
}

const ellipsis = "...";

/** "Einsum": letters stand for sizes, an ellipsis for all dimensions without a letter. */
function einsum(node: NodeView): readonly Shape[] {
  const equation = node.text("equation").replaceAll(" ", "");
  const [terms = "", result] = equation.split("->");
  const inputs = terms.split(",");
  if (equation === "" || inputs.length !== node.inputCount) throw unclear();
  const sizes = new Map<string, number>();
  let batch: Shape = [];
  for (const [index, term] of inputs.entries()) {
    batch = broadcast(batch, readTerm({ term, shape: node.shape(index), sizes }));
  }
  const letters = result ?? implied(terms);
  return [
    letters
      .replace(ellipsis, ".")
      .split("")
      .flatMap((letter) => (letter === "." ? batch : [known(sizes.get(letter))])),
  ];
}

interface Term {
  readonly term: string;
  readonly shape: Shape;
  /** Sizes by letter; those of this term are added. */
  readonly sizes: Map<string, number>;
}

/** The dimensions that the term's ellipsis stands for. */
function readTerm({ term, shape, sizes }: Term): Shape {
  const [before = "", after = ""] = term.split(ellipsis);
  const batchRank = term.includes(ellipsis) ? shape.length - before.length - after.length : 0;
  const afterAt = before.length + batchRank;
  const note = (letters: string, first: number) => {
    for (const [index, letter] of letters.split("").entries()) {
      const size = at(shape, first + index);
      if (size !== 1 || !sizes.has(letter)) sizes.set(letter, size);
    }
  };
  note(before, 0);
  note(after, afterAt);
  return shape.slice(before.length, afterAt);
}

/** Without a result term: the letters that occur once, in alphabetical order. */
function implied(terms: string): string {
  const letters = terms.replaceAll(/[.,]/g, "").split("");
  const single = letters.filter(
    (letter) => letters.indexOf(letter) === letters.lastIndexOf(letter),
  );
  return (terms.includes(ellipsis) ? ellipsis : "") + single.toSorted().join("");
}

export const matrixRules = ruleTable("", [
  ["MatMul MatMulInteger", (node) => [product(node.shape(0), node.shape(1))]],
  ["QLinearMatMul", (node) => [product(node.shape(0), node.shape(3))]],
  ["Gemm", multipliesMatrices],
  ["Einsum", einsum],
  ["Det", (node) => [node.shape(0).slice(0, -2)]],
]);
