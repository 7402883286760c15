/** What a walk through a JSON text reports. Positions are offsets in the text. */
export interface JsonVisitor {
  /** A value begins. `key`: of a member or element; undefined for the text's own value. Returns whether the walk is to
   *  skip it: nothing in it is reported then. */
  enter(key: string | number | undefined, start: number, isContainer: boolean): boolean;
  /** The value ends before `end`. Not called for one that the text does not finish. */
  leave(end: number): void;
}

export interface JsonWalk {
  /** Whether the text ends before its value does. */
  readonly isCut: boolean;
}

/** A text that is no JSON. */
class NotJson extends Error {}

const space = /[ \t\n\r]*/y;
const scalar = /[\w.+-]+/y;
// A run without quotes and escapes, again and again: no pattern that could try many ways.
const stringRun = /[^"\\]*/y;

/** Deeper ones would take much more memory than their text. */
const maxDepth = 1_000;

interface Frame {
  readonly isObject: boolean;
  index: number;
}

/** Walks through `text` once. Scalars may be any word, such as NaN. Throws NotJson. */
export function walkJson(text: string, visitor: JsonVisitor): JsonWalk {
  const frames: Frame[] = [];
  let at = 0;
  /** From this depth on, values are skipped; undefined: none is. */
  let skipDepth: number | undefined;

  const pass = (pattern: RegExp): void => {
    pattern.lastIndex = at;
    pattern.exec(text);
    at = Math.max(at, pattern.lastIndex);
  };
  /** False: the text ends first. */
  const passString = (): boolean => {
    at++;
    for (;;) {
      pass(stringRun);
      if (at >= text.length) return false;
      if (text[at] === '"') {
        at++;
        return true;
      }
      at += 2;
    }
  };
  const leave = () => {
    if (skipDepth === undefined) visitor.leave(at);
    else if (skipDepth === frames.length) {
      skipDepth = undefined;
      visitor.leave(at);
    }
  };
  const refuse = (): never => {
    throw new NotJson(`unexpected ${JSON.stringify(text[at])} at ${at}`);
  };

  for (let key: string | number | undefined; ; ) {
    // A value begins here.
    pass(space);
    if (at >= text.length) return { isCut: true };
    const letter = text[at] as string;
    const isContainer = letter === "{" || letter === "[";
    if (skipDepth === undefined && visitor.enter(key, at, isContainer)) skipDepth = frames.length;
    let isOpen = false;
    if (isContainer) {
      if (frames.length === maxDepth) throw new NotJson(`it is nested deeper than ${maxDepth}`);
      frames.push({ isObject: letter === "{", index: 0 });
      at++;
      pass(space);
      if (at >= text.length) return { isCut: true };
      isOpen = text[at] !== (letter === "{" ? "}" : "]");
      if (!isOpen) {
        at++;
        frames.pop();
        leave();
      }
    } else if (letter === '"') {
      if (!passString()) return { isCut: true };
      leave();
    } else {
      const start = at;
      pass(scalar);
      if (at === start) refuse();
      // It may go on behind the end.
      if (at >= text.length && frames.length > 0) return { isCut: true };
      leave();
    }
    // Behind values, until the next one begins.
    while (!isOpen) {
      pass(space);
      const frame = frames.at(-1);
      if (frame === undefined) {
        if (at < text.length) refuse();
        return { isCut: false };
      }
      if (at >= text.length) return { isCut: true };
      if (text[at] === ",") {
        at++;
        frame.index++;
        isOpen = true;
      } else if (text[at] === (frame.isObject ? "}" : "]")) {
        at++;
        frames.pop();
        leave();
      } else refuse();
    }
    const frame = frames.at(-1) as Frame;
    if (!frame.isObject) {
      key = frame.index;
      continue;
    }
    pass(space);
    if (at >= text.length) return { isCut: true };
    if (text[at] !== '"') refuse();
    const start = at;
    if (!passString()) return { isCut: true };
    key = nameIn(text.slice(start, at));
    pass(space);
    if (at >= text.length) return { isCut: true };
    if (text[at] !== ":") refuse();
    at++;
  }
}

function nameIn(quoted: string): string {
  try {
    return JSON.parse(quoted) as string;
  } catch {
    throw new NotJson(`${quoted.slice(0, 40)} is no name`);
  }
}
