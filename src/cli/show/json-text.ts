/** Part of ECMAScript's "JSON.parse source text access": Node has it, TypeScript's es2024 library does not. */
const json = JSON as unknown as { rawJSON(text: string): unknown };

/** For `JSON.stringify`: writes a bigint as a JSON number. */
export function writeLong(_key: string, value: unknown): unknown {
  return typeof value === "bigint" ? json.rawJSON(`${value}`) : value;
}
