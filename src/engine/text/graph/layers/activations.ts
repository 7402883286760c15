import { RuntimeError } from "../../../../base/errors.ts";
import type { TensorOps } from "./tensor-ops.ts";

type Activation = (ops: TensorOps, x: string) => string;

const exactGelu: Activation = (ops, x) => ops.node("Gelu", [x]);
const tanhGelu: Activation = (ops, x) => ops.node("Gelu", [x], { approximate: { string: "tanh" } });
const silu: Activation = (ops, x) => ops.multiply(x, ops.node("Sigmoid", [x]));

/** By transformers' names for them. */
const activations = new Map<string, Activation>([
  ["gelu", exactGelu],
  ["gelu_python", exactGelu],
  ["gelu_new", tanhGelu],
  ["gelu_fast", tanhGelu],
  ["gelu_pytorch_tanh", tanhGelu],
  ["relu", (ops, x) => ops.node("Relu", [x])],
  ["silu", silu],
  ["swish", silu],
  ["tanh", (ops, x) => ops.node("Tanh", [x])],
]);

/** `key`: of config.json, for the message. Throws "invalid-argument" for a name that is not known. */
export function activationOf(name: string, key: string): Activation {
  const found = activations.get(name);
  if (found !== undefined) return found;
  throw new RuntimeError(
    "invalid-argument",
    `config.json: '${key}' is '${name}', expected one of ${[...activations.keys()].join(", ")}`,
  );
}
