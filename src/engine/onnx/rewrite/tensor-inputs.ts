import type { GraphOutline } from "./graph-outline.ts";
import { describeType } from "./graph-value.ts";
import { ServingRefusal } from "./serving-refusal.ts";

/** Throws RuntimeError "invalid-argument" with the name of an input that is not a tensor: the graph does not
 *  say how to make such a value from tensors. */
export function refuseOtherInputs({ inputs }: GraphOutline): void {
  for (const { name, type } of inputs) {
    if (type.tag === "tensor" || type.tag === "value of no type") continue;
    throw new ServingRefusal(
      "invalid-argument",
      `input '${name}' is ${describeType(type)}, but only tensors can be served: ` +
        "export the model so that it takes the tensors themselves",
    );
  }
}
