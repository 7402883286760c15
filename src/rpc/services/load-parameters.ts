import { RuntimeError } from "../../base/errors.ts";

/** Refuses all parameters of a load, because every one of them would change what is loaded, and its sender must
 *  not believe that it did. Throws "invalid-argument", naming the first. */
export function refuseLoadParameters(names: readonly string[], model: string): void {
  const [name] = names;
  if (name === undefined) return;
  throw new RuntimeError(
    "invalid-argument",
    `the load of model '${model}' has the parameter '${name.slice(0, 100)}', expected none: ${adviceOn(name)}`,
  );
}

/** What to do instead of sending the parameter `name`. */
export function adviceOn(name: string): string {
  if (name === "config") {
    return "write settings into the modelport.json beside the model in the repository";
  }
  if (name.startsWith("file:")) return "put the files into the repository, then load the model";
  return "the repository's files alone define how a model is loaded";
}
