import { walkJson } from "./json-walk.ts";

/** Whether others can read `text` as JSON: our own reader takes NaN, too. Values are looked at one by one, since all of
 *  them together would take much more memory than their text. */
export function isStrictJson(text: string): boolean {
  let start = 0;
  let isScalar = false;
  try {
    const { isCut } = walkJson(text, {
      enter(_key, at, isContainer) {
        start = at;
        isScalar = !isContainer;
        return false;
      },
      leave(end) {
        if (isScalar) JSON.parse(text.slice(start, end));
        isScalar = false;
      },
    });
    return !isCut;
  } catch {
    return false;
  }
}
