import { RuntimeError } from "../../../base/errors.ts";

/** One object of tokenizer.json, field by field. All methods throw RuntimeError "invalid-argument" that names the field's
 *  path if it is missing or of another type. null counts as missing. */
export class ConfigFields {
  readonly #object: Readonly<Record<string, unknown>>;
  readonly #path: string;

  /** `path`: where the object is, such as "model"; "" for the outermost one. */
  constructor(value: unknown, path: string) {
    if (typeof value !== "object" || value === null || Array.isArray(value)) {
      throw malformed(path === "" ? "the file" : `'${path}'`, value, "an object");
    }
    this.#object = value as Record<string, unknown>;
    this.#path = path;
  }

  /** The kind of a part, such as "WordPiece". */
  get type(): string {
    return this.text("type");
  }

  has(key: string): boolean {
    return this.value(key) !== undefined;
  }

  value(key: string): unknown {
    return Object.hasOwn(this.#object, key) ? (this.#object[key] ?? undefined) : undefined;
  }

  keys(): string[] {
    return Object.keys(this.#object);
  }

  object(key: string): ConfigFields {
    return new ConfigFields(this.value(key), this.pathOf(key));
  }

  optionalObject(key: string): ConfigFields | undefined {
    return this.has(key) ? this.object(key) : undefined;
  }

  list(key: string): readonly unknown[] {
    const value = this.value(key);
    if (!Array.isArray(value)) throw this.malformed(key, "a list");
    return value;
  }

  objects(key: string): ConfigFields[] {
    return this.list(key).map((value, at) => new ConfigFields(value, `${this.pathOf(key)}[${at}]`));
  }

  text(key: string): string {
    const value = this.value(key);
    if (typeof value !== "string") throw this.malformed(key, "a text");
    return value;
  }

  optionalText(key: string): string | undefined {
    return this.has(key) ? this.text(key) : undefined;
  }

  flag(key: string, byDefault: boolean): boolean {
    const value = this.value(key) ?? byDefault;
    if (typeof value !== "boolean") throw this.malformed(key, "true or false");
    return value;
  }

  /** A whole number from 0 to 2^31 - 1. */
  count(key: string): number {
    const value = this.value(key);
    if (!isCount(value)) throw this.malformed(key, "a whole number from 0 to 2147483647");
    return value;
  }

  /** "invalid-argument": `key` should have been `expected`. */
  malformed(key: string, expected: string): RuntimeError {
    return malformed(`'${this.pathOf(key)}'`, this.value(key), expected);
  }

  /** "invalid-argument": a part is of a kind, or has an option, that is not served. `known`: those that are. */
  unknown(key: string, known: readonly string[]): RuntimeError {
    return new RuntimeError(
      "invalid-argument",
      `tokenizer.json has '${this.pathOf(key)}' ${nameOf(this.value(key))}, which is not supported: expected ${known.join(", ")}`,
    );
  }

  pathOf(key: string): string {
    return this.#path === "" ? key : `${this.#path}.${key}`;
  }
}

export function isCount(value: unknown): value is number {
  return Number.isInteger(value) && (value as number) >= 0 && (value as number) <= 0x7fffffff;
}

function malformed(what: string, found: unknown, expected: string): RuntimeError {
  return new RuntimeError(
    "invalid-argument",
    `tokenizer.json is malformed: ${what} is ${nameOf(found)}, expected ${expected}; save it again with save_pretrained`,
  );
}

function nameOf(value: unknown): string {
  if (value === undefined || value === null) return "missing";
  if (typeof value === "string") return `"${value.length > 60 ? `${value.slice(0, 59)}…` : value}"`;
  if (typeof value !== "object") return String(value);
  return Array.isArray(value) ? "a list" : "an object";
}
