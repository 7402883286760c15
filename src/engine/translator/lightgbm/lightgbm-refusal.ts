import { RuntimeError } from "../../../base/errors.ts";

/** What messages call these files. */
export const what = "LightGBM model";

/** `why` follows "this LightGBM model", such as "has linear trees: …". */
export function refusal(why: string): RuntimeError {
  return new RuntimeError("invalid-argument", `this ${what} ${why}`);
}

/** For a file that the library did not write so. */
export function malformed(problem: string): RuntimeError {
  return refusal(`is malformed: ${problem}; save it again with Booster.save_model`);
}
