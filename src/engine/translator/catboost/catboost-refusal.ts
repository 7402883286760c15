import { RuntimeError } from "../../../base/errors.ts";

/** What messages call these files. */
export const what = "CatBoost model";

/** `why` follows "this CatBoost model", such as "uses text: …". */
export function refusal(why: string): RuntimeError {
  return new RuntimeError("invalid-argument", `this ${what} ${why}`);
}

/** For a file that the library did not write so. */
export function malformed(problem: string): RuntimeError {
  return refusal(`is malformed: ${problem}; copy it again, or save it again with save_model`);
}
