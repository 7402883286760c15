import { RuntimeError } from "../../../base/errors.ts";

const columnLimit = 2 ** 18;

/** Throws RuntimeError "invalid-argument" for more columns than requests can have, or none. `what`: what messages call the
 *  model, such as "XGBoost model". */
export function checkColumns(what: string, columns: number): void {
  if (!Number.isInteger(columns) || columns < 1) {
    throw new RuntimeError("invalid-argument", `this ${what} has no features: train it with some`);
  }
  if (columns > columnLimit) {
    throw new RuntimeError(
      "invalid-argument",
      `this ${what} has ${columns} features, and at most ${columnLimit} are supported: train it with fewer`,
    );
  }
}
