import { RuntimeError } from "../../base/errors.ts";

/** Refuses the parameters of a load, all of which would change what is loaded: whoever sends them must not
 *  believe that they did. Throws "invalid-argument", naming the first. */
export function refuseLoadParameters(names: readonly string[], model: string): void {
  const [name] = names;
  if (name === undefined) return;
  throw new RuntimeError(
    "invalid-argument",
    `the load of model '${model}' has the parameter '${name.slice(0, 100)}', expected none: ${adviceOn(name)}`,
  );
}

/** What to do in place of a parameter `name`. */
export function adviceOn(name: string): string {
  if (name === "config") {
    return "a model has the settings of the modelport.json beside it in the repository";
  }
  if (name.startsWith("file:")) return "put the files into the repository, and load the model then";
  return "models are loaded as they lie in the repository";
}
