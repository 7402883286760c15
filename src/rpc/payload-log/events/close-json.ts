import { walkJson } from "./json-walk.ts";
import { isStrictJson } from "./strict-json.ts";

/** JSON from the start of a JSON text: what is open where it ends is closed, and what has no value yet is left out.
 *  A string keeps its beginning. Throws NotJson. */
export function closeJson(text: string): string {
  const closers: string[] = [];
  /** Up to here, the text can be closed by `closers`. */
  let safeEnd = 0;
  /** Where a value began that has not ended. */
  let openAt: number | undefined;
  const { isCut } = walkJson(text, {
    enter(_key, start, isContainer) {
      openAt = isContainer ? undefined : start;
      if (isContainer) {
        closers.push(text[start] === "{" ? "}" : "]");
        safeEnd = start + 1;
      }
      return false;
    },
    leave(end) {
      // The value was a container, unless it is the one that has just begun.
      if (openAt === undefined) closers.pop();
      openAt = undefined;
      safeEnd = end;
    },
  });
  // A word or a number may go on behind the end.
  if (!isCut) return /^\s*[{["]/.test(text) || isStrictJson(text) ? text : "null";
  const ends = closers.reverse().join("");
  if (openAt !== undefined && text[openAt] === '"') {
    return `${text.slice(0, openAt)}${closedString(text.slice(openAt))}${ends}`;
  }
  const closed = text.slice(0, safeEnd) + ends;
  return closed === "" ? "null" : closed;
}

/** An escape that is not complete is left out, and so is half of a pair. */
function closedString(text: string): string {
  const [begun] = /\\(?:u[\da-fA-F]{0,3})?$/.exec(text) ?? [];
  const isEscape = begun !== undefined && !isEscaped(text, text.length - begun.length);
  const kept = isEscape ? text.slice(0, -begun.length) : text;
  return `${kept.replace(/\\u[dD][89abAB][\da-fA-F]{2}$/, "").replace(/[\ud800-\udbff]$/, "")}"`;
}

/** Whether the letter is preceded by an odd number of backslashes. */
function isEscaped(text: string, at: number): boolean {
  let count = 0;
  while (text[at - 1 - count] === "\\") count++;
  return count % 2 === 1;
}
