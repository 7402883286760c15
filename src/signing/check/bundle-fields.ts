import { RuntimeError } from "../../base/errors.ts";

// Reading JSON that others wrote. `where` names a value in messages. All throw "invalid-argument".

type Fields = Readonly<Record<string, unknown>>;

export function parseObject(text: string, where: string): Fields {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // Node's message quotes the text.
    throw wrong(where, "valid JSON");
  }
  return object(value, where);
}

export function object(value: unknown, where: string): Fields {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Fields;
  throw wrong(where, "an object");
}

export function list(value: unknown, where: string): readonly unknown[] {
  if (Array.isArray(value)) return value;
  throw wrong(where, "an array");
}

export function string(value: unknown, where: string): string {
  if (typeof value === "string") return value;
  throw wrong(where, "a string");
}

export function base64(value: unknown, where: string): Buffer {
  const text = string(value, where);
  if (text.length % 4 === 0 && /^[A-Za-z0-9+/]*={0,2}$/.test(text)) {
    return Buffer.from(text, "base64");
  }
  throw wrong(where, "base64");
}

/** Throws unless `value` is `wanted`. */
export function exactly(value: unknown, wanted: string, where: string): void {
  if (value === wanted) return;
  const found = typeof value === "string" ? `'${value.slice(0, 100)}'` : typeof value;
  throw new RuntimeError("invalid-argument", `${where} is ${found}, expected '${wanted}'`);
}

function wrong(where: string, expected: string): RuntimeError {
  return new RuntimeError("invalid-argument", `${where} is not ${expected}`);
}
