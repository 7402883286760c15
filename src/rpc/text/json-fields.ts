import { RuntimeError } from "../../base/errors.ts";
import { FieldError } from "../failures/field-error.ts";

// Reads the bodies of text wires, field by field. A field that is not known may change what the client expects, so it
// is refused by its name. Null is as good as absent.

export type Json = Readonly<Record<string, unknown>>;

/** How a list of texts may be sent. */
export type SentTexts = readonly string[];

/** The fields of a JSON object. Call `end` when all that are known have been read. */
export class JsonFields {
  readonly #json: Json;
  readonly #where: string;
  readonly #known = new Set<string>();

  /** Throws "invalid-argument" unless `value` is an object. `where`: "" for the request itself. */
  constructor(value: unknown, where = "") {
    if (!isObject(value)) {
      throw new RuntimeError(
        "invalid-argument",
        `${where === "" ? "the request" : `'${where}'`} must be a JSON object`,
      );
    }
    this.#json = value;
    this.#where = where;
  }

  /** Undefined if it is absent. */
  any(name: string): unknown {
    this.#known.add(name);
    return Object.hasOwn(this.#json, name) ? (this.#json[name] ?? undefined) : undefined;
  }

  string(name: string): string | undefined {
    const value = this.any(name);
    if (value === undefined || typeof value === "string") return value;
    throw this.refusal(name, "must be a string");
  }

  boolean(name: string): boolean | undefined {
    const value = this.any(name);
    if (value === undefined || typeof value === "boolean") return value;
    throw this.refusal(name, "must be true or false");
  }

  /** `least`: the smallest that is allowed. */
  integer(name: string, least: number): number | undefined {
    const value = this.any(name);
    if (value === undefined) return undefined;
    if (typeof value === "number" && Number.isSafeInteger(value) && value >= least) return value;
    throw this.refusal(name, `must be an integer of at least ${least}`);
  }

  oneOf<Choice extends string>(name: string, choices: readonly Choice[]): Choice | undefined {
    const value = this.any(name);
    const found = choices.find((choice) => choice === value);
    if (value === undefined || found !== undefined) return found;
    throw this.refusal(name, `must be ${choices.map((choice) => `'${choice}'`).join(" or ")}`);
  }

  /** Refuses fields that nobody has read, unless they are `harmless`. */
  end(harmless: readonly string[] = []): void {
    for (const name of harmless) this.#known.add(name);
    const odd = Object.keys(this.#json).find(
      (name) => !this.#known.has(name) && (this.#json[name] ?? undefined) !== undefined,
    );
    if (odd === undefined) return;
    throw this.refusal(odd.slice(0, 100), "is not a field that is known here");
  }

  /** A refusal of the request because of this field. */
  refusal(name: string, why: string): FieldError {
    const path = this.#where === "" ? name : `${this.#where}.${name}`;
    return new FieldError(path, `'${path}' ${why}`);
  }

  required<Value>(name: string, value: Value | undefined): Value {
    if (value !== undefined) return value;
    throw this.refusal(name, "is missing");
  }
}

export function isObject(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A list of strings, of which one alone may be sent without a list. Undefined if the field is absent. */
export function readTexts(fields: JsonFields, name: string): SentTexts | undefined {
  const value = fields.any(name);
  if (value === undefined) return undefined;
  if (typeof value === "string") return [value];
  if (!Array.isArray(value)) throw fields.refusal(name, "must be a string or a list of strings");
  refuseMany(fields, name, value.length);
  const odd = value.findIndex((each) => typeof each !== "string");
  if (odd >= 0) throw fields.refusal(`${name}[${odd}]`, "must be a string");
  return value as string[];
}

/** Whatever the model: a message of more has to be read, and its texts copied to another thread. */
export const mostItems = 8_192;

export function refuseMany(
  fields: JsonFields,
  name: string,
  count: number,
  most = mostItems,
): void {
  if (count === 0) throw fields.refusal(name, "is empty, expected at least one");
  if (count > most) {
    throw fields.refusal(
      name,
      `has ${count} items, expected at most ${most}: send several requests`,
    );
  }
}
