import { RuntimeError } from "../../base/errors.ts";

/** The rows of a CSV text, as RFC 4180 has them, with lines that end in LF too. Empty lines are left out. Throws
 *  "invalid-argument" for a quoted cell that does not end. */
export function* csvRows(text: string): Generator<string[], void, void> {
  // Editors and spreadsheets mark UTF-8 so.
  let at = text.startsWith("\ufeff") ? 1 : 0;
  while (at < text.length) {
    const row: string[] = [];
    let isQuoted = false;
    for (;;) {
      const cell = text[at] === '"' ? quotedCell(text, at) : plainCell(text, at);
      isQuoted ||= text[at] === '"';
      row.push(cell.value);
      at = cell.end;
      if (text[at] !== ",") break;
      at++;
    }
    if (text[at] === "\r") at++;
    if (text[at] === "\n") at++;
    const isEmpty = row.length === 1 && row[0] === "" && !isQuoted;
    if (!isEmpty) yield row;
  }
}

interface Cell {
  readonly value: string;
  /** Where the comma or the end of the line is. */
  readonly end: number;
}

const cellEnd = /[,\r\n]/g;

function plainCell(text: string, start: number): Cell {
  cellEnd.lastIndex = start;
  const end = cellEnd.exec(text)?.index ?? text.length;
  return { value: text.slice(start, end), end };
}

function quotedCell(text: string, start: number): Cell {
  let value = "";
  for (let from = start + 1; ; ) {
    const quote = text.indexOf('"', from);
    if (quote < 0) {
      const line = text.slice(0, start).split("\n").length;
      invalid(`the CSV has a quoted cell in line ${line} that does not end`);
    }
    value += text.slice(from, quote);
    if (text[quote + 1] !== '"') {
      const rest = plainCell(text, quote + 1);
      // Blanks between the quote and the comma belong to nobody.
      if (rest.value.trim() !== "") {
        const line = text.slice(0, start).split("\n").length;
        invalid(`the CSV has letters after the end of a quoted cell in line ${line}`);
      }
      return { value, end: rest.end };
    }
    value += '"';
    from = quote + 2;
  }
}

function invalid(message: string): never {
  throw new RuntimeError("invalid-argument", message);
}
