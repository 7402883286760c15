import type { OnnxBody } from "../graph/model-graph.ts";
import { datatype } from "./datatypes.ts";
import { at, axisOf, elements, known, type NodeView, type Shape, unclear } from "./node-view.ts";
import type { BodyWalker, FollowedBody, FollowedValue, Outcome } from "./walk.ts";

// Nodes that run graphs of their own: which of them, how often, and what shapes result.

type Inputs = readonly (FollowedValue | undefined)[];
interface Context {
  readonly walker: BodyWalker;
  readonly inputs: Inputs;
}

/** A loop whose values grow is followed step by step, up to this many steps. */
const maxFollowedTrips = 64;

export function followIf(node: NodeView, walker: BodyWalker): Outcome {
  const [then, otherwise] = ["then_branch", "else_branch"].map((name) =>
    known(node.attribute(name)?.graph),
  );
  const condition = node.valuesIfKnown(0)?.[0];
  const branches = [];
  if (condition !== 0) branches.push(walker.follow(known(then), []));
  if (condition === undefined || condition === 0) {
    branches.push(walker.follow(known(otherwise), []));
  }
  const [one, other] = branches.map(resultsOf);
  if (other === undefined) return { results: known(one), bodies: branches };
  const results = known(one).map((value, index) => larger(value, known(other[index])));
  return { results, bodies: branches };
}

function resultsOf(body: FollowedBody): readonly FollowedValue[] {
  return body.outputs.map((name) => known(body.values.get(name)));
}

/** For two possible values: a guess unless they have the same shape. */
function larger(one: FollowedValue, other: FollowedValue): FollowedValue {
  const bigger = elements(one.shape) >= elements(other.shape) ? one : other;
  return {
    ...bigger,
    values: undefined,
    isConstant: false,
    isGuess: one.isGuess || other.isGuess || !isSameShape(one.shape, other.shape),
  };
}

function isSameShape(one: Shape, other: Shape): boolean {
  return one.length === other.length && one.every((size, axis) => size === other[axis]);
}

/** "Loop": inputs are the maximum number of trips, the condition, and what each trip passes to the next; the
 *  outputs that collect all trips' results come last. */
export function followLoop(node: NodeView, { walker, inputs }: Context): Outcome {
  const body = known(node.attribute("body")?.graph);
  const trips = node.has(0) ? node.valuesIfKnown(0)?.[0] : undefined;
  const trip = varying(datatype.int64);
  const isGoing = varying(datatype.bool);
  let carried: Inputs = inputs.slice(2).map((value) => value && asVarying(value));
  for (let count = 1; ; count++) {
    const followed = walker.follow(body, [trip, isGoing, ...carried]);
    const [, ...results] = [...followed.outputs].map((name) => outputOf(followed, name));
    const next = results.slice(0, carried.length).map(asVarying);
    const isSteady = next.every((value, index) => {
      const before = carried[index];
      return before !== undefined && isSameShape(before.shape, value.shape);
    });
    const isDone = isSteady || count === Math.min(trips ?? maxFollowedTrips, maxFollowedTrips);
    carried = next;
    if (!isDone) continue;
    const isClear = isSteady || count === trips;
    const collected = results.slice(next.length).map((value) => ({
      ...asVarying(value),
      shape: [trips ?? maxFollowedTrips, ...value.shape],
      isGuess: value.isGuess || trips === undefined || !isSteady,
    }));
    return {
      results: [
        ...next.map((value) => ({ ...value, isGuess: value.isGuess || !isClear })),
        ...collected,
      ],
      bodies: [followed],
    };
  }
}

/** "Scan": one step for each element of its inputs along an axis, whose results are collected along an
 *  axis. */
export function followScan(node: NodeView, { walker, inputs }: Context): Outcome {
  // Earlier versions had a batch of their own.
  if (node.opset < 9) throw unclear();
  const body: OnnxBody = known(node.attribute("body")?.graph);
  const scanned = known(node.attribute("num_scan_inputs")?.int);
  const states = inputs.slice(0, inputs.length - scanned).map((value) => asVarying(known(value)));
  const inputAxes = node.ints("scan_input_axes");
  const outputAxes = node.ints("scan_output_axes");
  let steps = 0;
  const slices = inputs.slice(inputs.length - scanned).map((value, index) => {
    const whole = known(value);
    const axis = axisOf(inputAxes[index] ?? 0, whole.shape.length);
    steps = at(whole.shape, axis);
    return { ...asVarying(whole), shape: whole.shape.filter((_, other) => other !== axis) };
  });
  const followed = walker.follow(body, [...states, ...slices]);
  const results = followed.outputs.map((name) => outputOf(followed, name));
  const collected = results.slice(states.length).map((value, index) => {
    const shape = [...value.shape];
    shape.splice(axisOf(outputAxes[index] ?? 0, shape.length + 1), 0, steps);
    return { ...asVarying(value), shape };
  });
  return {
    results: [...results.slice(0, states.length).map(asVarying), ...collected],
    bodies: [followed],
  };
}

/** A body may pass on a value that it received, or one from around it, which is not among its own. */
function outputOf(body: FollowedBody, name: string): FollowedValue {
  return known(body.values.get(name));
}

/** Values that differ in each step. */
function asVarying(value: FollowedValue): FollowedValue {
  return { ...value, values: undefined, isConstant: false };
}

function varying(type: number): FollowedValue {
  return { shape: [], datatype: type, isConstant: false, isGuess: false };
}
