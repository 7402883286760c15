import { RuntimeError } from "../../../base/errors.ts";
import type { DocumentObject, DocumentValue, Numbers } from "./document.ts";

/** The fields of one object of a model, by their types. All methods throw RuntimeError "invalid-argument" with the field's
 *  path if it is missing or of another type. */
export class Fields {
  readonly #object: DocumentObject;
  readonly #path: string;

  /** `path`: where the object is, such as "learner.objective"; "" for the outermost one. */
  constructor(object: DocumentObject, path: string) {
    this.#object = object;
    this.#path = path;
  }

  has(key: string): boolean {
    return this.#object.has(key);
  }

  object(key: string): Fields {
    const value = this.#object.get(key);
    if (!(value instanceof Map)) throw this.malformed(key, "an object", value);
    return new Fields(value, this.#pathOf(key));
  }

  /** The objects of a list. */
  objects(key: string): Fields[] {
    return this.#list(key).map((value, at) => {
      if (!(value instanceof Map)) throw this.malformed(`${key}[${at}]`, "an object", value);
      return new Fields(value, `${this.#pathOf(key)}[${at}]`);
    });
  }

  text(key: string): string {
    const value = this.#object.get(key);
    if (typeof value !== "string") throw this.malformed(key, "a text", value);
    return value;
  }

  texts(key: string): string[] {
    return this.#list(key).map((value, at) => {
      if (typeof value !== "string") throw this.malformed(`${key}[${at}]`, "a text", value);
      return value;
    });
  }

  /** A whole number that is not negative, as a number or as a text. */
  count(key: string): number {
    const value = this.#object.get(key);
    const number = typeof value === "string" && /^\d+$/.test(value) ? Number(value) : value;
    if (typeof number !== "number" || !Number.isSafeInteger(number) || number < 0) {
      throw this.malformed(key, "a whole number", value);
    }
    return number;
  }

  numbers(key: string): Numbers {
    const value = this.#object.get(key);
    if (!ArrayBuffer.isView(value)) throw this.malformed(key, "a list of numbers", value);
    return value;
  }

  /** A list of at least `length` numbers. */
  numbersOf(key: string, length: number): Numbers {
    const numbers = this.numbers(key);
    if (numbers.length < length) {
      throw this.malformed(key, `a list of ${length} numbers`, numbers);
    }
    return numbers;
  }

  /** "invalid-argument": `key` should have been `expected`, and is `found`. */
  malformed(key: string, expected: string, found: DocumentValue | undefined): RuntimeError {
    return new RuntimeError(
      "invalid-argument",
      `this XGBoost model is malformed: '${this.#pathOf(key)}' is ${nameOf(found)}, expected ${expected}; save the model again with save_model`,
    );
  }

  #list(key: string): readonly DocumentValue[] {
    const value = this.#object.get(key);
    if (Array.isArray(value)) return value as readonly DocumentValue[];
    // A list without elements has no type.
    if (ArrayBuffer.isView(value) && value.length === 0) return [];
    throw this.malformed(key, "a list", value);
  }

  #pathOf(key: string): string {
    return this.#path === "" ? key : `${this.#path}.${key}`;
  }
}

function nameOf(value: DocumentValue | undefined): string {
  if (value === undefined) return "missing";
  if (value === null || typeof value === "boolean" || typeof value === "number") return `${value}`;
  if (typeof value === "string") return `"${value.length > 40 ? `${value.slice(0, 39)}…` : value}"`;
  if (ArrayBuffer.isView(value)) return `a list of ${value.length} numbers`;
  return Array.isArray(value) ? "a list" : "an object";
}
