import { basename, dirname, join } from "node:path";
import { describeError, RuntimeError } from "../../../base/errors.ts";
import { engineMessage, memoryRefusal } from "../types/engine-message.ts";

/** ONNX Runtime's messages for files that could not be read now, but may be later. Weights that are too short
 *  for the model are refused before a load, so they were cut off since. */
const systemRefusal =
  /NO_?SUCHFILE|doesn't exist|No such file|system error number|Too many open files|Permission denied|Input\/output error|open file|can ?not be read in full/i;

/** The error for a load that ONNX Runtime gave up. The cause is almost always the model, for example an
 *  unknown operator: its sender must change it, and nothing is wrong here. */
export function loadError(file: string, error: unknown): RuntimeError {
  // Without the directory, which the caller knows; messages name it in odd places.
  const message = engineMessage(error).replaceAll(join(dirname(file), "/"), "");
  if (memoryRefusal.test(message)) {
    const why = `${basename(file)} needs more memory to load than its engine host may take: ${message}`;
    return new RuntimeError("over-budget", describeError(why));
  }
  const kind = systemRefusal.test(message) ? "load-failed" : "invalid-argument";
  return new RuntimeError(kind, describeError(`${basename(file)}: ${message}`));
}
