import type { Datatype } from "../../../src/base/tensor.ts";
import type { Random } from "../attacks/mutate.ts";
import { type DraftInput, type DraftValue, GraphDraft } from "./graph-draft.ts";
import { type Grow, growths } from "./random-operators.ts";

/** A model that the engine can run for any numbers of rows. */
export interface RandomGraph {
  readonly model: Uint8Array;
  readonly inputs: readonly DraftInput[];
  /** Its operators, for people. */
  readonly text: string;
}

export interface RandomGraphOptions {
  readonly maxSteps?: number;
  /** Names of the growths of `random-operators.ts` to choose from. */
  readonly only?: readonly string[];
  /** Of the inputs. */
  readonly datatypes?: readonly [Datatype, ...Datatype[]];
}

const opsets = [9, 11, 12, 13, 15, 17, 18, 20, 21, 23] as const;
const usualDatatypes: readonly [Datatype, ...Datatype[]] = [
  "FP32",
  "FP32",
  "FP32",
  "FP32",
  "FP64",
  "FP16",
  "INT64",
  "INT64",
  "INT32",
  "INT8",
  "INT16",
  "UINT8",
  "UINT16",
  "UINT32",
  "UINT64",
  "BOOL",
  "BYTES",
];
const ranks = [1, 2, 2, 2, 3, 3, 4] as const;
const sizes = [1, 2, 2, 3, 4] as const;
const triesPerStep = 12;
/** In a row: usually there are one or two. */
const mostMisses = 200;
let misses = 0;

/** A graph whose rows may be independent or not. Undefined if nothing came of it. */
export function randomGraph(
  random: Random,
  { maxSteps = 9, only, datatypes = usualDatatypes }: RandomGraphOptions = {},
): RandomGraph | undefined {
  const draft = new GraphDraft(random, random.pick(opsets), randomInputs(random, datatypes));
  const choice = (only ?? Object.keys(growths)).map(growthOf);
  const steps = 1 + random.below(maxSteps);
  for (let step = 0; step < steps; step++) {
    for (let tries = 0; tries < triesPerStep; tries++) {
      const grow = choice[random.below(choice.length)] as Grow;
      if (draft.try(grow)) break;
    }
  }
  const outputs = chooseOutputs(draft);
  if (outputs.length === 0) {
    // Whoever asks for one after the other would do so for ever.
    if (++misses > mostMisses) throw new Error(`of ${misses} graphs in a row nothing came`);
    return undefined;
  }
  misses = 0;
  return { model: draft.finish(outputs), inputs: draft.inputs, text: describe(draft, outputs) };
}

function growthOf(name: string): Grow {
  const grow = growths[name];
  if (grow === undefined) throw new Error(`no growth is called ${name}`);
  return grow;
}

function randomInputs(random: Random, datatypes: typeof usualDatatypes): DraftInput[] {
  const count = random.pick([1, 1, 2, 3]);
  // Inputs of one shape meet in more operators.
  const rank = random.pick(ranks);
  const common = Array.from({ length: rank }, () => random.pick(sizes));
  return Array.from({ length: count }, (_, index) => {
    const isLike = index > 0 && random.below(3) > 0;
    const own = isLike || index === 0 ? common : common.slice(0, 1 + random.below(rank));
    const inputSizes = own.map((size) => (isLike && random.below(6) === 0 ? 1 : size));
    // Some dimensions have names, which inputs may share.
    const dims = inputSizes.map((size, axis) =>
      axis === 0 ? "n" : random.below(3) === 0 ? `d${axis}` : size,
    );
    return { name: `x${index}`, datatype: random.pick(datatypes), dims, sizes: inputSizes };
  });
}

/** Those with the rows first, if there are any; rather those that most nodes lead to. */
function chooseOutputs(draft: GraphDraft): DraftValue[] {
  const depths = depthsOf(draft);
  const depth = ({ name }: DraftValue) => depths.get(name) ?? 0;
  const fitting = draft.values
    .slice(draft.inputs.length)
    .filter(({ traces }) => traces[0]?.shape[0] === 2 && traces[1]?.shape[0] === 3)
    .sort((a, b) => depth(b) - depth(a));
  const [deepest, ...others] = fitting;
  if (deepest === undefined) return [];
  return [deepest, ...others.filter(() => draft.random.below(4) === 0).slice(0, 2)];
}

/** Nodes that lead to each value, counted again for each way. */
function depthsOf(draft: GraphDraft): Map<string, number> {
  const depths = new Map<string, number>();
  for (const { inputs, outputs } of draft.nodes) {
    const depth = inputs.reduce((sum, name) => sum + (depths.get(name) ?? 0), 1);
    for (const name of outputs) depths.set(name, depth);
  }
  return depths;
}

function describe(draft: GraphDraft, outputs: readonly DraftValue[]): string {
  const inputs = draft.inputs.map(
    ({ name, datatype, dims, sizes }) => `${name}: ${datatype}[${dims}] of [${sizes}]`,
  );
  const used = draft.nodesOf(outputs);
  const names = new Set(used.flatMap(({ inputs: from }) => from));
  const constants = draft.constants
    .filter(({ name }) => names.has(name))
    .map(({ name, datatype, shape }) => `${name}: ${datatype}[${shape}]`);
  const nodes = used.map(
    ({ op, inputs: from, outputs: to, attributes }) =>
      `${to} = ${op}(${from}) ${JSON.stringify(attributes)}`,
  );
  return [
    `opset ${draft.opset}`,
    ...inputs,
    constants.join(", "),
    ...nodes,
    `outputs ${outputs.map(({ name }) => name)}`,
  ].join("\n");
}
