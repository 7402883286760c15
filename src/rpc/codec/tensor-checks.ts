import { RuntimeError } from "../../base/errors.ts";
import { type Datatype, isDatatype } from "../../base/tensor.ts";

// What every wire format checks of a request before the service sees it.

/** Throws "invalid-argument" unless the protocol knows `name`. `what` names the tensor. */
export function readDatatype(name: string, what: string): Datatype {
  if (isDatatype(name)) return name;
  throw new RuntimeError(
    "invalid-argument",
    `${what} has datatype '${name}', which the Open Inference Protocol does not know`,
  );
}

/** Throws "invalid-argument" if a name stands twice among `names`. `what` says what they name. */
export function refuseDuplicates(names: readonly string[], what: string): void {
  // One pass: whoever sends a request can put a million names into it.
  const seen = new Set<string>();
  for (const name of names) {
    if (seen.has(name)) {
      throw new RuntimeError("invalid-argument", `'${name}' is named twice as an ${what}`);
    }
    seen.add(name);
  }
}
