/** A place in the sources that writes a line to the log. */
export interface LogCall {
  readonly where: string;
  /** "any" where it is computed. */
  readonly level: string;
  readonly message: string;
  /** Those that are spelt out. */
  readonly fields: readonly string[];
}

const opening = /\b[lL]og\??(?:\.(fatal|error|warn|info|debug|trace)|\[(\w+)\])\(/g;

/** Every call of a logger in a source. Throws where its message is not spelt out. */
export function logCalls(source: string, file: string): LogCall[] {
  return [...source.matchAll(opening)].map((match) => {
    const line = source.slice(0, match.index).split("\n").length;
    const where = `${file}:${line}`;
    const text = source.slice(match.index + match[0].length);
    const call = text.slice(0, endOfCall(text));
    const message = /"((?:[^"\\]|\\.)*)",?\s*$/.exec(call)?.[1];
    if (message === undefined) throw new Error(`${where}: the message is not a text`);
    const facts = /^\s*\{(.*)\}/s.exec(call)?.[1] ?? "";
    const fields = [...withoutCalls(facts).matchAll(/(?:^|,)\s*(\w+)\s*(?=[:,]|$)/g)];
    return {
      where,
      level: match[1] ?? "any",
      message,
      fields: fields.map(([, name = ""]) => name),
    };
  });
}

/** Where the parenthesis ends that is open before `text`. */
function endOfCall(text: string): number {
  let depth = 1;
  for (const { 0: piece, index } of text.matchAll(/"(?:[^"\\]|\\.)*"|`(?:[^`\\]|\\.)*`|[()]/g)) {
    if (piece === "(") depth++;
    else if (piece === ")" && --depth === 0) return index;
  }
  throw new Error("a call that does not end");
}

/** Leaves out the arguments of calls, and what is in brackets, innermost first. */
function withoutCalls(text: string): string {
  const shorter = text.replace(/\([^()]*\)|\[[^[\]]*\]/g, "");
  return shorter === text ? text : withoutCalls(shorter);
}
