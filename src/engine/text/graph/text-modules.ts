import { RuntimeError } from "../../../base/errors.ts";
import type { TextModule } from "../folder/text-folder.ts";
import { openWeights } from "../safetensors/open-weights.ts";
import type { DataPlaces } from "./layers/data-places.ts";
import { Weights } from "./layers/model-weights.ts";
import { type PoolSource, pool } from "./layers/pooling.ts";
import type { TensorOps } from "./layers/tensor-ops.ts";

/** The least length that a vector is divided by. */
const leastLength = 1e-12;

type Pooling = Extract<TextModule, { type: "pooling" }>;
type Dense = Extract<TextModule, { type: "dense" }>;

/** FP32 `[batch, width]`. */
export interface Vectors {
  readonly value: string;
  readonly width: number;
}

/** What the modules after an encoder need. */
export interface ModuleSource {
  readonly ops: TensorOps;
  readonly places: DataPlaces;
  readonly tokens: PoolSource;
  /** Of the tokens' vectors. */
  readonly width: number;
}

/** Pools the vectors of the tokens, and applies what follows. Throws "invalid-argument" for modules that do not fit
 *  together, or as `Weights`. Blocks. */
export function applyModules(source: ModuleSource, modules: readonly TextModule[]): Vectors {
  const [first, ...others] = modules;
  if (first?.type !== "pooling") {
    throw new RuntimeError(
      "invalid-argument",
      `modules.json: '${first?.type ?? "nothing"}' follows the encoder, expected pooling`,
    );
  }
  let vectors = pooled(source, first);
  for (const module of others) vectors = applied(source, vectors, module);
  return vectors;
}

/** Whether the tokens of prompts are left out of a pooled vector. */
export function leavesOutPrompts(modules: readonly TextModule[]): boolean {
  return modules.some((module) => module.type === "pooling" && !module.includePrompt);
}

/** The files of weights that modules have. */
export function moduleFiles(modules: readonly TextModule[]): string[] {
  return modules.flatMap((module) => (module.type === "dense" ? [module.weights] : []));
}

function applied(source: ModuleSource, { value, width }: Vectors, module: TextModule): Vectors {
  const { ops } = source;
  switch (module.type) {
    case "pooling":
      throw new RuntimeError("invalid-argument", "modules.json has pooling twice, expected once");
    case "normalize": {
      const length = ops.node("Max", [ops.length(value), ops.number(leastLength)]);
      return { value: ops.divide(value, length), width };
    }
    case "dense":
      return dense(source, { value, width }, module);
  }
}

function pooled({ ops, tokens, width }: ModuleSource, { modes }: Pooling): Vectors {
  const parts = modes.map((mode) => pool(ops, mode, tokens));
  return { value: ops.concatenate(parts), width: width * parts.length };
}

function dense({ ops, places }: ModuleSource, { value, width }: Vectors, module: Dense): Vectors {
  const { inFeatures, outFeatures } = module;
  if (inFeatures !== width) {
    throw new RuntimeError(
      "invalid-argument",
      `${module.weights}: the Dense module takes vectors of ${inFeatures} numbers, but gets ${width}`,
    );
  }
  const table = openWeights([module.weights]);
  const weights = new Weights({ ops, table, places }).below("linear.");
  const matrix = weights.tensor("weight", [outFeatures, inFeatures]);
  let x = ops.turnedProduct(value, matrix);
  if (module.bias) x = ops.add(x, weights.tensor("bias", [outFeatures]));
  if (module.activation === "tanh") x = ops.node("Tanh", [x]);
  return { value: x, width: outFeatures };
}
