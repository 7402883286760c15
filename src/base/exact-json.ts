import { randomBytes } from "node:crypto";
import { BareNumber } from "./json-float.ts";

// JSON.parse's reviver sees the text of numbers, but takes seconds for a tensor of usual size. So integers that
// are too long go through the parser as strings, with a mark that no sender can guess.

// The smallest integer beyond 2^53 has 16 digits, the largest UINT64 has 20. The lookahead excludes keys, where
// a number is an error but a string would not be.
const longInteger = /(?<=^|[[,:\s])-?[1-9]\d{15,19}(?=\s*(?:[,\]}]|$))/g;

/** Also the words that Python's json and others write for values without a JSON form. */
const anyOddNumber = /(?<=^|[[,:\s])(?:-?[1-9]\d{15,19}|NaN|-?Infinity)(?=\s*(?:[,\]}]|$))/g;

/** JSON.parse, but integers of 16 to 20 digits that a number cannot hold exactly become bigints. With
 *  `bareNumbers` the words NaN, Infinity and -Infinity are accepted where a number is, and become BareNumbers.
 *  Takes time in proportion to the text, however it is nested. Throws what JSON.parse throws. */
export function parseExactly(
  text: string,
  { bareNumbers = false }: { readonly bareNumbers?: boolean } = {},
): unknown {
  try {
    return parseMarked(text, longInteger);
  } catch (error) {
    // Only after a failure: searching every text for the words would double the cost.
    if (!bareNumbers || !/NaN|Infinity/.test(text)) throw error;
    return parseMarked(text, anyOddNumber);
  }
}

function parseMarked(text: string, numbers: RegExp): unknown {
  const mark = randomBytes(9).toString("base64url");
  const marked = markNumbers(text, numbers, mark);
  if (marked === undefined) return JSON.parse(text);
  let value: unknown;
  try {
    value = JSON.parse(marked);
  } catch {
    // Reports the position of the mistake in the text as it was sent.
    return JSON.parse(text);
  }
  return restoreNumbers(value, mark);
}

/** The text with the matches of `numbers` as strings that start with `mark`; undefined if nothing matches. */
function markNumbers(text: string, numbers: RegExp, mark: string): string | undefined {
  const pieces: string[] = [];
  let copied = 0;
  let quote: number | undefined;
  numbers.lastIndex = 0;
  for (let match = numbers.exec(text); match !== null; match = numbers.exec(text)) {
    quote ??= text.indexOf('"');
    let end = 0;
    while (quote !== -1 && quote < match.index) {
      end = endOfString(text, quote);
      quote = text.indexOf('"', end);
    }
    if (end > match.index) {
      numbers.lastIndex = end;
    } else if (!Number.isSafeInteger(Number(match[0]))) {
      pieces.push(text.slice(copied, match.index), `"${mark}${match[0]}"`);
      copied = match.index + match[0].length;
    }
  }
  if (pieces.length === 0) return undefined;
  pieces.push(text.slice(copied));
  return pieces.join("");
}

/** The index after the string that starts at `quote`. */
function endOfString(text: string, quote: number): number {
  for (let end = text.indexOf('"', quote + 1); end !== -1; end = text.indexOf('"', end + 1)) {
    let backslashes = 0;
    while (text[end - 1 - backslashes] === "\\") backslashes++;
    if (backslashes % 2 === 0) return end + 1;
  }
  return text.length;
}

function restoreNumbers(value: unknown, mark: string): unknown {
  const root = [value];
  const containers: (unknown[] | Record<string, unknown>)[] = [root];
  const restored = (item: unknown): unknown => {
    if (typeof item === "string") {
      return item.startsWith(mark) ? oddNumber(item.slice(mark.length)) : item;
    }
    if (typeof item === "object" && item !== null) {
      containers.push(item as unknown[] | Record<string, unknown>);
    }
    return item;
  };
  for (let container = containers.pop(); container !== undefined; container = containers.pop()) {
    if (Array.isArray(container)) {
      for (let index = 0; index < container.length; index++) {
        const item = container[index];
        if (typeof item !== "number") container[index] = restored(item);
      }
    } else {
      for (const key of Object.keys(container)) container[key] = restored(container[key]);
    }
  }
  return root[0];
}

function oddNumber(text: string): bigint | BareNumber {
  const isWord = text.endsWith("N") || text.endsWith("y");
  return isWord ? new BareNumber(Number(text)) : BigInt(text);
}
