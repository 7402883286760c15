import { RuntimeError } from "../../../base/errors.ts";

/** What messages call a model. */
export const what = "XGBoost model";

export function malformed(problem: string): RuntimeError {
  return new RuntimeError(
    "invalid-argument",
    `this ${what} is malformed: ${problem}; save the model again with save_model`,
  );
}
