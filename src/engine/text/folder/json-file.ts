import { describeError, RuntimeError } from "../../../base/errors.ts";

/** Far above real files, and far below what a recursive reader could fail at. */
const maxDepth = 64;
const maxShown = 80;

/** An object of a JSON file, whose fields are checked as they are read. A field that is null counts as
 *  absent, as the libraries that write these files have it. */
export class JsonFile {
  readonly fields: Readonly<Record<string, unknown>>;
  /** Names the object in messages: the file's path, and the field that it stands in. */
  readonly #name: string;

  constructor(fields: Readonly<Record<string, unknown>>, name: string) {
    this.fields = fields;
    this.#name = name;
  }

  /** Throws "invalid-argument" unless `text` is a JSON object. `path` names it. */
  static parse(text: string, path: string): JsonFile {
    const value = parseJson(text, path);
    if (!isRecord(value)) throw invalid(`${path} is ${nameOf(value)}, expected a JSON object`);
    return new JsonFile(value, path);
  }

  has(key: string): boolean {
    return Object.hasOwn(this.fields, key) && this.fields[key] !== null;
  }

  get(key: string): unknown {
    return this.has(key) ? this.fields[key] : undefined;
  }

  string(key: string): string | undefined {
    const value = this.get(key);
    if (value === undefined || typeof value === "string") return value;
    throw this.unexpected(key, "a string");
  }

  boolean(key: string): boolean | undefined {
    const value = this.get(key);
    if (value === undefined || typeof value === "boolean") return value;
    throw this.unexpected(key, "true or false");
  }

  /** Any number of 1 or more. Writers use huge numbers for "no limit". */
  count(key: string): number | undefined {
    const value = this.get(key);
    if (value === undefined) return undefined;
    if (typeof value === "number" && value >= 1) return Math.floor(value);
    throw this.unexpected(key, "a number of 1 or more");
  }

  object(key: string): JsonFile | undefined {
    const value = this.get(key);
    if (value === undefined) return undefined;
    if (isRecord(value)) return new JsonFile(value, `'${key}' of ${this.#name}`);
    throw this.unexpected(key, "an object");
  }

  unexpected(key: string, expected: string): RuntimeError {
    return this.refusal(`'${key}' is ${nameOf(this.get(key))}, expected ${expected}`);
  }

  refusal(problem: string): RuntimeError {
    return invalid(`${this.#name}: ${problem}`);
  }
}

/** Throws "invalid-argument" unless `text` is JSON that is not nested too deeply. `path` names it. */
export function parseJson(text: string, path: string): unknown {
  const clean = text.replace(/^\ufeff/, "");
  if (depthOf(clean) > maxDepth) {
    throw invalid(
      `${path} is nested more than ${maxDepth} levels deep: not a file of a text model`,
    );
  }
  try {
    return JSON.parse(clean);
  } catch (error) {
    throw new RuntimeError(
      "invalid-argument",
      `${path} is not valid JSON (${describeError(error, 120)}): copy or download it again`,
      { cause: error },
    );
  }
}

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A value from a file, for a message. */
export function nameOf(value: unknown): string {
  if (Array.isArray(value)) return "a list";
  if (isRecord(value)) return "an object";
  return value === undefined ? "absent" : shorten(JSON.stringify(value));
}

/** A name from a file, for a message: printable, and short. */
export function shorten(name: string): string {
  const clean = name.replace(/[^\x20-\x7e]/g, "?");
  return clean.length <= maxShown ? clean : `${clean.slice(0, maxShown - 1)}…`;
}

/** The most brackets that are open at once. The depth of a text that is not JSON means nothing. */
function depthOf(text: string): number {
  let depth = 0;
  let deepest = 0;
  for (let at = 0; at < text.length; at++) {
    const character = text[at];
    if (character === '"') at = endOfString(text, at);
    else if (character === "[" || character === "{") deepest = Math.max(deepest, ++depth);
    else if (character === "]" || character === "}") depth--;
  }
  return deepest;
}

/** The index of the quote that ends the string which starts at `quote`, or that of the text's end. */
function endOfString(text: string, quote: number): number {
  let at = quote + 1;
  while (at < text.length && text[at] !== '"') at += text[at] === "\\" ? 2 : 1;
  return at;
}

function invalid(message: string): RuntimeError {
  return new RuntimeError("invalid-argument", message);
}
