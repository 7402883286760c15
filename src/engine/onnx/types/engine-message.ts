import { describeError } from "../../../base/errors.ts";

/** ONNX Runtime's messages when the system refused memory. */
export const memoryRefusal = /bad_alloc|Failed to allocate memory|Array buffer allocation failed/;

/** ONNX Runtime's message without what only its authors can use: the model's path (which the caller knows),
 *  source files, and C++ signatures. */
export function engineMessage(error: unknown): string {
  return describeError(
    describeError(error, 10_000)
      .replace(/^Load model from .*? failed: ?/, "")
      .replace(/\/\S*\.(?:cc|h):\d+ .*?(?:\[with [^\]]*\]|\)) (?=[A-Z])/g, "")
      .replace(/\/(?:\S*\/)?(?=[^\s/]+\.(?:cc|h):\d+)/g, "")
      .replace(/^Exception during loading: ?/, ""),
  );
}
