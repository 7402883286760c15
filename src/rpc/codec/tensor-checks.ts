import { RuntimeError } from "../../base/errors.ts";
import { type Datatype, isDatatype } from "../../base/tensor.ts";

// The checks that every wire format makes before the service sees a request.

/** Throws "invalid-argument" unless the protocol has a datatype `name`. `what` names the tensor. */
export function readDatatype(name: string, what: string): Datatype {
  if (isDatatype(name)) return name;
  throw new RuntimeError(
    "invalid-argument",
    `${what} has datatype '${name}', which is not a datatype of the Open Inference Protocol`,
  );
}

/** Throws "invalid-argument" if a name occurs twice in `names`. `what` says what they name. */
export function refuseDuplicates(names: readonly string[], what: string): void {
  // One pass: a client can put a million names into a request.
  const seen = new Set<string>();
  for (const name of names) {
    if (seen.has(name)) {
      throw new RuntimeError("invalid-argument", `'${name}' is named twice as an ${what}`);
    }
    seen.add(name);
  }
}
