import { malformed } from "./catboost-refusal.ts";

// Parts of parsed JSON, checked. `name` is what messages call the part. All throw RuntimeError "invalid-argument".

export function asObject(value: unknown, name: string): Readonly<Record<string, unknown>> {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) {
    return value as Record<string, unknown>;
  }
  throw malformed(`${name} is not an object`);
}

/** `null` is empty: the library writes it so. */
export function asList(value: unknown, name: string): readonly unknown[] {
  if (value === null) return [];
  if (Array.isArray(value)) return value;
  throw malformed(`${name} is not a list`);
}

export function asNumber(value: unknown, name: string): number {
  if (typeof value === "number") return value;
  throw malformed(`${name} is not a number`);
}

export function asNumbers(value: unknown, name: string): readonly number[] {
  const list = asList(value, name);
  if (list.every((each) => typeof each === "number")) return list;
  throw malformed(`${name} holds something that is not a number`);
}

/** A whole number from 0 on. */
export function asIndex(value: unknown, name: string): number {
  if (typeof value === "number" && Number.isInteger(value) && value >= 0 && value < 2 ** 31 - 1) {
    return value;
  }
  throw malformed(`${name} is not a whole number below 2^31`);
}

/** A field of what may be an object; undefined if it is not one, or lacks it. */
export function fieldOf(value: unknown, key: string): unknown {
  return typeof value === "object" && value !== null && Object.hasOwn(value, key)
    ? (value as Record<string, unknown>)[key]
    : undefined;
}
