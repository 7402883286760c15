/** Part of ECMAScript's "JSON.parse source text access": Node has it, TypeScript's es2024 library does not. */
const json = JSON as unknown as { rawJSON(text: string): unknown };

/** For `JSON.stringify`: a value that is written as this text, which is a number, a word or a string of JSON. */
export function rawJson(text: string): unknown {
  return json.rawJSON(text);
}

/** A replacer for `JSON.stringify`: writes a bigint as a JSON number with all of its digits. */
export function writeLong(_key: string, value: unknown): unknown {
  return typeof value === "bigint" ? rawJson(`${value}`) : value;
}
