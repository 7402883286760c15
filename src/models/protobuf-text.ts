import { RuntimeError } from "../base/errors.ts";

/** A word without quotes: an enum name, true or false. */
export class Word {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

/** Integers are bigints, so that no value is rounded. */
export type TextScalar = string | number | bigint | Word;
export type TextValue = TextScalar | TextMessage;
/** All values of each field, in order. */
export type TextMessage = ReadonlyMap<string, readonly TextValue[]>;

/** Far above real configurations. */
const maxDepth = 32;
const maxTokens = 100_000;

/** Parses a message in protobuf text format without knowing its type. Throws RuntimeError "invalid-argument"
 *  with line and column; `where` names the text. */
export function parseProtobufText(text: string, where: string): TextMessage {
  const reader = new Reader(text.replace(/^\ufeff/, ""), where);
  const message = readFields(reader, undefined, 0);
  return message;
}

interface Token {
  readonly kind: "word" | "string" | "number" | "sign" | "end";
  readonly text: string;
  readonly at: number;
}

const blanks = /(?:\s|#[^\n]*)*/y;
const rules: readonly [kind: Token["kind"], pattern: RegExp][] = [
  ["word", /[A-Za-z_][\w.]*/y],
  ["number", /(?:0[xX][\da-fA-F]+|(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?[fF]?)(?![\w.])/y],
  ["string", /"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'/y],
  ["sign", /[{}<>[\]:,;/-]/y],
];

class Reader {
  readonly #text: string;
  readonly #where: string;
  #position = 0;
  #tokens = 0;
  #next: Token;

  constructor(text: string, where: string) {
    this.#text = text;
    this.#where = where;
    this.#next = this.#read();
  }

  get next(): Token {
    return this.#next;
  }

  take(): Token {
    const taken = this.#next;
    this.#next = this.#read();
    return taken;
  }

  /** Takes the next token if it is one of these signs. */
  takeSign(...signs: readonly string[]): string | undefined {
    const { kind, text } = this.#next;
    if (kind !== "sign" || !signs.includes(text)) return undefined;
    this.take();
    return text;
  }

  refuse(expected: string, { kind, text, at } = this.#next): never {
    const before = this.#text.slice(0, at).split("\n");
    const place = `line ${before.length}, column ${(before.at(-1) ?? "").length + 1}`;
    const found = kind === "end" ? "the text ends" : `found ${JSON.stringify(text.slice(0, 40))}`;
    throw this.error(`${place}: ${found}, expected ${expected}`);
  }

  error(problem: string): RuntimeError {
    return new RuntimeError("invalid-argument", `${this.#where}: ${problem}`);
  }

  #read(): Token {
    if (++this.#tokens > maxTokens) throw this.error(`it has more than ${maxTokens} words`);
    blanks.lastIndex = this.#position;
    blanks.exec(this.#text);
    const at = blanks.lastIndex;
    if (at === this.#text.length) return { kind: "end", text: "", at };
    for (const [kind, pattern] of rules) {
      pattern.lastIndex = at;
      const match = pattern.exec(this.#text);
      if (match === null) continue;
      this.#position = pattern.lastIndex;
      return { kind, text: match[0], at };
    }
    const bad: Token = { kind: "word", text: this.#text.slice(at, at + 1), at };
    return this.refuse("a field, a value or a bracket", bad);
  }
}

/** Reads up to `close`, or to the end of the text. */
function readFields(reader: Reader, close: string | undefined, depth: number): TextMessage {
  if (depth > maxDepth) throw reader.error(`it is nested more than ${maxDepth} deep`);
  const fields = new Map<string, TextValue[]>();
  for (;;) {
    if (close === undefined ? reader.next.kind === "end" : reader.takeSign(close) !== undefined) {
      return fields;
    }
    const name = readName(reader);
    const hasColon = reader.takeSign(":") !== undefined;
    const values = fields.get(name) ?? [];
    fields.set(name, values);
    if (reader.takeSign("[") !== undefined) readList(reader, values, depth);
    else values.push(readValue(reader, { hasColon, depth }));
    reader.takeSign(",", ";");
  }
}

/** Extensions and Any types have their names in brackets. */
function readName(reader: Reader): string {
  if (reader.takeSign("[") !== undefined) {
    let name = "";
    while (reader.next.kind === "word" || reader.next.text === "/") name += reader.take().text;
    if (name === "" || reader.takeSign("]") === undefined) reader.refuse("a name and ]");
    return `[${name}]`;
  }
  if (reader.next.kind !== "word") reader.refuse("the name of a field");
  return reader.take().text;
}

function readList(reader: Reader, values: TextValue[], depth: number): void {
  if (reader.takeSign("]") !== undefined) return;
  for (;;) {
    values.push(readValue(reader, { hasColon: true, depth }));
    if (reader.takeSign("]") !== undefined) return;
    if (reader.takeSign(",") === undefined) reader.refuse(", or ]");
  }
}

function readValue(
  reader: Reader,
  { hasColon, depth }: { readonly hasColon: boolean; readonly depth: number },
): TextValue {
  const open = reader.takeSign("{", "<");
  if (open !== undefined) return readFields(reader, open === "{" ? "}" : ">", depth + 1);
  if (!hasColon) reader.refuse(": or {");
  const sign = reader.takeSign("-");
  const { kind, text } = reader.next;
  if (kind === "number") {
    reader.take();
    return readNumber(text, sign !== undefined);
  }
  if (kind === "word") {
    if (sign === undefined) return new Word(reader.take().text);
    if (!/^(?:inf|infinity|nan)$/i.test(text)) reader.refuse("a number");
    reader.take();
    return /^nan$/i.test(text) ? Number.NaN : Number.NEGATIVE_INFINITY;
  }
  if (kind !== "string" || sign !== undefined) reader.refuse("a value");
  let joined = "";
  while (reader.next.kind === "string") joined += unescapeText(reader.take().text.slice(1, -1));
  return joined;
}

function readNumber(text: string, isNegative: boolean): number | bigint {
  if (/^(?:0[xX][\da-fA-F]+|\d+)$/.test(text)) {
    const isOctal = /^0[0-7]+$/.test(text);
    const integer = BigInt(isOctal ? `0o${text.slice(1)}` : text);
    return isNegative ? -integer : integer;
  }
  const number = Number(text.replace(/[fF]$/, ""));
  return isNegative ? -number : number;
}

const escapes: Readonly<Record<string, string>> = {
  n: "\n",
  r: "\r",
  t: "\t",
  a: "\x07",
  b: "\b",
  f: "\f",
  v: "\v",
};

/** Octal and hexadecimal escapes are UTF-8 bytes. */
function unescapeText(text: string): string {
  if (!text.includes("\\")) return text;
  const bytes: Buffer[] = [];
  for (const [whole, octal, hex, short, long, other] of text.matchAll(
    /\\([0-7]{1,3})|\\x([\da-fA-F]{1,2})|\\u([\da-fA-F]{4})|\\U([\da-fA-F]{8})|\\(.)|[^\\]+/gs,
  )) {
    const code = short ?? long;
    if (octal !== undefined) bytes.push(Buffer.of(Number.parseInt(octal, 8) & 0xff));
    else if (hex !== undefined) bytes.push(Buffer.of(Number.parseInt(hex, 16)));
    else if (code !== undefined) bytes.push(Buffer.from(characterOf(Number.parseInt(code, 16))));
    else if (other !== undefined) bytes.push(Buffer.from(escapes[other] ?? other));
    else bytes.push(Buffer.from(whole));
  }
  return Buffer.concat(bytes).toString("utf8");
}

function characterOf(code: number): string {
  return code <= 0x10_ffff ? String.fromCodePoint(code) : "\ufffd";
}
