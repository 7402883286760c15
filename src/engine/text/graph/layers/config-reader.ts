import { RuntimeError } from "../../../../base/errors.ts";

/** Above any real size. A product of two of them is still exact. */
const maxSize = 1_000_000_000;

/** Reads config.json, or an object in it. Every method takes the names that a value may have, of which the first one that
 *  is there counts; null is as good as absent. They throw RuntimeError "invalid-argument" with the name. */
export class ConfigReader {
  readonly #values: Readonly<Record<string, unknown>>;
  readonly #place: string;

  /** `place`: for messages. */
  constructor(values: Readonly<Record<string, unknown>>, place = "config.json") {
    this.#values = values;
    this.#place = place;
  }

  /** A whole number above 0. `absent`: what counts if none is there. */
  size(keys: string | readonly string[], absent?: number): number {
    const [key, value] = this.#find(keys, absent);
    if (Number.isInteger(value) && (value as number) > 0 && (value as number) <= maxSize) {
      return value as number;
    }
    throw this.wrong(key, value, "a whole number above 0");
  }

  /** A whole number, 0 included. */
  count(keys: string | readonly string[], absent?: number): number {
    const [key, value] = this.#find(keys, absent);
    if (value === 0) return 0;
    return this.size(key, absent);
  }

  /** Any number above 0. */
  positive(keys: string | readonly string[], absent?: number): number {
    const [key, value] = this.#find(keys, absent);
    if (typeof value === "number" && value > 0 && Number.isFinite(value)) return value;
    throw this.wrong(key, value, "a number above 0");
  }

  text(keys: string | readonly string[], absent?: string): string {
    const [key, value] = this.#find(keys, absent);
    if (typeof value === "string") return value;
    throw this.wrong(key, value, "a text");
  }

  flag(key: string, absent: boolean): boolean {
    const [, value] = this.#find(key, absent);
    if (typeof value === "boolean") return value;
    throw this.wrong(key, value, "true or false");
  }

  /** Undefined if it is absent. */
  texts(key: string): readonly string[] | undefined {
    const [, value] = this.#find(key, null);
    if (value === null) return undefined;
    if (Array.isArray(value) && value.every((item) => typeof item === "string")) return value;
    throw this.wrong(key, value, "a list of texts");
  }

  /** An object in this one; undefined if it is absent. */
  inner(key: string): ConfigReader | undefined {
    const [, value] = this.#find(key, null);
    if (value === null) return undefined;
    if (typeof value !== "object" || Array.isArray(value)) {
      throw this.wrong(key, value, "an object");
    }
    return new ConfigReader(value as Record<string, unknown>, `${this.#place}, ${key}`);
  }

  has(key: string): boolean {
    return this.#valueOf(key) !== undefined;
  }

  /** Refuses what would change how the model computes. `key` must be absent or one of `served`. */
  expect(key: string, ...served: readonly unknown[]): void {
    const value = this.#valueOf(key);
    if (value === undefined || served.includes(value)) return;
    const names = served.map((item) => JSON.stringify(item)).join(" or ") || "none";
    throw this.wrong(key, value, `${names}: models with another one are not served`);
  }

  /** `value`: as it was found. */
  wrong(key: string, value: unknown, expected: string): RuntimeError {
    const shown = value === undefined ? "is missing" : `is ${JSON.stringify(value)?.slice(0, 100)}`;
    return new RuntimeError(
      "invalid-argument",
      `${this.#place}: '${key}' ${shown}, expected ${expected}`,
    );
  }

  #find(keys: string | readonly string[], absent: unknown): [key: string, value: unknown] {
    const names = typeof keys === "string" ? [keys] : keys;
    for (const key of names) {
      const value = this.#valueOf(key);
      if (value !== undefined) return [key, value];
    }
    return [names[0] ?? "", absent];
  }

  #valueOf(key: string): unknown {
    return Object.hasOwn(this.#values, key) ? (this.#values[key] ?? undefined) : undefined;
  }
}
