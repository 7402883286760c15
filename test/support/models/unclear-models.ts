import {
  constant,
  encodeModel,
  node,
  type OnnxGraph,
  type OnnxNode,
  type OnnxValue,
} from "./onnx-builder.ts";

// ONNX models that take next to nothing, though whoever follows the shapes of their values may well expect
// terabytes: how much an operator gives follows from values, or from what nobody but the engine knows. Each is
// "x" FP32 [batch,4] -> "y" FP32.

const x: OnnxValue = { name: "x", datatype: "FP32", shape: ["batch", 4] };
const y = (...shape: string[]): OnnxValue => ({ name: "y", datatype: "FP32", shape });

/** By name, the bytes of each file. */
export const unclearModels: Readonly<Record<string, () => Uint8Array>> = {
  "nodes whose output follows from values": () =>
    cubeOf([
      node("NonZero", ["x"], ["places"]),
      node("Cast", ["places"], ["wide"], { to: { int: 1 } }),
    ]),
  "a selection by a condition": () =>
    cubeOf([
      node("Greater", ["flat", "one"], ["isChosen"]),
      node("Compress", ["flat", "isChosen"], ["wide"], { axis: { int: 0 } }),
    ]),
  "the different values of a tensor": () => cubeOf([node("Unique", ["x"], ["wide"])]),
  "an operator of another domain": () =>
    cubeOf([{ ...node("Unique", ["flat"], ["wide", "at", "count"]), domain: "com.microsoft" }]),
  "a branch": () =>
    cubeOf([
      node("ReduceMax", ["x"], ["max"], { keepdims: { int: 0 } }),
      node("Greater", ["max", "zero"], ["isAny"]),
      node("If", ["isAny"], ["wide"], {
        then_branch: { graph: branch("then", [2, 1]) },
        else_branch: { graph: branch("else", [1, 1]) },
      }),
    ]),
  "a loop": () =>
    cubeOf([
      node("ReduceMax", ["x"], ["max"], { keepdims: { int: 0 } }),
      node("Cast", ["max"], ["rounds"], { to: { int: 7 } }),
      node("Loop", ["rounds", "", "one"], ["last", "wide"], { body: { graph: loopBody() } }),
    ]),
  "a shape that is computed": () =>
    cubeOf([
      node("ReduceMax", ["x"], ["max"], { keepdims: { int: 0 } }),
      node("Cast", ["max"], ["size"], { to: { int: 7 } }),
      node("Unsqueeze", ["size", "firstAxis"], ["shape"]),
      node("ConstantOfShape", ["shape"], ["wide"]),
    ]),
};

/** The outer product of the values in "wide" with itself, and of that with them once more: of 3,000 values it
 *  would be 108 GB. "flat" has those of "x". */
function cubeOf(nodes: readonly OnnxNode[]): Uint8Array {
  const graph: OnnxGraph = {
    inputs: [x],
    outputs: [y("a", "b", "c")],
    nodes: [
      // So that the guess is that there is much of it.
      node("Expand", ["x", "thousand"], ["repeated"]),
      node("Reshape", ["repeated", "line"], ["flat"]),
      ...nodes,
      node("Reshape", ["wide", "first"], ["column"]),
      node("Reshape", ["wide", "second"], ["row"]),
      node("Reshape", ["wide", "third"], ["depth"]),
      node("Mul", ["column", "row"], ["square"]),
      node("Mul", ["square", "depth"], ["y"]),
    ],
    constants: [
      constant("thousand", "INT64", [3], [1000, 1, 1]),
      constant("line", "INT64", [1], [-1]),
      constant("first", "INT64", [3], [-1, 1, 1]),
      constant("second", "INT64", [3], [1, -1, 1]),
      constant("third", "INT64", [3], [1, 1, -1]),
      constant("firstAxis", "INT64", [1], [0]),
      constant("zero", "FP32", [], [0]),
      constant("one", "FP32", [1], [1]),
    ],
  };
  return encodeModel(graph, { "": 17, "com.microsoft": 1 }).finish();
}

function branch(name: string, shape: readonly number[]): OnnxGraph {
  return {
    inputs: [],
    outputs: [{ name: `${name}Wide`, datatype: "FP32", shape: [] }],
    nodes: [node("Identity", [`${name}Value`], [`${name}Wide`])],
    constants: [constant(`${name}Value`, "FP32", shape, shape[0] === 2 ? [1, 2] : [1])],
  };
}

function loopBody(): OnnxGraph {
  return {
    inputs: [
      { name: "round", datatype: "INT64", shape: [] },
      { name: "goesOn", datatype: "BOOL", shape: [] },
      { name: "before", datatype: "FP32", shape: [1] },
    ],
    outputs: [
      { name: "goesOnStill", datatype: "BOOL", shape: [] },
      { name: "after", datatype: "FP32", shape: [1] },
      { name: "kept", datatype: "FP32", shape: [1] },
    ],
    nodes: [
      node("Identity", ["goesOn"], ["goesOnStill"]),
      node("Identity", ["before"], ["after"]),
      node("Identity", ["before"], ["kept"]),
    ],
  };
}
