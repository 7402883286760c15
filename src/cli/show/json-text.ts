/** Of ECMAScript's "JSON.parse source text access", which Node has, and TypeScript's es2024 does not. */
const json = JSON as unknown as { rawJSON(text: string): unknown };

/** For `JSON.stringify`: writes bigints as the numbers that they are. */
export function writeLong(_key: string, value: unknown): unknown {
  return typeof value === "bigint" ? json.rawJSON(`${value}`) : value;
}
