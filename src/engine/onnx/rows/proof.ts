import type { RowProof } from "../../contract/model-format.ts";
import {
  functionKey,
  type OnnxGraph,
  type OnnxNode,
  type OnnxValue,
} from "../graph/model-graph.ts";
import { type Count, isOne, known, named } from "./count.ts";
import { RowNode, RowsLost } from "./node.ts";
import { type RowOperators, rowOperators } from "./operators.ts";
import { constantValue } from "./size-rules.ts";
import { isFixed, isLost, type LostValue, type RowValue, withDims } from "./value.ts";

type Followed = RowValue | LostValue;

/** Versions of ONNX's own operators that the rules cover. */
const [oldestOpset, newestOpset] = [7, 26];
/** Domains whose operators are covered at all. */
const domains = new Set(["", "ai.onnx.ml", "com.microsoft"]);
const maxNameLength = 80;
/** TensorProto.DataType.STRING */
const textType = 8;

/** Follows the first dimension of all inputs of `graph` to its outputs; undefined means a graph that was too
 *  big to read. Proven means: for any numbers of rows, the outputs for inputs joined along their first
 *  dimensions are those of the single inputs, joined in the same way. Inputs without elements are excluded.
 *  `operators` is overridden in tests. */
export function proveRows(
  graph: OnnxGraph | undefined,
  operators: RowOperators = rowOperators,
): RowProof {
  if (graph === undefined) return unproven("the graph is too big to be looked through");
  const opset = graph.opsets.get("");
  if (opset !== undefined && (opset < oldestOpset || opset > newestOpset)) {
    return unproven(`operators of version ${opset} are not known`);
  }
  if (graph.inputs.length === 0) return unproven("it has no inputs");
  if (graph.outputs.size === 0) return unproven("it has no outputs");
  const walk = new Walk(graph, operators);
  for (const input of graph.inputs) {
    const why = walk.addInput(input);
    if (why !== undefined) return unproven(why);
  }
  for (const node of graph.nodes) walk.follow(node);
  for (const name of graph.outputs) {
    const why = walk.faultOf(name);
    if (why !== undefined) return unproven(why);
  }
  return { isProven: true };
}

function unproven(reason: string): RowProof {
  return { isProven: false, reason };
}

/** Values of a graph, in node order. */
class Walk {
  readonly #graph: OnnxGraph;
  readonly #operators: RowOperators;
  readonly #values = new Map<string, Followed>();
  /** Values that may hold texts. */
  readonly #texts = new Set<string>();
  #names = 0;

  constructor(graph: OnnxGraph, operators: RowOperators) {
    this.#graph = graph;
    this.#operators = operators;
    for (const [name, constant] of graph.constants) {
      this.#values.set(name, constantValue(constant));
      if (constant.datatype === textType) this.#texts.add(name);
    }
  }

  /** Why an input does not have rows. */
  addInput({ name, datatype, dims }: OnnxValue): string | undefined {
    if (datatype === textType) this.#texts.add(name);
    if (dims === undefined) return `input '${short(name)}' has no shape`;
    if (typeof dims[0] !== "string") {
      return `input '${short(name)}' does not have a first dimension that varies`;
    }
    const rows = { axis: 0, outer: known(1), inner: known(1) };
    // Equal names do not make sizes of different inputs equal: no one checks that.
    const at = `x${this.#names++}`;
    const sizes = dims.map((dim, axis) =>
      typeof dim === "number" ? known(dim) : named(`${at}[${axis}]`),
    );
    this.#values.set(name, withDims({ dims: sizes, rows }, sizes));
    return undefined;
  }

  follow(node: OnnxNode): void {
    const inputs: (RowValue | undefined)[] = [];
    for (const name of node.inputs) {
      const value = name === "" ? undefined : this.#values.get(name);
      if (name !== "" && value === undefined) {
        this.#lose(node, `takes '${short(name)}', which no node makes`);
        return;
      }
      if (value !== undefined && isLost(value)) {
        this.#setAll(node, value);
        return;
      }
      inputs.push(value);
    }
    const mayHaveTexts = node.inputs.some((name) => this.#texts.has(name));
    if (mayHaveTexts || makesTexts(node)) for (const name of node.outputs) this.#texts.add(name);
    const results = this.#resultsOf(node, inputs, mayHaveTexts);
    if (typeof results === "string") {
      this.#lose(node, results);
      return;
    }
    node.outputs.forEach((name, at) => {
      if (name === "") return;
      const result = results[at] ?? { lost: reasonOf(node, "has an output that is not followed") };
      this.#values.set(name, this.#withRank(name, result));
    });
  }

  /** Why an output does not have the rows of the inputs. */
  faultOf(name: string): string | undefined {
    const value = this.#values.get(name);
    const output = `output '${short(name)}'`;
    if (value === undefined) return `${output} is made by no node`;
    if (isLost(value)) return value.lost;
    if (value.rows === undefined) return `${output} does not depend on the rows of the inputs`;
    const { axis, outer, inner } = value.rows;
    const hasRowsFirst = axis === 0 && isOne(outer) && isOne(inner) && value.padding === undefined;
    return hasRowsFirst ? undefined : `${output} does not have one row for each row of the inputs`;
  }

  /** The value, or why its rows are lost. */
  #resultsOf(
    node: OnnxNode,
    inputs: readonly (RowValue | undefined)[],
    mayHaveTexts: boolean,
  ): readonly Followed[] | string {
    const { op, domain } = node;
    const rule = this.#operators.get(domain === "" ? op : `${domain}:${op}`);
    const isOwn = this.#graph.functions.has(functionKey(node));
    const opset = this.#graph.opsets.get(domain);
    if (rule === undefined || isOwn || !domains.has(domain)) {
      return "is not an operator that is known to keep rows apart";
    }
    if (opset === undefined) return "is of a version that the file does not tell";
    const view = new RowNode(node, {
      opset,
      inputs,
      mayHaveTexts,
      newName: () => `?${++this.#names}`,
    });
    try {
      const results = rule(view);
      view.checkAllSeen();
      return results;
    } catch (error) {
      if (!(error instanceof RowsLost)) throw error;
      const isAllFixed = inputs.every((input) => input === undefined || isFixed(input));
      if (!isAllFixed) return error.message;
      return node.outputs.map(() => ({ dims: undefined }));
    }
  }

  /** A shape that is otherwise unknown has at least the rank that the file gives. */
  #withRank(name: string, value: Followed): Followed {
    if (isLost(value) || value.dims !== undefined) return value;
    const dims = this.#graph.described.get(name)?.dims;
    return dims === undefined ? value : { ...value, dims: dims.map(() => this.#size()) };
  }

  #size(): Count {
    return named(`?${++this.#names}`);
  }

  #lose(node: OnnxNode, why: string): void {
    this.#setAll(node, { lost: reasonOf(node, why) });
  }

  #setAll(node: OnnxNode, value: LostValue): void {
    for (const name of node.outputs) this.#values.set(name, value);
  }
}

/** Whether a node may produce texts from something else. */
function makesTexts({ op, domain, attributes }: OnnxNode): boolean {
  if (op === "Cast") return attributes.get("to")?.int === textType;
  return domain === "ai.onnx.ml" || op === "Constant";
}

/** Nodes are identified by their outputs. */
function reasonOf({ op, domain, outputs }: OnnxNode, why: string): string {
  const operator = domain === "" ? op : `${domain}.${op}`;
  return `${short(operator)} (of '${short(outputs[0] ?? "")}') ${why}`;
}

function short(name: string): string {
  return name.length <= maxNameLength ? name : `${name.slice(0, maxNameLength)}…`;
}
