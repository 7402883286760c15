import type { GraphOutline } from "./graph-outline.ts";
import { describeType } from "./graph-value.ts";
import { ServingRefusal } from "./serving-refusal.ts";

/** Throws RuntimeError "invalid-argument" with the name of an input that is not a tensor: nothing in the graph says
 *  how tensors would make one. */
export function refuseOtherInputs({ inputs }: GraphOutline): void {
  for (const { name, type } of inputs) {
    if (type.tag === "tensor" || type.tag === "value of no type") continue;
    throw new ServingRefusal(
      "invalid-argument",
      `input '${name}' is ${describeType(type)}, and only tensors can be served; ` +
        "export the model so that it takes the tensors themselves",
    );
  }
}
